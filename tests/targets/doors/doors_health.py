# SPDX-License-Identifier: Apache-2.0
"""strobe.health: the applications called as servers call them, through their specifications."""
import asyncio
import datetime
import enum
import io
import json
import os
import threading
import time
import unittest
import unittest.mock
import wsgiref.util
import wsgiref.validate

from known import Source

from strobe import health

DEADLINE = 60


def counted(call):
    """(call, a list that grows with each call that has begun)."""
    begun = []
    return lambda: (begun.append(1), call())[1], begun


class State(enum.Enum):
    OPEN = "open"


def raises():
    raise ConnectionError("password=secret")


async def coroutine(value=True):
    await asyncio.sleep(0)
    return value


def executor(kind="thread_pool", **values):
    return dict({"kind": kind, "type": "ThreadPoolExecutor", "name": "app.POOL", "thread_name_prefix": "pool", "max_workers": 4,
                 "active_workers": 1, "pending_tasks": 0, "shutdown": False}, **values)


def semaphore(**values):
    return dict({"kind": "semaphore", "type": "Semaphore", "name": "Prices._gate", "capacity": 10, "available": 10, "waiters": 0}, **values)


class Answer:
    def __init__(self, code, headers, body):
        self.code, self.raw = code, body
        self.headers = {key.lower(): value for key, value in headers}
        self.json = json.loads(body) if body else None


class OverAsgi:
    """GET through ASGI; each request in a loop of its own unless one is given."""

    def ask(self, app, path, method="GET", headers=(), mount="", stripped=False, loop=None):
        sent = []
        scope = {"type": "http", "method": method, "path": path if stripped else mount + path, "root_path": mount,
                 "client": ("192.0.2.1", 5000), "headers": [(key.lower().encode(), value.encode()) for key, value in headers]}

        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message):
            sent.append(message)

        (loop.run_until_complete if loop else asyncio.run)(app.asgi(scope, receive, send))
        self.assertEqual([message["type"] for message in sent], ["http.response.start", "http.response.body"])
        pairs = [(key.decode(), value.decode()) for key, value in sent[0]["headers"]]
        return Answer(sent[0]["status"], pairs, sent[1]["body"])


class OverWsgi:
    """GET through WSGI, watched by wsgiref's validator."""

    def ask(self, app, path, method="GET", headers=(), mount="", stripped=False, loop=None):
        environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "SCRIPT_NAME": mount, "REMOTE_ADDR": "192.0.2.1", "QUERY_STRING": ""}
        environ.update(("HTTP_" + key.upper().replace("-", "_"), value) for key, value in headers)
        wsgiref.util.setup_testing_defaults(environ)
        environ["wsgi.input"] = io.BytesIO()
        told = []
        result = wsgiref.validate.validator(app.wsgi)(environ, lambda status, pairs, exc_info=None: told.append((status, pairs)))
        body = b"".join(result)
        result.close()
        return Answer(int(told[0][0].split()[0]), told[0][1], body)


