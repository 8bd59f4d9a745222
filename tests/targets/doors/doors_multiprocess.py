# SPDX-License-Identifier: Apache-2.0
"""strobe.prometheus.MultiProcess: processes with known values, ended in every way, read by prometheus_client's own collector."""
import gc
import json
import multiprocessing
import os
import resource
import shutil
import signal
import tempfile
import threading
import time
import unittest

from known import Source, one
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from strobe import _mpfiles, _multiprocess
from strobe.prometheus import MultiProcess, sweep

GATE = (("dependency", "Prices._gate"),)
CAPACITY = GATE + (("source", "bounded"),)
WAITED = ("semaphore_wait_seconds_total", GATE)
AVAILABLE = ("semaphore_available", GATE)
DEADLINE = 60


class Worker:
    """A forked process with a source and a writer: executes what it is sent, answers when that is done."""

    def __init__(self, folder, setup="", **values):
        there, self.commands = os.pipe()
        self.answers, back = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.commands)
            os.close(self.answers)
            self._serve(there, back, folder, setup, values)
        os.close(there)
        os.close(back)
        self.ended = False

    def _serve(self, commands, answers, folder, setup, values):
        try:
            source = Source(**values)
            names = {"source": source, "writer": MultiProcess(source=source, directory=folder, registry=CollectorRegistry()), "os": os,
                     "signal": signal, "sweep": sweep, "folder": folder, "resource": resource, "_mpfiles": _mpfiles}
            exec(setup, names)
            with os.fdopen(commands) as f:
                for command in f:
                    try:
                        exec(json.loads(command), names)
                        os.write(answers, b"done\n")
                    except Exception as error:
                        os.write(answers, (repr(error) + "\n").encode())
        finally:
            os._exit(0)

    def do(self, command):
        """Executes it; gives the answer, "" when the process ended."""
        os.write(self.commands, (json.dumps(command) + "\n").encode())
        answer = b""
        while not answer.endswith(b"\n"):
            more = os.read(self.answers, 4096)
            if not more:
                break
            answer += more
        return answer.decode().strip()

    def kill(self):
        if not self.ended:
            os.kill(self.pid, signal.SIGKILL)
            self.reap()

    def reap(self):
        os.waitpid(self.pid, 0)
        os.close(self.commands)
        os.close(self.answers)
        self.ended = True


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, True)

    def worker(self, setup="", **values):
        worker = Worker(self.folder, setup, **values)
        self.addCleanup(worker.kill)
        return worker

    def writer(self, source, **options):
        options.setdefault("registry", CollectorRegistry())
        writer = MultiProcess(source=source, directory=self.folder, **options)
        self.addCleanup(writer.stop)
        return writer

    def values(self, folder=None):
        collector = MultiProcessCollector(None, path=folder or self.folder)
        return {(sample[0], tuple(sorted(sample[1].items()))): sample[2] for metric in collector.collect() for sample in metric.samples}

    def wait_for(self, condition):
        end = time.monotonic() + DEADLINE
        while not condition():
            self.assertLess(time.monotonic(), end, "did not come about")
            time.sleep(0.01)

    def write(self, *workers):
        for worker in workers:
            self.assertEqual(worker.do("writer.write()"), "done")


