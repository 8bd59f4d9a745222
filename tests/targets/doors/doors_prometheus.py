# SPDX-License-Identifier: Apache-2.0
"""strobe.prometheus.Collector in registries of prometheus_client."""
import os
import re
import resource
import unittest

import prometheus_client
from known import FAMILIES, Source, one
from prometheus_client import CollectorRegistry, Gauge, ProcessCollector, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from strobe.prometheus import Collector

GATE = {"dependency": "Prices._gate"}


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def merged(families):
    """One of a name, with the samples of all."""
    found = {}
    for family in families:
        found.setdefault(family["name"], dict(family, samples=[]))["samples"].extend(family["samples"])
    return list(found.values())


class CollectorTest(unittest.TestCase):
    def setUp(self):
        self.registry = CollectorRegistry(auto_describe=True)
        self.source = Source(available=3, waiters=2, lag=0.25)

    def value(self, name, labels=None):
        return self.registry.get_sample_value(name, labels or {})

    def test_values(self):
        self.source.waited = 7.5
        self.registry.register(Collector(source=self.source))
        self.assertEqual(self.value("semaphore_available", GATE), 3)
        self.assertEqual(self.value("semaphore_capacity", dict(GATE, source="bounded")), 10)
        self.assertEqual(self.value("semaphore_available_ratio_min", GATE), 0.3)
        self.assertEqual(self.value("semaphore_wait_seconds_total", GATE), 7.5)
        self.assertEqual(self.value("event_loop_lag_seconds"), 0.25)
        self.source.available = 4
        self.assertEqual(self.value("semaphore_available", GATE), 4)

    def test_text_and_openmetrics(self):
        self.registry.register(Collector(source=self.source))
        text = generate_latest(self.registry).decode()
        self.assertIn('semaphore_available{dependency="Prices._gate"} 3.0\n', text)
        self.assertIn("# TYPE semaphore_wait_seconds_total counter\n", text)
        read = {family.name: family for family in text_string_to_metric_families(generate_openmetrics(self.registry).decode())}
        self.assertEqual(read["semaphore_wait_seconds"].type, "counter")
        self.assertEqual(read["semaphore_wait_seconds"].samples[0].name, "semaphore_wait_seconds_total")
        self.assertEqual(read["executor_max_workers"].samples[0].labels, {"pool_type": "thread", "executor": "reports"})

    def test_no_reading_at_registration(self):
        self.source.error = RuntimeError("read")
        self.registry.register(Collector(source=self.source))

    def test_prefix(self):
        self.source.more = [one("strobe_samples_total", "counter", 5, {}), one("app_queue_size", "gauge", 6, {"queue": "q"})]
        self.registry.register(Collector("app_", source=self.source))
        self.assertEqual(self.value("app_semaphore_available", GATE), 3)
        self.assertEqual(self.value("app_semaphore_available_ratio_min", GATE), 0.3)
        self.assertEqual(self.value("strobe_samples_total"), 5)
        self.assertEqual(self.value("app_queue_size", {"queue": "q"}), 6)
        self.assertIsNone(self.value("semaphore_available", GATE))

    def test_prefixes_that_no_name_begins_with(self):
        for prefix, error in (("9", ValueError), ("a b", ValueError), ("a\n# x", ValueError), ("\udcff", ValueError), (3, TypeError), (None, TypeError)):
            with self.assertRaises(error):
                Collector(prefix, source=self.source)

    def test_prefix_of_the_source(self):
        """It stays, and gives way to the door's; names that are shared have none."""
        self.source.more = [one("shop_process_open_fds", "gauge", 5, {}), one("shop_strobe_looks_total", "counter", 6, {})]
        for prefix, name in (("", "shop_semaphore_available"), ("app_", "app_semaphore_available"), ("shop_", "shop_semaphore_available")):
            registry = CollectorRegistry(auto_describe=True)
            self.source.prefix = "shop_"
            registry.register(Collector(prefix, source=self.source))
            text = generate_latest(registry).decode()
            self.assertEqual(registry.get_sample_value(name, GATE), 3)
            self.assertEqual(registry.get_sample_value(name + "_ratio_min", GATE), 0.3)
            self.assertEqual(registry.get_sample_value("process_open_fds"), 5)
            self.assertEqual(registry.get_sample_value("strobe_looks_total"), 6)
            self.assertEqual(len(re.findall("^# TYPE .*semaphore_available ", text, re.M)), 1, text)
            self.assertNotIn("\nshop_process", text)
            self.assertNotIn("\nshop_strobe", text)

    def test_a_part_of_what_has_no_end(self):
        """Neither is a number, so neither has a ratio; the others have."""
        for name, value in (("semaphore_available", float("inf")), ("semaphore_capacity", float("inf"))):
            self.source.more.append(one(name, "gauge", value, {"dependency": "unlimited"}))
        for name, value in (("semaphore_available", float("inf")), ("semaphore_capacity", 7)):
            self.source.more.append(one(name, "gauge", value, {"dependency": "grown"}))
        source, self.source.now = self.source, lambda: []
        self.source.more = merged(self.source.more + type(source).now(source))
        self.registry.register(Collector(source=source))
        ratios = {family.name: family for family in self.registry.collect()}["semaphore_available_ratio_min"].samples
        self.assertEqual([(sample.labels, sample.value) for sample in ratios], [(GATE, 0.3)])

    def test_names_known_beforehand(self):
        """Those that the source names and the doors' own; nothing is read for it."""
        collector = Collector("app_", source=self.source, registry=self.registry)
        self.source.error = RuntimeError("read")
        names = {metric.name for metric in collector.describe()}
        self.assertEqual(names, {"app_" + name.replace("_total", "") for name, _ in FAMILIES} |
                         {"app_semaphore_available_ratio_min", "process_open_fds", "process_cpu_seconds", "process_resident_memory_bytes"})

    def test_names_that_the_application_has(self):
        Gauge("semaphore_available", "the application's own", registry=self.registry).set(77)
        with self.assertLogs("strobe.prometheus", "WARNING") as logs:
            self.registry.register(Collector(source=self.source))
            generate_latest(self.registry)
            generate_latest(self.registry)
        self.assertEqual(len(logs.records), 1)
        self.assertIn("semaphore_available", logs.records[0].getMessage())
        self.assertNotIn("semaphore_waiters", logs.records[0].getMessage())
        self.assertEqual(self.value("semaphore_available"), 77)
        self.assertIsNone(self.value("semaphore_available", GATE))
        self.assertEqual(self.value("semaphore_waiters", GATE), 2)

    def test_a_counter_clashes_with_its_base_name(self):
        Gauge("semaphore_wait_seconds", "the application's own", registry=self.registry)
        with self.assertLogs("strobe.prometheus", "WARNING"):
            self.registry.register(Collector(source=self.source))
        self.assertNotIn("semaphore_wait_seconds_total", generate_latest(self.registry).decode())

    def test_two_registries(self):
        other = CollectorRegistry()
        self.registry.register(Collector(source=self.source))
        other.register(Collector(source=self.source))
        for registry in (self.registry, other):
            self.assertEqual(registry.get_sample_value("semaphore_available", GATE), 3)

    def test_process_facts_when_nobody_exports_them(self):
        self.registry.register(Collector(source=self.source))
        self.assertEqual(self.value("process_open_fds"), len(os.listdir("/proc/self/fd")) - 1)
        before, told, after = cpu(), self.value("process_cpu_seconds_total"), cpu()
        self.assertTrue(0 < before <= told <= after, (before, told, after))
        self.assertGreater(self.value("process_resident_memory_bytes"), 1 << 20)

    def test_process_facts_of_another_collector(self):
        for registry in (CollectorRegistry(auto_describe=True), CollectorRegistry()):
            ProcessCollector(registry=registry)
            registry.register(Collector(source=self.source))
            text = generate_latest(registry).decode()
            for name in ("process_open_fds", "process_cpu_seconds_total", "process_resident_memory_bytes"):
                self.assertEqual(text.count("# TYPE %s " % name), 1, text)

    def test_default_registry(self):
        collector = Collector(source=self.source)
        prometheus_client.REGISTRY.register(collector)
        try:
            text = generate_latest(prometheus_client.REGISTRY).decode()
        finally:
            prometheus_client.REGISTRY.unregister(collector)
        self.assertIn("semaphore_available{", text)
        self.assertEqual(text.count("# TYPE process_open_fds "), 1)

    def test_a_source_that_fails(self):
        Gauge("of_the_application", "", registry=self.registry).set(1)
        self.registry.register(Collector(source=self.source))
        self.source.error = RuntimeError("no reading")
        with self.assertLogs("strobe.prometheus", "WARNING") as logs:
            for _ in range(3):
                text = generate_latest(self.registry).decode()
                self.assertIn("of_the_application 1.0", text)
                self.assertNotIn("semaphore_available{", text)
        self.assertEqual(len(logs.records), 1)
        self.source.error = None
        self.source.more = [one("x", "no such type", 1, {})]
        with self.assertLogs("strobe.prometheus", "WARNING"):
            generate_latest(self.registry)
        self.source.more = []
        self.assertEqual(self.value("semaphore_available", GATE), 3)

    def test_hostile_names(self):
        name = 'a"b\\c\nd\udc80\u2028'
        self.source.more = [one("queue_size", "gauge", 1, {"queue": name}), one("queue_waiters", "gauge", None, {"queue": "q"})]
        self.registry.register(Collector(source=self.source))
        text = generate_latest(self.registry).decode()
        self.assertIn('queue_size{queue="a\\"b\\\\c\\nd\\\\udc80\u2028"} 1.0\n', text)
        self.assertNotIn("queue_waiters{", text)

    def test_restricted_scrape(self):
        self.registry.register(Collector(source=self.source))
        text = generate_latest(self.registry.restricted_registry(["semaphore_waiters"])).decode()
        self.assertIn("semaphore_waiters{", text)
        self.assertNotIn("semaphore_available{", text)


if __name__ == "__main__":
    unittest.main()
