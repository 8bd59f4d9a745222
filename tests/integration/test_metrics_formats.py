# SPDX-License-Identifier: Apache-2.0
"""The metrics in the two formats of Prometheus, read back by its own Python client's parsers and by promtool: made-up readings go in
through tests/integration/metrics_demo.c, their sums are computed here anew."""
import collections
import json
import os
import random
import shutil
import subprocess
import unicodedata

import pytest
from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics_parser

from lib import built
from lib.profiles import HOSTILE, NOT_UTF8

THREADS, PROCESSES, INTERPRETERS, ANYIO, SEMAPHORE, LIMITER, QUEUE = range(7)
STORED, COUNTED, CONSTRUCTION = 1, 2, 3
UNKNOWN, UNLIMITED = -1, -2
POOL_TYPE = {THREADS: "thread", PROCESSES: "process", INTERPRETERS: "interpreter", ANYIO: "thread"}
# What would break out of a label, or of its line.
INJECTIONS = [
    'x"} 1\nevil_total 666\n', 'x\\', 'x\\"} 1 #', 'x\n# EOF\n', 'x\r# TYPE evil counter\r', '{evil="1"}', "x\u2028evil 1", "x\x85evil 1",
    "# HELP evil x", '",evil="1', "\x1c\x1d\x1e\x1f", "le=\"+Inf\"", "a" * 500 + '"\n', "\\" * 300,
]
NAMES = HOSTILE + NOT_UTF8 + INJECTIONS


@pytest.fixture(scope="session")
def demo():
    built.make("metrics-demo")
    return built.path("tests/integration/metrics_demo")


def encode(text):
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    return raw.replace(b"\0", b"").hex() or "-"


class Readings:
    def __init__(self):
        self.words = []

    def reading(self, ms):
        self.words.append("reading %d" % ms)

    def thing(self, kind, address, name="", prefix="", type="", module="", max=-1, busy=-1, queued=-1, free=-1, capacity=-1, source=0,
              waiters=-1, size=-1, maxsize=-1):
        self.words.append("thing %d %d %s %s %s %s %d %d %d %d %d %d %d %d %d" % (
            kind, address, encode(name), encode(prefix), encode(type), encode(module), max, busy, queued, free, capacity, source, waiters,
            size, maxsize))

    def write(self, demo, form, *args, env=None):
        done = subprocess.run([demo, form] + [str(arg) for arg in args], input="\n".join(self.words).encode(), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60, env=env)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode("utf-8")  # strict: the formats are UTF-8


def parse(text, form):
    """{sample name: {labels: value}}; each label set once, each family once."""
    families = list(parser.text_string_to_metric_families(text) if form == "text"
                    else openmetrics_parser.text_string_to_metric_families(text))
    names = [family.name for family in families]
    assert len(names) == len(set(names))
    samples = collections.defaultdict(dict)
    for family in families:
        assert family.documentation
        for sample in family.samples:
            labels = frozenset(sample.labels.items())
            assert labels not in samples[sample.name]
            samples[sample.name][labels] = sample.value
    return samples


FAMILIES = {
    "executor_active_workers": "gauge", "executor_pending_tasks": "gauge", "executor_max_workers": "gauge",
    "executor_busy_worker_seconds": "counter", "executor_saturated_seconds": "counter",
    "semaphore_available": "gauge", "semaphore_available_ratio_min": "gauge", "semaphore_capacity": "gauge", "semaphore_waiters": "gauge",
    "semaphore_exhausted_seconds": "counter", "semaphore_wait_seconds": "counter",
    "queue_size": "gauge", "queue_maxsize": "gauge", "queue_waiters": "gauge",
    "active_async_tasks": "gauge", "async_tasks": "gauge", "event_loop_lag_seconds": "gauge", "event_loop_busy_seconds": "counter",
    "process_open_fds": "gauge", "process_cpu_seconds": "counter", "process_resident_memory_bytes": "gauge",
    "strobe_targets": "gauge", "strobe_cpu_seconds": "counter", "strobe_paused_seconds": "counter", "strobe_looks": "counter",
    "strobe_look_errors": "counter", "strobe_gaps": "counter", "strobe_gap_seconds": "counter", "strobe_events": "counter",
    "strobe_events_lost": "counter", "strobe_dropped_series": "gauge",
}


