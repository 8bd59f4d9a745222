# SPDX-License-Identifier: Apache-2.0
"""The metrics that strobe promises, in one place, and a page of them over HTTP.

PageServer stands where `strobe serve` does: it has an address to scrape and no more is asked of it.  Unlike a process it does what a test says.
"""
import http.server
import threading

THREAD_POOL = {"pool_type": "thread", "executor": "shop.POOL"}
SEMAPHORE = {"dependency": "PriceClient._price_semaphore"}

# name -> (type, help, [(labels, value at the beginning), ...]).  A healthy service; counters are at what a few minutes have brought.
FAMILIES = {
    "executor_active_workers": ("gauge", "Workers that are in a call.", [(THREAD_POOL, 1), ({"pool_type": "process", "executor": "Reports._pool"}, 2)]),
    "executor_pending_tasks": ("gauge", "Calls that wait for a worker.", [(THREAD_POOL, 0), ({"pool_type": "process", "executor": "Reports._pool"}, 0)]),
    "executor_max_workers": ("gauge", "Workers at most.", [(THREAD_POOL, 4), ({"pool_type": "process", "executor": "Reports._pool"}, 8)]),
    "semaphore_available": ("gauge", "Permits that are free.", [(SEMAPHORE, 9)]),
    "semaphore_capacity": ("gauge", "Permits in all.", [(dict(SEMAPHORE, source="value_plus_holders"), 10)]),
    "semaphore_waiters": ("gauge", "Tasks and threads that wait for a permit.", [(SEMAPHORE, 0)]),
    "semaphore_available_ratio_min": ("gauge", "Available of capacity in the worst process.", [(SEMAPHORE, 0.9)]),
    "queue_size": ("gauge", "Items in a queue with a maximal size.", [({"queue": "Mailer.outbox"}, 3)]),
    "queue_maxsize": ("gauge", "Items at most.", [({"queue": "Mailer.outbox"}, 100)]),
    "queue_waiters": ("gauge", "Tasks and threads that wait to put or to get.", [({"queue": "Mailer.outbox"}, 1)]),
    "active_async_tasks": ("gauge", "asyncio tasks that have not ended.", [({}, 12)]),
    "async_tasks": ("gauge", "asyncio tasks by state.", [({"state": "running"}, 1), ({"state": "ready"}, 1), ({"state": "waiting"}, 10)]),
    "event_loop_lag_seconds": ("gauge", "Longest time in the last minute in which a loop came to nothing else.", [({}, 0.002)]),
    "process_open_fds": ("gauge", "Open file descriptors.", [({}, 17)]),
    "process_cpu_seconds_total": ("counter", "CPU time, user and system.", [({}, 33.5)]),
    "process_resident_memory_bytes": ("gauge", "Resident memory.", [({}, 21e6)]),
    "executor_busy_worker_seconds_total": ("counter", "Time of workers in calls.", [(THREAD_POOL, 120), ({"pool_type": "process", "executor": "Reports._pool"}, 60)]),
    "executor_saturated_seconds_total": ("counter", "Time with all workers busy and calls waiting.", [(THREAD_POOL, 0.5)]),
    "semaphore_exhausted_seconds_total": ("counter", "Time without a free permit.", [(SEMAPHORE, 1.5)]),
    "semaphore_wait_seconds_total": ("counter", "Time that tasks and threads waited for a permit.", [(SEMAPHORE, 2.25)]),
    "event_loop_busy_seconds_total": ("counter", "Time in which loops did not wait.", [({}, 30)]),
    "strobe_targets": ("gauge", "Processes that are read.", [({}, 1)]),
    "strobe_missing_targets": ("gauge", "Processes that were named and are not there.", [({}, 0)]),
    "strobe_cpu_seconds_total": ("counter", "CPU time of strobe itself.", [({}, 0.25)]),
    "strobe_paused_seconds_total": ("counter", "Time for which a thread was held.", [({}, 0.001)]),
    "strobe_looks_total": ("counter", "Readings of a process.", [({}, 3000)]),
    "strobe_look_errors_total": ("counter", "Readings that failed.", [({}, 2)]),
    "strobe_gap_seconds_total": ("counter", "Time that counters were not integrated over.", [({}, 0.5)]),
    "strobe_events_total": ("counter", "Events of saturation.", [({"event": "bulkhead_contention"}, 1), ({"event": "executor_saturated"}, 0)]),
    "strobe_dropped_series": ("gauge", "Objects counted as other.", [({"metric": "executor"}, 0), ({"metric": "semaphore"}, 0), ({"metric": "queue"}, 0)]),
}


def line(name, labels, value):
    inside = ",".join('%s="%s"' % (key, value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")) for key, value in sorted(labels.items()))
    return "%s%s %r\n" % (name, "{%s}" % inside if inside else "", float(value))


class PageServer:
    """with PageServer() as page: page.address is host:port; page.set(name, labels, value); page.grow(name, labels, by) at each scrape."""

    def __init__(self):
        self.values = {(name, tuple(sorted(labels.items()))): value for name, (_, _, samples) in FAMILIES.items() for labels, value in samples}
        self.growth, self.lock, self.scrapes = {}, threading.Lock(), 0

    def set(self, name, labels, value):
        with self.lock:
            assert (name, tuple(sorted(labels.items()))) in self.values, (name, labels)
            self.values[name, tuple(sorted(labels.items()))] = value

    def grow(self, name, labels, by):
        with self.lock:
            assert FAMILIES[name][0] == "counter", name
            self.growth[name, tuple(sorted(labels.items()))] = by

    def text(self):
        """The page; counters have grown since the last one."""
        with self.lock:
            self.scrapes += 1
            for key, by in self.growth.items():
                self.values[key] += by
            out = []
            for name, (kind, says, _) in FAMILIES.items():
                out += ["# HELP %s %s\n# TYPE %s %s\n" % (name, says, name, kind)]
                out += [line(name, dict(labels), value) for (of, labels), value in self.values.items() if of == name]
            return "".join(out)

    def __enter__(self):
        page = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = page.text().encode() if self.path == "/metrics" else b""
                self.send_response(200 if body else 404)
                self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = "127.0.0.1:%d" % self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
