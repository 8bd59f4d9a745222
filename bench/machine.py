# SPDX-License-Identifier: Apache-2.0
"""Describes the machine that figures were taken on."""
import os
import platform
import re
import time


def first(path, pattern):
    try:
        with open(path) as f:
            m = re.search(pattern, f.read(), re.M)
    except OSError:
        return None
    return m.group(1).strip() if m else None


def load():
    return "%.2f" % os.getloadavg()[0]


def ticks():
    """(all, idle) clock ticks of all CPUs since the start of the machine."""
    with open("/proc/stat") as f:
        numbers = [int(x) for x in f.readline().split()[1:9]]
    return sum(numbers), numbers[3] + numbers[4]


def busy(seconds):
    """Per cent of the machine that is busy while we sleep, stolen time included."""
    total, idle = ticks()
    time.sleep(seconds)
    total_after, idle_after = ticks()
    return 100.0 * (1.0 - (idle_after - idle) / max(1, total_after - total))


def describe():
    """Lines of text."""
    model = first("/proc/cpuinfo", r"^model name\s*:(.*)$") or platform.machine()
    virtual = " (virtual machine)" if re.search(r"\bhypervisor\b", first("/proc/cpuinfo", r"^flags\s*:(.*)$") or "") else ""
    memory = first("/proc/meminfo", r"^MemTotal:\s*(\d+) kB")
    system = first("/etc/os-release", r'^PRETTY_NAME="?(.*?)"?$') or "Linux"
    lines = ["Machine: %s, %d cores%s, %s GiB" % (model, os.cpu_count() or 0, virtual, round(int(memory or 0) / 2 ** 20, 1))]
    lines.append("System: %s, kernel %s, glibc %s" % (system, platform.release(), platform.libc_ver()[1]))
    return lines