class Routes:
    def health(self, **options):
        self.source = Source()
        return health.Health(source=self.source, **options)

    def detailed(self, app, **options):
        return self.ask(app, "/health/detailed", **options)

    def test_live(self):
        app = self.health(checks={"db": raises})
        answer = self.ask(app, "/health")
        self.assertEqual((answer.code, answer.json), (200, {"status": "healthy"}))
        self.assertEqual(answer.headers["content-type"], "application/json")
        self.assertEqual(answer.headers["cache-control"], "no-store")
        app.begin_shutdown()
        self.assertEqual(self.ask(app, "/health").code, 200)

    def test_ready(self):
        db = [True]
        app = self.health(checks={"db": lambda: db[0], "cache": coroutine}, circuit_breakers={"b": lambda: "open"})
        self.assertEqual((self.ask(app, "/health/ready").code, self.ask(app, "/health/ready").json), (200, {"status": "healthy"}))
        db[0] = "degraded"
        self.assertEqual(self.ask(app, "/health/ready").json, {"status": "degraded"})
        db[0] = False
        with self.assertLogs("strobe.health", "WARNING"):
            answer = self.ask(app, "/health/ready")
        self.assertEqual((answer.code, answer.json), (503, {"status": "unhealthy", "failed": ["db"]}))
        db[0] = True
        self.assertEqual(self.ask(app, "/health/ready").code, 200)
        app.begin_shutdown()
        answer = self.ask(app, "/health/ready")
        self.assertEqual((answer.code, answer.json), (503, {"status": "unhealthy", "reason": "shutting down"}))

    def test_detailed_has_exactly_these_keys(self):
        app = self.health(name="prices", env="test", version="1.4", checks={"db": lambda: True}, circuit_breakers={"api": lambda: "closed"})
        self.source.resources = [executor(), executor("process_pool", max_workers=2, active_workers=2), semaphore(available=7)]
        before = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(milliseconds=1)
        answer = self.detailed(app)
        body = answer.json
        self.assertEqual(answer.code, 200)
        self.assertEqual(list(body), ["status", "application", "checks", "circuit_breakers", "pools", "timestamp"])
        self.assertEqual(body["status"], "healthy")
        self.assertEqual(body["application"], {"name": "prices", "env": "test", "version": "1.4"})
        self.assertEqual(set(body["checks"]["db"]), {"status", "latency_ms"})
        self.assertEqual(body["checks"]["db"]["status"], "healthy")
        self.assertEqual(body["circuit_breakers"]["api"]["status"], "healthy")
        executors = body["pools"].pop("executors")
        self.assertEqual(body["pools"], {"thread_pool": {"max_workers": 4, "active_workers": 1, "pending_tasks": 0},
                                         "process_pool": {"max_workers": 2, "active_workers": 2, "pending_tasks": 0},
                                         "semaphores": {"Prices._gate": {"capacity": 10, "available": 7}}})
        self.assertEqual([(one["name"], one["pool_type"], one["max_workers"]) for one in executors],
                         [("app.POOL", "thread", 4), ("app.POOL", "process", 2)])
        told = datetime.datetime.fromisoformat(body["timestamp"].replace("Z", "+00:00"))
        self.assertTrue(before <= told <= datetime.datetime.now(datetime.timezone.utc))

    def test_what_checks_say(self):
        said = {
            "true": (lambda: True, "healthy"), "none": (lambda: None, "healthy"), "false": (lambda: False, "unhealthy"),
            "raises": (raises, "unhealthy"), "absent": (None, "not_configured"), "word": (lambda: "Degraded", "degraded"),
            "unset": (lambda: "not_configured", "not_configured"), "nonsense": (lambda: "fine", "unhealthy"),
            "number": (lambda: 200, "unhealthy"),
            "dict": (lambda: {"status": "degraded", "lag": 3, "nan": float("nan"), "at": datetime.date(2020, 1, 2), "latency_ms": "x"},
                     "degraded"),
            "bare": (lambda: {"ok": True}, "unhealthy"), "async": (coroutine, "healthy"), "gives": (lambda: coroutine(False), "unhealthy"),
            "system_exit": (lambda: exit(3), "unhealthy"),
        }
        app = self.health(checks={name: call for name, (call, _) in said.items()}, circuit_breakers={
            "closed": lambda: "closed", "open": lambda: State.OPEN, "half": lambda: "half_open", "off": None})
        with self.assertLogs("strobe.health", "WARNING") as logs:
            answer = self.detailed(app)
        checks = answer.json["checks"]
        self.assertEqual({name: check["status"] for name, check in checks.items()}, {name: status for name, (_, status) in said.items()})
        self.assertTrue(all(isinstance(check["latency_ms"], float) for check in checks.values()))
        self.assertEqual({key: checks["dict"][key] for key in ("lag", "nan", "at")}, {"lag": 3, "nan": None, "at": "2020-01-02"})
        self.assertEqual(checks["raises"]["reason"], "ConnectionError")
        self.assertNotIn("secret", answer.raw.decode())
        self.assertIn("secret", "".join(logs.output))
        breakers = answer.json["circuit_breakers"]
        self.assertEqual({name: one["status"] for name, one in breakers.items()},
                         {"closed": "healthy", "open": "unhealthy", "half": "degraded", "off": "not_configured"})
        self.assertEqual(breakers["open"]["state"], "open")
        self.assertEqual((answer.code, answer.json["status"]), (503, "unhealthy"))

    def test_overall(self):
        for check, breaker, resources, status in (
                (True, "closed", [], "healthy"), ("degraded", "closed", [], "degraded"), (True, "open", [], "degraded"),
                ("not_configured", "not_configured", [], "healthy"), (False, "open", [], "unhealthy"),
                (True, "closed", [executor(active_workers=4, pending_tasks=1)], "degraded"),
                (True, "closed", [executor(active_workers=4)], "healthy"),
                (True, "closed", [executor(max_workers=10, active_workers=9, pending_tasks=1)], "healthy"),
                (True, "closed", [executor(active_workers=4, pending_tasks=1, shutdown=True)], "healthy"),
                (True, "closed", [executor(active_workers=None, pending_tasks=1)], "healthy"),
                (True, "closed", [semaphore(available=0, waiters=1)], "degraded"),
                (True, "closed", [semaphore(available=1, waiters=1)], "healthy"),
                (True, "closed", [semaphore(available=0)], "healthy"),
                (True, "closed", [semaphore(available=3, capacity="unlimited", waiters=1)], "healthy"),
                (True, "closed", [semaphore(available=0, capacity=None, waiters=1)], "degraded"),
                (True, "closed", [semaphore(available=1, capacity=None, waiters=1)], "healthy"),
                (True, "closed", [semaphore(available=0, capacity=0, waiters=1)], "degraded"),
                (True, "closed", [semaphore(available=None, capacity=10, waiters=1)], "healthy"),
                (True, "closed", [semaphore(available=-1, kind="limiter", waiters=1)], "degraded")):
            app = self.health(checks={"check": lambda: check}, circuit_breakers={"breaker": lambda: breaker})
            self.source.resources = resources
            self.assertEqual(self.detailed(app).json["status"], status, (check, breaker, resources))

    def test_pools_are_summed_and_listed(self):
        app = self.health()
        self.source.resources = [
            executor(), executor(name=None, max_workers=8, active_workers=2, pending_tasks=3),
            executor("anyio_pool", name=None, thread_name_prefix=None, max_workers=40),
            executor("interpreter_pool", name="app.OTHER", max_workers=3), executor(name="closed", shutdown=True, active_workers=0, pending_tasks=0),
            executor(name="ends", shutdown=True, max_workers=2),
            semaphore(), semaphore(available=3), semaphore(name=None, capacity=5, available=2),
            semaphore(name="a\"b\n\udc80", kind="limiter", capacity="unlimited", available="unlimited"),
            semaphore(name="unknown", capacity=None), {"kind": "queue", "name": "q"}]
        pools = self.detailed(app).json["pools"]
        self.assertEqual(pools["thread_pool"], {"max_workers": 54, "active_workers": 5, "pending_tasks": 3})
        self.assertEqual(pools["process_pool"], {"max_workers": 0, "active_workers": 0, "pending_tasks": 0})
        self.assertEqual([(one["name"], one["pool_type"]) for one in pools["executors"]],
                         [("app.POOL", "thread"), ("pool", "thread"), ("anyio", "thread"), ("app.OTHER", "interpreter"),
                          ("ends", "thread")])
        self.assertEqual(pools["semaphores"], {
            "Prices._gate": {"capacity": 20, "available": 13}, "Semaphore": {"capacity": 5, "available": 2},
            "a\"b\n\udc80": {"capacity": "unlimited", "available": "unlimited"}, "unknown": {"capacity": None, "available": 10}})
        self.source.resources = [semaphore(name="s%d" % number) for number in range(300)]
        semaphores = self.detailed(app).json["pools"]["semaphores"]
        self.assertEqual(len(semaphores), 201)
        self.assertEqual(semaphores["other"], {"capacity": 1000, "available": 1000})

    def test_pools_that_cannot_be_read(self):
        app = self.health()
        self.source.error = RuntimeError("not started")
        with self.assertLogs("strobe.health", "WARNING"):
            answer = self.detailed(app)
        unknown = {"max_workers": None, "active_workers": None, "pending_tasks": None}
        self.assertEqual((answer.code, answer.json["pools"]),
                         (200, {"thread_pool": unknown, "process_pool": unknown, "semaphores": {}, "executors": []}))

    def test_access_and_checks_have_one_time(self):
        """What the access check has used is not there for the checks: the answer comes within the timeout."""
        given = []

        def ends(checks, timeout, left=None):
            given.append(left)
            return [(check, None) for check in checks]

        async def ends_async(*args):
            return ends(*args)

        now = [100.0]

        def access(request):
            now[0] += 7
            return True

        app = self.health(checks={"db": lambda: True}, access=access, timeout=10)
        with unittest.mock.patch("strobe.health.run_blocking", ends), unittest.mock.patch("strobe.health.run_async", ends_async), \
                unittest.mock.patch("strobe.health.time.monotonic", lambda: now[0]):
            self.detailed(app)
        self.assertEqual(given, [3.0])

    def test_side_by_side(self):
        meeting = threading.Barrier(4)
        app = self.health(checks={"c%d" % number: lambda: meeting.wait(DEADLINE) >= 0 for number in range(4)}, timeout=DEADLINE)
        self.assertEqual(self.ask(app, "/health/ready").code, 200)

    def test_hangs(self):
        gate, begun = threading.Event(), []

        def hanging():
            begun.append(1)
            gate.wait(DEADLINE)

        app = self.health(checks={"hangs": hanging, "well": lambda: True}, timeout=0.05)
        with self.assertLogs("strobe.health", "WARNING") as logs:
            for _ in range(20):
                answer = self.detailed(app)
                checks = answer.json["checks"]
                self.assertEqual((checks["hangs"]["status"], checks["well"]["status"]), ("unhealthy", "healthy"))
                self.assertRegex(checks["hangs"]["reason"], "no answer for")
        self.assertEqual(len(logs.records), 1)
        running, = [thread for thread in threading.enumerate() if thread.name == "strobe-health-hangs"]
        self.assertEqual(len(begun), 1)
        gate.set()
        running.join(DEADLINE)
        self.assertEqual(self.ask(app, "/health/ready").code, 200)

    def test_hanging_coroutines(self):
        state = {"begun": 0, "hang": True}

        async def hanging():
            state["begun"] += 1
            if state["hang"]:
                await asyncio.sleep(DEADLINE)

        app = self.health(checks={"coroutine": hanging}, timeout=0.05)
        loop = asyncio.new_event_loop()
        try:
            with self.assertLogs("strobe.health", "WARNING"):
                answer = self.detailed(app, loop=loop)
            self.assertRegex(answer.json["checks"]["coroutine"]["reason"], "no answer for|TimeoutError")
            if isinstance(self, OverAsgi):
                state["hang"] = False  # the one that hung was cancelled, so that there can be another
                self.assertEqual(self.ask(app, "/health/ready", loop=loop).code, 200)
                self.assertEqual(state["begun"], 2)
        finally:
            loop.close()

    def test_access(self):
        asked = []

        def access(request):
            asked.append(request)
            return {"good": True, "bad": False, "": 401}.get(request.headers.get("authorization", ""), 403)

        for function in (access, lambda request: coroutine(access(request))):
            app = self.health(access=function)
            self.assertEqual(self.detailed(app, headers=[("Authorization", "good")]).code, 200)
            self.assertEqual(self.detailed(app, headers=[("Authorization", "bad")]).code, 403)
            answer = self.detailed(app)
            self.assertEqual((answer.code, answer.headers["www-authenticate"]), (401, "Bearer"))
            self.assertEqual(set(answer.json), {"error"})
            self.assertEqual((asked[-1].path, asked[-1].client, asked[-1].method), ("/health/detailed", "192.0.2.1", "GET"))
            self.assertEqual([self.ask(app, path).code for path in ("/health", "/health/ready")], [200, 200])
        app = self.health(access=lambda request: 1 / 0, protected=("detailed", "ready"))
        with self.assertLogs("strobe.health", "WARNING"):
            self.assertEqual([self.ask(app, path).code for path in ("/health/detailed", "/health/ready", "/health")], [403, 403, 200])
        for given in (None, 200, "yes", 1.5, object()):
            self.assertEqual(self.detailed(self.health(access=lambda request: given)).code, 403, given)
        with self.assertRaises(ValueError):
            self.health(protected=["details"])

    def test_methods_and_paths(self):
        app = self.health()
        for path in ("/health", "/health/ready", "/health/detailed"):
            full, head = self.ask(app, path), self.ask(app, path, method="HEAD")
            self.assertEqual((head.code, head.raw), (200, b""))
            self.assertEqual(full.headers["content-length"], str(len(full.raw)))
            answer = self.ask(app, path, method="POST")
            self.assertEqual((answer.code, answer.headers["allow"]), (405, "GET, HEAD"))
            self.assertEqual(self.ask(app, path + "/").code, 200)
        for path in ("/", "", "/healthy", "/health/x", "/x/health", "/ready", "/health/ready/x", "/health//ready"):
            self.assertEqual(self.ask(app, path).code, 404, path)

    def test_mounted(self):
        app = self.health()
        for stripped in (False, True):
            for mount in ("/internal", "/a/b", "/health"):
                for path in ("/health", "/health/ready", "/health/detailed"):
                    self.assertEqual(self.ask(app, path, mount=mount, stripped=stripped).code, 200, (mount, path))
                self.assertEqual(self.ask(app, "/other", mount=mount, stripped=stripped).code, 404)
        self.assertEqual(self.ask(app, "", mount="/health").json, {"status": "healthy"})
        pools = self.ask(app, "/detailed", mount="/api/health").json["pools"]
        self.assertEqual(set(pools), {"thread_pool", "process_pool", "semaphores", "executors"})
        self.assertEqual(self.ask(app, "/ready", mount="/internal").code, 404)

    def test_hostile_names(self):
        name = '</script>"\n\u2028\udc80'
        app = self.health(checks={name: lambda: {"status": "healthy", name: name}})
        answer = self.detailed(app)
        self.assertTrue(answer.raw.isascii() and b"\n" not in answer.raw)
        self.assertEqual(answer.json["checks"][name][name], name)

    def test_forked_while_a_check_runs(self):
        begun, gate = threading.Event(), threading.Event()

        def check():
            begun.set()
            gate.wait(DEADLINE)

        app = self.health(checks={"check": check}, timeout=0.05)
        with self.assertLogs("strobe.health", "WARNING"):
            self.assertEqual(self.ask(app, "/health/ready").code, 503)
        pid = os.fork()
        if pid == 0:
            gate.set()
            code = self.ask(app, "/health/ready").code
            os._exit(0 if code == 200 else 1)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        gate.set()

    def test_not_callable(self):
        with self.assertRaises(TypeError):
            self.health(checks={"db": "select 1"})