class AggregatesTest(Case):
    def test_sum_least_and_largest(self):
        workers = [self.worker(available=free, lag=lag) for free, lag in ((3, 0.1), (9, 0.7), (10, 0.2), (10, 0.0))]
        self.write(*workers)
        values = self.values()
        self.assertEqual(values[AVAILABLE], 32)
        self.assertEqual(values["semaphore_capacity", CAPACITY], 40)
        self.assertEqual(values["semaphore_available_ratio_min", GATE], 0.3)
        self.assertEqual(values["event_loop_lag_seconds", ()], 0.7)
        pool = (("executor", "reports"), ("pool_type", "thread"))
        self.assertEqual(values["executor_max_workers", pool], 16)
        self.assertEqual(values["executor_active_workers", pool], 4)
        self.assertEqual(values["executor_pending_tasks", pool], 0)
        self.assertFalse([key for key in values if "pid" in dict(key[1])])

    def test_killed(self):
        first, second = self.worker(available=3), self.worker(available=9)
        self.write(first, second)
        self.assertEqual(first.do("source.waited = 5; writer.write()"), "done")
        first.kill()
        self.write(second)
        values = self.values()
        self.assertEqual((values[AVAILABLE], values["semaphore_capacity", CAPACITY]), (9, 10))
        self.assertEqual(values["semaphore_available_ratio_min", GATE], 0.9)
        self.assertEqual(values[WAITED], 5)

    def test_killed_all(self):
        worker = self.worker(available=3)
        self.assertEqual(worker.do("source.waited = 5; writer.write()"), "done")
        worker.kill()
        self.assertEqual(self.values()[AVAILABLE], 3)
        sweep(self.folder)
        self.assertNotIn(AVAILABLE, self.values())
        self.assertEqual(self.values()[WAITED], 5)

    def test_stopped(self):
        worker = self.worker()
        self.assertEqual(worker.do("writer.write(); source.waited = 5; writer.stop()"), "done")
        self.assertNotIn(AVAILABLE, self.values())
        self.assertEqual(self.values()[WAITED], 5)
        self.assertEqual(worker.do("source.waited = 6; writer.write()"), "done")
        self.assertEqual((self.values()[AVAILABLE], self.values()[WAITED]), (10, 6))

    def test_stopped_without_a_source(self):
        worker = self.worker()
        self.assertEqual(worker.do("source.waited = 5; writer.write(); source.error = RuntimeError('gone'); writer.stop()"), "done")
        self.assertNotIn(AVAILABLE, self.values())
        self.assertEqual(self.values()[WAITED], 5)

    def test_series_that_end(self):
        source = Source()
        source.more = [one("queue_size", "gauge", 1, {"queue": "a"}), one("queue_size_b_total", "counter", 1, {"queue": "b"})]
        writer = self.writer(source)
        writer.write()
        self.assertEqual(self.values()["queue_size", (("queue", "a"),)], 1)
        source.more = []
        writer.write()
        self.assertNotIn(("queue_size", (("queue", "a"),)), self.values())
        self.assertEqual(self.values()["queue_size_b_total", (("queue", "b"),)], 1)

    def test_a_counter_that_begins_anew(self):
        source = Source()
        writer = self.writer(source)
        for given, sum_of_all in ((5, 5), (8, 8), (float("nan"), 8), (2, 10), (2, 10), (3, 11)):
            source.waited = given
            writer.write()
            self.assertEqual(self.values()[WAITED], sum_of_all)

    def test_the_application_has_a_name(self):
        registry = CollectorRegistry()
        Gauge("semaphore_available", "its own", registry=registry)
        with self.assertLogs("strobe.prometheus", "WARNING") as logs:
            writer = self.writer(Source(), registry=registry)
            writer.write()
            writer.write()
        self.assertEqual(len(logs.records), 1)
        self.assertNotIn(AVAILABLE, self.values())
        self.assertIn(WAITED, self.values())

    def test_names_of_many_owners(self):
        for number in range(5):
            worker = self.worker("source.more = [{'name': 'x_total', 'type': 'counter', 'samples': [{'labels': {'executor': 'e%d-%d'},"
                                 " 'value': 1}]}]\nwriter.max_series = 3" % (number, number))
            self.write(worker)
            worker.kill()
        found = {dict(labels)["executor"]: value for (name, labels), value in self.values().items() if name == "x_total"}
        self.assertEqual(sum(found.values()), 5)
        self.assertIn("other", found)
        self.assertLessEqual(len(found), 5)
        known = len(found) - 1  # and what is in "other" was one each
        self.assertEqual(self.values()[("strobe_folded_series_total", (("metric", "x_total"),))], 5 - known)
        self.assertEqual(found["other"], 5 - known)


    def test_prefixes(self):
        """How values of processes are put together goes by the name, whatever stands before it in the source or here."""
        for prefix in ("", "app_", "shop_"):
            folder = tempfile.mkdtemp(dir=self.folder)
            for free, lag in ((3, 0.1), (9, 0.7)):
                worker = Worker(folder, "from prometheus_client import CollectorRegistry; from strobe.prometheus import MultiProcess\n"
                                "source.prefix = 'shop_'; source.more = [{'name': 'shop_process_open_fds', 'type': 'gauge', 'samples': "
                                "[{'labels': {}, 'value': 5}]}]\n"
                                "writer = MultiProcess(%r, source, folder, registry=CollectorRegistry())" % prefix, available=free, lag=lag)
                self.addCleanup(worker.kill)
                self.write(worker)
            values = self.values(folder)
            before = prefix or "shop_"
            self.assertEqual(values[before + "event_loop_lag_seconds", ()], 0.7)
            self.assertEqual(values[before + "semaphore_available_ratio_min", GATE], 0.3)
            self.assertEqual(values[before + "semaphore_available", GATE], 12)
            self.assertEqual(values["process_open_fds", ()], 10)
            self.assertFalse([name for name, _ in values if "process" in name and not name.startswith("process_")])