def everything():
    readings = Readings()
    for ms in (1000, 1500, 2000):
        readings.reading(ms)
        readings.thing(THREADS, 1, "app.POOL", max=4, busy=4, queued=2)
        readings.thing(PROCESSES, 2, "app.WORK", max=2, busy=1, queued=0)
        readings.thing(SEMAPHORE, 3, "Client._gate", free=0, capacity=10, source=STORED, waiters=3)
        readings.thing(LIMITER, 4, "app.LIMIT", free=UNLIMITED, capacity=UNLIMITED, source=STORED, waiters=0)
        readings.thing(QUEUE, 5, "app.JOBS", size=1, maxsize=10, waiters=0)
        readings.words += ["tasks 5 4 3 2", "loop 1 125000", "loop 0 0", "process 2500000 4096 17", "cost 1250000 1000 7 1"]
    return readings


@pytest.mark.parametrize("form", ["text", "openmetrics"])
def test_families_and_their_types(demo, form):
    text = everything().write(demo, form)
    found = list(parser.text_string_to_metric_families(text) if form == "text" else openmetrics_parser.text_string_to_metric_families(text))
    assert {family.name: family.type for family in found} == FAMILIES
    if form == "openmetrics":
        assert {family.unit for family in found if "seconds" in family.name} == {"seconds"}
        assert text.endswith("# EOF\n")
    samples = parse(text, form)
    assert samples["executor_busy_worker_seconds_total"] == {
        frozenset({("pool_type", "thread"), ("executor", "app.POOL")}): 4,
        frozenset({("pool_type", "process"), ("executor", "app.WORK")}): 1}
    assert samples["semaphore_available"][frozenset({("dependency", "app.LIMIT")})] == float("inf")
    assert samples["semaphore_wait_seconds_total"][frozenset({("dependency", "Client._gate")})] == 3
    assert samples["semaphore_available_ratio_min"] == {frozenset({("dependency", "Client._gate")}): 0}  # the other one has no end
    assert samples["async_tasks"] == {frozenset({("state", state)}): n
                                      for state, n in (("waiting", 5), ("ready", 4), ("running", 3), ("done", 2))}
    assert samples["active_async_tasks"] == {frozenset(): 12}
    assert samples["event_loop_lag_seconds"] == {frozenset(): 0.125}
    assert samples["event_loop_busy_seconds_total"] == {frozenset(): 1}
    assert samples["process_cpu_seconds_total"] == {frozenset(): 2.5}
    assert samples["strobe_looks_total"] == {frozenset(): 7}


def test_a_prefix_is_before_every_name_of_the_service(demo):
    plain = parse(everything().write(demo, "text"), "text")
    samples = parse(everything().write(demo, "text", 200, "shop_"), "text")
    assert set(samples) == {name if name.startswith(("process_", "strobe_")) else "shop_" + name for name in plain}
    assert {"process_open_fds", "strobe_looks_total", "shop_semaphore_available"} <= set(samples)


@pytest.mark.skipif(not shutil.which("promtool"), reason="no promtool (Debian: prometheus)")
def test_promtool_has_nothing_to_say(demo):
    readings = everything()
    for i, name in enumerate(NAMES):
        readings.thing(SEMAPHORE, 100 + i, name, free=1, waiters=0)
    done = subprocess.run(["promtool", "check", "metrics"], input=readings.write(demo, "text").encode(), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60)
    assert (done.returncode, done.stdout) == (0, b"")


def is_harmless(label):
    return len(label.encode()) < 128 and not any(unicodedata.category(c) in ("Cc", "Zl", "Zp") or 0x202a <= ord(c) <= 0x202e for c in label)


@pytest.mark.parametrize("form", ["text", "openmetrics"])
@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_hostile_name_stays_in_its_label(demo, form, name):
    readings = Readings()
    readings.reading(1000)
    readings.thing(SEMAPHORE, 1, name, prefix=name, type=name, module=name, free=3, waiters=0)
    readings.thing(THREADS, 2, "", prefix=name, type=name, module=name, max=5)
    text = readings.write(demo, form)
    samples = parse(text, form)
    assert set(samples) <= {family + ("_total" if kind == "counter" else "") for family, kind in FAMILIES.items()}
    (labels, value), = samples["semaphore_available"].items()
    assert value == 3 and [key for key, _ in labels] == ["dependency"] and is_harmless(dict(labels)["dependency"])
    (labels, value), = samples["executor_max_workers"].items()
    assert value == 5 and {key for key, _ in labels} == {"pool_type", "executor"} and is_harmless(dict(labels)["executor"])
    if isinstance(name, str) and name.isascii() and name.isprintable() and 0 < len(name) < 120:
        assert dict(labels)["executor"] == name  # nothing else is changed


