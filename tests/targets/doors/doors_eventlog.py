# SPDX-License-Identifier: Apache-2.0
"""strobe.eventlog: events of a source as log lines."""
import json
import logging
import os
import re
import threading
import unittest

import structlog
from known import Source

from strobe import eventlog

DEADLINE = 60
WAITED = {"event": "bulkhead_contention", "time": 1.0, "dependency": "Prices._gate", "duration_ms": 1530, "duration_of": "contention", "waiters": 4, "available": 0,
          "capacity": 10}
SATURATED = {"event": "executor_saturated", "time": 2.0, "executor": "reports", "pool_type": "thread", "duration_ms": 900,
             "active_workers": 4, "max_workers": 4, "pending_tasks": 17}


class EventLogTest(unittest.TestCase):
    def setUp(self):
        self.source, self.now = Source(), 100.0

    def log(self, **options):
        return eventlog.EventLog(source=self.source, clock=lambda: self.now, **options)

    def lines(self, log, *events):
        self.source.happened = list(events)
        with self.assertLogs("strobe", "DEBUG") as logs:
            logging.getLogger("strobe").debug("so that there is a record")
            log.poll()
        return logs.records[1:]

    def test_lines(self):
        first, second = self.lines(self.log(), WAITED, SATURATED)
        self.assertEqual(first.getMessage(), 'resilience_event="bulkhead_contention" dependency="Prices._gate" duration_ms=1530 '
                                             'duration_of="contention" waiters=4 available=0 capacity=10')
        self.assertEqual(second.getMessage(), 'resilience_event="executor_saturated" executor="reports" pool_type="thread" duration_ms=900 '
                                              'active_workers=4 max_workers=4 pending_tasks=17')
        self.assertEqual((first.levelno, first.name), (logging.WARNING, "strobe"))
        self.assertEqual((first.resilience_event, first.dependency, first.duration_ms, first.waiters),
                         ("bulkhead_contention", "Prices._gate", 1530, 4))
        self.assertEqual((second.resilience_event, second.executor, second.pending_tasks), ("executor_saturated", "reports", 17))

    def test_one_per_object_and_minute(self):
        log = self.log()
        other = dict(WAITED, dependency="Other._gate")
        self.assertEqual(len(self.lines(log, WAITED, WAITED, other)), 2)
        self.now += 59
        self.assertEqual(self.lines(log, WAITED, other), [])
        self.now += 2
        self.assertEqual(len(self.lines(log, WAITED, other, SATURATED)), 3)

    def test_thresholds(self):
        log = self.log(wait_seconds=1.6, saturated_seconds=0.8, every_seconds=0, level=logging.ERROR)
        records = self.lines(log, WAITED, SATURATED, SATURATED, dict(WAITED, duration_ms=1600), dict(SATURATED, duration_ms=799))
        self.assertEqual([record.duration_ms for record in records], [900, 900, 1600])
        self.assertEqual({record.levelno for record in records}, {logging.ERROR})

    def test_memory_of_objects_is_bounded(self):
        log = self.log()
        self.lines(log, *[dict(WAITED, dependency="d%d" % number) for number in range(eventlog.OBJECTS + 50)])
        self.assertEqual(len(log._told), eventlog.OBJECTS)
        self.now += 61
        self.assertEqual(len(self.lines(log, WAITED)), 1)
        self.assertEqual(len(log._told), 1)

    def test_hostile_names(self):
        name = 'a" resilience_event="none"\n\x1b[31m\udc80'
        record, = self.lines(self.log(), dict(WAITED, dependency=name))
        told = record.getMessage()
        self.assertTrue(told.isascii() and told.isprintable())
        value = re.match(r'resilience_event="bulkhead_contention" dependency=("(?:\\.|[^"\\])*") duration_ms', told).group(1)
        self.assertEqual(json.loads(value), name.replace("\udc80", "\\udc80"))

    def test_structlog_when_asked_for(self):
        self.addCleanup(structlog.reset_defaults)
        with structlog.testing.capture_logs() as lines:
            self.source.happened = [WAITED]
            self.log(use_structlog=True).poll()
        self.assertEqual(lines, [dict(resilience_event="bulkhead_contention", dependency="Prices._gate", duration_ms=1530,
                                      duration_of="contention", waiters=4, available=0, capacity=10, event="saturation", log_level="warning")])

    def test_structlog_when_configured(self):
        self.assertFalse(self.log()._structlog)
        structlog.configure()
        try:
            self.assertTrue(self.log()._structlog)
            self.assertFalse(self.log(use_structlog=False)._structlog)
        finally:
            structlog.reset_defaults()

    def test_logger_given(self):
        with self.assertLogs("own.logger", "WARNING") as logs:
            self.source.happened = [WAITED]
            self.log(logger=logging.getLogger("own.logger")).poll()
        self.assertEqual(len(logs.records), 1)
        self.assertTrue(self.log(logger=structlog.get_logger())._structlog)

    def test_thread(self):
        logged = threading.Event()
        handler = logging.Handler()
        handler.emit = lambda record: logged.set()
        logging.getLogger("strobe").addHandler(handler)
        self.addCleanup(logging.getLogger("strobe").removeHandler, handler)
        self.source.happened = [WAITED]
        log = eventlog.start(source=self.source, interval=0.01)
        self.assertIs(log.start(), log)
        self.assertTrue(logged.wait(DEADLINE))
        logged.clear()
        log._told.clear()
        self.source.happened = [SATURATED]
        log.stop()
        self.assertTrue(logged.is_set(), "what is left is logged at the end")
        self.assertFalse([thread for thread in threading.enumerate() if thread.name == "strobe-events"])

    def test_a_source_that_fails(self):
        self.source.error = RuntimeError("no events")
        asked = threading.Semaphore(0)
        events, self.source.events = self.source.events, lambda: (asked.release(), events())[1]
        with self.assertLogs("strobe.eventlog", "WARNING") as logs:
            log = eventlog.start(source=self.source, interval=0.001)
            for _ in range(5):
                self.assertTrue(asked.acquire(timeout=DEADLINE))
            log.stop()
        self.assertEqual(len(logs.records), 1)

    def test_forked(self):
        log = eventlog.start(source=self.source, interval=0.01)
        self.addCleanup(log.stop)
        here, there = os.pipe()
        handler = logging.Handler()
        handler.emit = lambda record: os.write(there, record.getMessage().encode())
        logging.getLogger("strobe").addHandler(handler)
        self.addCleanup(logging.getLogger("strobe").removeHandler, handler)
        pid = os.fork()
        if pid == 0:
            self.source.happened = [WAITED]
            threading.Event().wait(DEADLINE)
            os._exit(1)
        self.assertIn(b"bulkhead_contention", os.read(here, 4096))
        os.kill(pid, 9)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    unittest.main()