class FilesTest(Case):
    def test_what_is_no_plain_file_is_left_alone(self):
        """In a folder that others may write to: links are not followed, and nobody waits for a pipe."""
        victim = os.path.join(self.folder, "victim")
        with open(victim, "w") as f:
            f.write("of somebody else")
        made = {"link": lambda path: os.symlink(victim, path), "pipe": os.mkfifo}
        for number, make in enumerate(made.values()):
            for name in (".counter_strobe-0.db.new", ".gauge_livesum_strobe-0.db.new", "gauge_livesum_strobe-0.db", "counter_strobe-0.db"):
                folder = tempfile.mkdtemp(dir=self.folder)
                make(os.path.join(folder, name))
                writer = MultiProcess(source=Source(available=3), directory=folder, registry=CollectorRegistry())
                self.addCleanup(writer.stop)
                if name == "counter_strobe-0.db":
                    with self.assertLogs("strobe.prometheus", "WARNING"):
                        writer.write()
                else:
                    writer.write()
                writer.write()  # in place
                self.assertEqual(self.values(folder)[AVAILABLE], 3)
            folder = tempfile.mkdtemp(dir=self.folder)
            make(os.path.join(folder, _mpfiles.LOCK_FILE))
            writer = MultiProcess(source=Source(), directory=folder, registry=CollectorRegistry())
            self.assertRaises(_mpfiles.FormatError, writer.write)
        # put there while a process writes
        writer = self.writer(Source(available=3))
        path = os.path.join(self.folder, "gauge_livesum_strobe-0.db")
        for make in made.values():
            writer.write()
            os.unlink(path)
            make(path)
            writer.write()
            self.assertEqual(self.values()[AVAILABLE], 3)
        with open(victim) as f:
            self.assertEqual(f.read(), "of somebody else")

    def test_the_library_reads_the_same(self):
        self.writer(Source(available=3), process=False).write()
        path = os.path.join(self.folder, "gauge_livesum_strobe-0.db")
        theirs = [tuple(item)[:2] for item in MmapedDict.read_all_values_from_file(path)]
        form = _mpfiles.installed_format()
        self.assertEqual(dict(theirs), _mpfiles.ValueFile(path, form).read())
        words = ["Help of semaphore_available."] if form.helped else []
        self.assertIn((mmap_key("semaphore_available", "semaphore_available", ["dependency"], ["Prices._gate"], *words), 3.0), theirs)

    def test_files_of_the_application(self):
        own = {"gauge_livesum_4194303.db": b"", "counter_4194303.db": b""}
        for name in own:
            mapped = MmapedDict(os.path.join(self.folder, name))
            mapped.read_value(_mpfiles.installed_format().key("own", "own_total" if "counter" in name else "own", {}, "its own"))
            mapped.close()
        own = {name: self.content(name) for name in own}
        first, second = self.worker(), self.worker()
        self.write(first, second)
        first.kill()
        self.write(second)
        self.assertEqual({name: self.content(name) for name in own}, own)
        before = self.values()[AVAILABLE]
        mark_process_dead(second.pid, self.folder)
        self.assertEqual(self.values()[AVAILABLE], before)

    def content(self, name):
        with open(os.path.join(self.folder, name), "rb") as f:
            return os.fstat(f.fileno()).st_ino, os.fstat(f.fileno()).st_mtime_ns, f.read()

    def test_the_directory_is_emptied(self):
        for removed in (lambda name: True, lambda name: name == _mpfiles.LOCK_FILE, lambda name: name.endswith(".db")):
            workers = [self.worker(available=free) for free in (3, 9)]
            self.write(*workers)
            for name in os.listdir(self.folder):
                if removed(name):
                    os.unlink(os.path.join(self.folder, name))
            for _ in range(2):  # after the first time each knows what it has
                self.write(*workers)
            self.assertEqual(self.values()[AVAILABLE], 12)
            for worker in workers:
                worker.kill()
            sweep(self.folder)

    def test_a_damaged_file(self):
        worker = self.worker()
        self.write(worker)
        worker.kill()
        path = os.path.join(self.folder, "counter_strobe-0.db")
        with open(path, "r+b") as f:
            f.truncate(os.path.getsize(path) - 9)
        source = Source()
        source.waited = 3
        with self.assertLogs("strobe.prometheus", "WARNING"):
            self.writer(source).write()
        self.assertEqual(self.values()[WAITED], 3)

    def test_damage_of_every_kind(self):
        form = _mpfiles.installed_format()
        whole = bytes(_mpfiles.encode({form.key("m", "m_total", {"a": "b"}, "h"): 1.0, form.key("n", "n_total", {}, "h"): 2.0}, form)[0])
        self.assertEqual(len(_mpfiles.decode(whole, form)), 2)
        for at in range(len(whole)):
            for byte in (0, 1, 0x7f, 0x80, 0xff):
                try:
                    _mpfiles.decode(whole[:at] + bytes([byte]) + whole[at + 1:], form)
                except _mpfiles.FormatError:
                    pass
            if at:
                with self.assertRaises(_mpfiles.FormatError):
                    _mpfiles.decode(whole[:at], form)

    def test_no_room(self):
        worker = self.worker()
        self.assertEqual(worker.do("source.waited = 5; writer.write()"), "done")
        answer = worker.do("signal.signal(signal.SIGXFSZ, signal.SIG_IGN); limit = resource.getrlimit(resource.RLIMIT_FSIZE);"
                           "resource.setrlimit(resource.RLIMIT_FSIZE, (16, limit[1])); source.waited = 6;"
                           "source.more = [dict(source.metrics()[0], name='new_family')]; writer.write()")
        self.assertIn("Error", answer)
        self.assertGreaterEqual(self.values()[WAITED], 5)
        self.assertEqual(worker.do("resource.setrlimit(resource.RLIMIT_FSIZE, limit); writer.write()"), "done")
        self.assertEqual(self.values()[WAITED], 6)
        self.assertFalse([name for name in os.listdir(self.folder) if name.endswith(".new")])

    def test_descriptors_that_become_others(self):
        victim = os.path.join(self.folder, "victim")
        worker = self.worker()
        self.write(worker)
        # what a program does that becomes a daemon, but for the pipes of this test
        self.assertEqual(worker.do("keep = writer._directory._fd; os.close(keep);"
                                   "other = os.open(folder + '/victim', os.O_RDWR | os.O_CREAT);"
                                   "assert other == keep, (other, keep)"), "done")
        for _ in range(2):
            self.assertEqual(worker.do("source.waited += 1; writer.write(); os.fstat(other)"), "done")
        self.assertEqual(os.path.getsize(victim), 0)
        self.assertEqual(self.values()[WAITED], 2)

    def test_counters_that_cannot_be_read_now(self):
        worker = self.worker()
        self.assertEqual(worker.do("source.waited = 5; writer.write()"), "done")
        worker.kill()
        worker = self.worker("def refused(*_): raise OSError(24, 'Too many open files')")
        self.assertIn("Too many", worker.do("read, _mpfiles.ValueFile.read = _mpfiles.ValueFile.read, refused; source.waited = 1; writer.write()"))
        self.assertEqual(self.values()[WAITED], 5)
        self.assertEqual(worker.do("_mpfiles.ValueFile.read = read; writer.write()"), "done")
        self.assertEqual(self.values()[WAITED], 6)

    def test_no_directory(self):
        writer = MultiProcess(source=Source(), directory=os.path.join(self.folder, "none"), registry=CollectorRegistry())
        with self.assertRaises(OSError):
            writer.write()
        os.mkdir(os.path.join(self.folder, "none"))
        writer.write()
        writer.stop()

    def test_two_writers(self):
        first = self.writer(Source())
        first.write()
        second = self.writer(Source())
        with self.assertRaises(ValueError):
            second.write()
        first.stop()
        second.write()