@pytest.mark.parametrize("seed", range(20))
def test_sums_of_random_readings(demo, seed):
    """Random objects that come and go under random names: the gauges are the sums over what is there, over few series as over many."""
    rng = random.Random(seed)
    readings, cap = Readings(), rng.choice([1, 5, 200])
    pool = [rng.choice(NAMES) if rng.random() < 0.5 else "".join(chr(rng.choice([rng.randrange(1, 0x250), rng.randrange(1, 0xd800)]))
                                                                 for _ in range(rng.randrange(1, 60))) for _ in range(rng.randrange(1, 60))]
    for i in range(rng.randrange(1, 12)):
        readings.reading(1000 + 100 * i)
        totals = collections.Counter()
        n = rng.randrange(0, 80)
        for _ in range(n):
            kind = rng.choice([THREADS, PROCESSES, INTERPRETERS, SEMAPHORE, LIMITER, QUEUE])
            numbers = [rng.choice([0, 1, 7, 1000, 2 ** 40]) for _ in range(3)]
            address, name = rng.randrange(1, 200), rng.choice(pool)
            if kind <= INTERPRETERS:
                readings.thing(kind, address, name, max=numbers[0], busy=numbers[1], queued=numbers[2])
                totals.update({("executor_max_workers", POOL_TYPE[kind]): numbers[0],
                               ("executor_active_workers", POOL_TYPE[kind]): numbers[1],
                               ("executor_pending_tasks", POOL_TYPE[kind]): numbers[2]})
            elif kind == QUEUE:
                readings.thing(kind, address, name, size=numbers[0], maxsize=10, waiters=numbers[1])
                totals.update({("queue_size", None): numbers[0], ("queue_maxsize", None): 10, ("queue_waiters", None): numbers[1]})
            else:
                readings.thing(kind, address, name, free=numbers[0], capacity=numbers[1], source=rng.choice([STORED, CONSTRUCTION]),
                               waiters=numbers[2])
                totals.update({("semaphore_available", None): numbers[0], ("semaphore_capacity", None): numbers[1],
                               ("semaphore_waiters", None): numbers[2]})
    for form in ("text", "openmetrics"):
        samples = parse(readings.write(demo, form, cap), form)
        for (family, pool_type), total in totals.items():
            values = [value for labels, value in samples[family].items() if pool_type is None or ("pool_type", pool_type) in labels]
            assert sum(values) == total
            # each domain has its cap, and `other` besides, one a pool type; capacity one a source, of which there are two here
            assert len(values) <= (cap + 1) * (2 if family == "semaphore_capacity" else 1)
        for family in samples.values():
            assert all(is_harmless(value) for labels in family for _, value in labels)


def test_numbers_in_another_locale(demo, tmp_path):
    if not os.path.exists("/usr/share/i18n/locales/de_DE"):
        pytest.skip("no sources of locales (Debian: locales)")
    subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", str(tmp_path / "de_DE.UTF-8")], check=True, timeout=120)
    env = dict(os.environ, LOCPATH=str(tmp_path), LC_ALL="de_DE.UTF-8")
    assert subprocess.run(["locale", "decimal_point"], env=env, stdout=subprocess.PIPE).stdout == b",\n"
    for form in ("text", "openmetrics", "pools", "health", "events"):
        assert everything().write(demo, form, env=env) == everything().write(demo, form)


def test_events_are_lines_of_json(demo):
    events = [json.loads(line) for line in everything().write(demo, "events").splitlines()]
    assert events == [
        {"event": "executor_saturated", "resilience_event": "executor_saturated", "time": 1700000002.0, "executor": "app.POOL",
         "pool_type": "thread", "active_workers": 4, "max_workers": 4, "pending_tasks": 2, "duration_ms": 1000},
        {"event": "bulkhead_contention", "resilience_event": "bulkhead_contention", "time": 1700000002.0,
         "dependency": "Client._gate", "duration_ms": 1000, "duration_of": "contention", "waiters": 3, "available": 0, "capacity": 10},
    ]


def test_hostile_names_in_json(demo):
    readings = Readings()
    for ms in (1000, 2000):
        readings.reading(ms)
        for i, name in enumerate(NAMES):
            readings.thing(SEMAPHORE, 1 + i, name, free=0, capacity=1, source=STORED, waiters=1)
    lines = readings.write(demo, "events").splitlines()
    pools = json.loads(readings.write(demo, "pools"))
    assert {json.loads(line)["dependency"] for line in lines} == set(pools["semaphores"])
    assert sum(row["capacity"] for row in pools["semaphores"].values()) == len(NAMES)
    assert all(is_harmless(name) for name in pools["semaphores"])
    assert json.loads(readings.write(demo, "health"))["status"] == "degraded"