class AsgiTest(Routes, OverAsgi, unittest.TestCase):
    def lifespan(self, app):
        messages, sent = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]), []

        async def receive():
            return next(messages)

        async def send(message):
            sent.append(message["type"])

        asyncio.run(app.asgi({"type": "lifespan"}, receive, send))
        return sent

    def test_lifespan(self):
        app = self.health()
        self.assertEqual(self.lifespan(app), ["lifespan.startup.complete", "lifespan.shutdown.complete"])
        self.assertEqual(self.ask(app, "/health/ready").code, 503)

    def test_websocket(self):
        sent = []

        async def receive():
            return {"type": "websocket.connect"}

        async def send(message):
            sent.append(message["type"])

        asyncio.run(self.health().asgi({"type": "websocket", "path": "/health"}, receive, send))
        self.assertEqual(sent, ["websocket.close"])

    def test_the_loop_goes_on(self):
        """Neither checks nor pools that block hold the loop up."""
        gate = threading.Event()
        app = self.health(checks={"blocks": lambda: gate.wait(DEADLINE)}, timeout=DEADLINE)
        pools, self.source.pools = self.source.pools, lambda: (gate.wait(DEADLINE), pools())[1]
        app._checks[0]._call, blocked = counted(app._checks[0]._call)
        app._pools._call, pooled = counted(app._pools._call)
        sent = []

        async def main():
            async def receive():
                return {}

            async def send(message):
                sent.append(message)

            asking = asyncio.ensure_future(app.asgi({"type": "http", "method": "GET", "path": "/health/detailed"}, receive, send))
            while not (blocked and pooled):
                await asyncio.sleep(0)
            self.assertFalse(asking.done())
            gate.set()
            await asking

        asyncio.run(main())
        self.assertEqual(sent[0]["status"], 200)

    def test_requests_share_a_run(self):
        begun, gate, sent, wrap = [], threading.Event(), [], asyncio.wrap_future

        def check():
            begun.append(1)
            gate.wait(DEADLINE)

        app = self.health(checks={"check": check}, timeout=DEADLINE)
        waiting = set()

        async def main():
            async def receive():
                return {}

            async def send(message):
                sent.append(message.get("status"))

            def wrapped(future, **options):
                waiting.add(asyncio.current_task())
                return wrap(future, **options)

            scope = {"type": "http", "method": "GET", "path": "/health/ready"}
            asking = [asyncio.ensure_future(app.asgi(dict(scope), receive, send)) for _ in range(50)]
            with unittest.mock.patch("asyncio.wrap_future", wrapped):
                while not begun or len(waiting) < 50:
                    await asyncio.sleep(0)
            gate.set()
            await asyncio.gather(*asking)

        asyncio.run(main())
        self.assertEqual((len(begun), sent.count(200)), (1, 50))

    def test_a_loop_that_was_closed_under_a_check(self):
        state = {"loop": asyncio.new_event_loop()}

        async def stubborn():
            if state["loop"] is not asyncio.get_running_loop():
                return True
            while True:
                try:
                    await asyncio.sleep(DEADLINE)
                except asyncio.CancelledError:
                    pass

        app = self.health(checks={"stubborn": stubborn}, timeout=0.05)
        with self.assertLogs("strobe.health", "WARNING"):
            self.assertEqual(self.ask(app, "/health/ready", loop=state["loop"]).code, 503)
            self.assertEqual(self.ask(app, "/health/ready", loop=state["loop"]).code, 503)
        for task in asyncio.all_tasks(state["loop"]):
            task._log_destroy_pending = False
        state["loop"].close()
        self.assertEqual(self.ask(app, "/health/ready").code, 200)


class WsgiTest(Routes, OverWsgi, unittest.TestCase):
    def test_a_blocking_request_ends_in_time(self):
        app = self.health(checks={"first": lambda: time.sleep(2), "second": lambda: time.sleep(2)}, timeout=0.1)
        began = time.monotonic()
        with self.assertLogs("strobe.health", "WARNING"):
            self.assertEqual(self.ask(app, "/health/ready").code, 503)
        self.assertLess(time.monotonic() - began, 2)


if __name__ == "__main__":
    unittest.main()