class RestartsTest(Case):
    """Counters never go back and nothing is counted twice, wherever a process is killed."""

    def watch(self):
        """Scrapes all the time; gives what ends it and returns the readings."""
        over, readings = threading.Event(), []

        def scrape():
            while not over.is_set():
                readings.append(self.values().get(WAITED, 0.0))

        thread = threading.Thread(target=scrape)
        thread.start()

        def end():
            over.set()
            thread.join()
            self.assertEqual(readings, sorted(readings))
            return readings

        return end

    def test_200_restarts(self):
        # forked before there is a thread here
        spawner = self.worker("import doors_multiprocess as m")
        end = self.watch()
        workers = 4
        self.assertEqual(spawner.do("living = []"), "done")
        for turn in range(200):
            told = spawner.do("w = m.Worker(folder); w.do('source.waited = 1; writer.write()'); living.append(w)\n"
                              "if len(living) >= %d: living.pop(0).kill()" % workers)
            self.assertEqual(told, "done")
            if turn == 20:
                names = set(os.listdir(self.folder))
        self.assertEqual(self.values()[WAITED], 200)
        self.assertEqual(set(os.listdir(self.folder)), names)
        self.assertEqual(len([name for name in names if name.startswith("counter_")]), workers)
        sweep(self.folder)
        self.assertEqual(self.values()["semaphore_capacity", CAPACITY], 10 * (workers - 1))
        readings = end()
        self.assertGreater(len(set(readings)), 3)
        self.assertEqual(spawner.do("[w.kill() for w in living]"), "done")

    def test_killed_at_every_step(self):
        """SIGKILL before and after each call that changes a file."""
        calls = ("write", "pwrite", "rename", "open", "lockf")
        total, step, ended = 0.0, 0, False
        while not ended:
            for after in (False, True):
                worker = self.worker("""
import fcntl
def killing(module, name):
    true = getattr(module, name)
    def call(*args, **kwargs):
        global left
        if left == 0 and not AFTER:
            os.kill(os.getpid(), signal.SIGKILL)
        result = true(*args, **kwargs)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return result
    setattr(module, name, call)
AFTER, left = %r, -1
real = os.write
""" % after)
                self.assertEqual(worker.do("source.waited = 1; writer.write()"), "done")
                total += 1
                self.assertEqual(self.values()[WAITED], total)
                os.write(worker.commands, (json.dumps(
                    "left = %d\nanswer = os.write\nfor name in %r: killing(fcntl if name == 'lockf' else os, name)\n"
                    "source.waited = 2; source.available = source.lag = 3\n"
                    "source.more = [dict(source.metrics()[7], name='new_total')]; writer.write()\nos.write = answer" %
                    (step, calls)) + "\n").encode())
                answer = os.read(worker.answers, 100)
                now = self.values()[WAITED]
                if answer:
                    self.assertEqual(answer, b"done\n")
                    ended = True
                    worker.kill()
                else:
                    worker.reap()
                self.assertIn(now, (total, total + 1))
                total = now
            step += 1
        self.assertGreater(step, 8)
        self.assertEqual(len([name for name in os.listdir(self.folder) if name.startswith("counter_")]), 1)

    def test_all_sweep_at_once(self):
        workers = [self.worker() for _ in range(6)]
        self.write(*workers)
        end = self.watch()
        for turn in range(20):
            workers.pop(0).kill()
            for worker in workers:  # all at the same time
                os.write(worker.commands, (json.dumps("for _ in range(20): source.waited += 1; writer.write()") + "\n").encode())
            workers.append(self.worker())
            for worker in workers[:-1]:
                self.assertEqual(os.read(worker.answers, 100), b"done\n")
            self.write(workers[-1])
        self.write(*workers)
        values = self.values()
        self.assertEqual(values[WAITED], 20 * 5 * 20)
        self.assertEqual(values["semaphore_capacity", CAPACITY], 60)
        end()
        self.assertLessEqual(len([name for name in os.listdir(self.folder) if name.startswith("counter_")]), 7)


class ThreadTest(Case):
    def test_writes_by_itself(self):
        writer = self.writer(Source(available=3), interval=0.02).start()
        self.wait_for(lambda: self.values().get(AVAILABLE) == 3)
        writer.stop()
        self.assertNotIn(AVAILABLE, self.values())

    def test_forked(self):
        self.writer(Source(available=3), interval=0.02).start()
        pid = os.fork()
        if pid == 0:
            signal.pause()
        try:
            self.wait_for(lambda: self.values().get(("semaphore_capacity", CAPACITY)) == 20)
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        self.wait_for(lambda: self.values()["semaphore_capacity", CAPACITY] == 10)

    def test_only_children(self):
        # not referred to, as when an application starts one and forgets it
        MultiProcess(source=Source(available=3), directory=self.folder, registry=CollectorRegistry(), interval=0.02,
                     this_process=False).start()
        writer, = _multiprocess._started
        self.addCleanup(writer.stop)
        gc.collect()
        pid = os.fork()
        if pid == 0:
            signal.pause()
        try:
            self.wait_for(lambda: self.values().get(AVAILABLE) == 3)
            self.assertIsNone(writer._thread)
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

    def test_children_of_multiprocessing_do_not(self):
        writer = self.writer(Source(), interval=0.02).start()
        context = multiprocessing.get_context("fork")
        here, there = context.Pipe()
        child = context.Process(target=thread_of, args=(writer, there))
        child.start()
        self.assertEqual(here.recv(), (True, None))
        child.join()

    def test_trouble_is_told_once(self):
        source = Source()
        source.error = RuntimeError("no reading")
        with self.assertLogs("strobe.prometheus", "WARNING") as logs:
            asked = threading.Semaphore(0)
            read, source.metrics = source.metrics, lambda: (asked.release(), read())[1]
            writer = self.writer(source, interval=0.01).start()
            for _ in range(5):
                self.assertTrue(asked.acquire(timeout=DEADLINE))
            source.error = None
            self.wait_for(lambda: AVAILABLE in self.values())
            writer.stop()
        self.assertEqual(len(logs.records), 1)


def thread_of(writer, pipe):
    """In a child of multiprocessing: its writer's thread has ended by itself, and it has no slot."""
    thread = writer._thread
    thread.join(DEADLINE)
    pipe.send((not thread.is_alive(), writer._directory))
    pipe.close()


if __name__ == "__main__":
    unittest.main()
