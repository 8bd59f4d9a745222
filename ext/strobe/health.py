# SPDX-License-Identifier: Apache-2.0
"""Health routes: an ASGI and a WSGI application to mount.

    health = strobe.health.Health(name="prices", version="1.4", checks={"db": ping_db, "cache": ping_cache})
    app.mount("/internal", health.asgi)        # /internal/health, /internal/health/ready, /internal/health/detailed

/health           200 as long as the process answers: liveness, nothing is checked
/health/ready     503 when a check is unhealthy, and from begin_shutdown() on
/health/detailed  checks, circuit breakers and pools; its form stands in docs/python.md

What runs the HTTP is the server's; no framework is needed.  Requests for anything else get 404, other methods than GET and HEAD 405.
"""
from __future__ import annotations

import asyncio
import datetime
import inspect
import json
import logging
import os
import time
import weakref
from typing import Any, Awaitable, Callable, Dict, Iterable, List, Mapping, MutableMapping, NamedTuple, Optional, Tuple

from strobe import _source
from strobe._checks import BREAKER_WORDS, DEGRADED, HEALTHY, UNHEALTHY, Check, clean, run_async, run_blocking
from strobe._pools import pools_of

__all__ = ["Health", "Request"]

log = logging.getLogger("strobe.health")
Headers = List[Tuple[str, str]]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
ROUTES = {"/health": "live", "/health/ready": "ready", "/health/detailed": "detailed"}
REASONS = {200: "OK", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}
_all: "weakref.WeakSet[Health]" = weakref.WeakSet()


class Request(NamedTuple):
    """What an access check is asked about."""

    method: str
    path: str                 # below the mount point
    headers: Dict[str, str]   # names in lower case
    client: Optional[str]     # address of the peer, as the server gives it
    scope: Mapping[str, Any]  # ASGI's scope, or WSGI's environ


class Answer(NamedTuple):
    code: int
    body: Dict[str, Any]
    headers: Tuple[Tuple[str, str], ...] = ()


class Health:
    """The routes of one application.

    name, env, version: of the application, as it wants to be called.
    checks, circuit_breakers: {name: callable without arguments}, sync or async.  A check returns nothing or True (healthy), False, one of
    the statuses healthy | unhealthy | degraded | not_configured, or a dict with "status" and more; it may raise (unhealthy).  None in the
    place of a callable: not_configured.  Circuit breakers may say closed, open, half_open, too.
    access: callable(Request), sync or async, asked before /health/detailed: True, or 401, or anything else: 403; so when it raises.  Under
    ASGI a plain function is called in the loop: it looks at headers or addresses, and does not block.
    protected: the routes that it is asked for, of "live", "ready", "detailed".
    challenge: WWW-Authenticate of a 401.
    timeout: seconds for the access check and all checks together, which run side by side; one that has not ended is unhealthy, and goes on
    alone.
    source: has pools(); the module strobe unless it is given.

    Coroutines run in the server's loop (asyncio) under ASGI, and in a loop of their own under WSGI.  Attributes asgi and wsgi are the
    applications; begin_shutdown() is for whoever knows first that the process will end, and may be called in a signal handler.
    """

    def __init__(self, *, name: Optional[str] = None, env: Optional[str] = None, version: Optional[str] = None,
                 checks: Optional[Mapping[str, Optional[Callable[[], Any]]]] = None,
                 circuit_breakers: Optional[Mapping[str, Optional[Callable[[], Any]]]] = None,
                 access: Optional[Callable[[Request], Any]] = None, protected: Iterable[str] = ("detailed",), challenge: str = "Bearer",
                 timeout: float = 1.0, source: Any = None) -> None:
        self._application = {"name": name, "env": env, "version": version}
        for name, given in (("checks", checks), ("circuit_breakers", circuit_breakers)):
            if given is not None and not isinstance(given, Mapping):
                raise TypeError("%s is a mapping of names and callables, not %r" % (name, given))
        self._checks = [Check(str(key), call, timeout) for key, call in (checks or {}).items()]
        self._breakers = [Check(str(key), call, timeout, BREAKER_WORDS) for key, call in (circuit_breakers or {}).items()]
        source = _source.source_of(source)
        self._pools = Check("pools", lambda: {"status": HEALTHY, "pools": source.pools()}, timeout)
        self._access, self._protected, self._challenge = access, frozenset(protected), challenge
        unknown = self._protected - set(ROUTES.values())
        if unknown:
            raise ValueError("not a route: %s" % ", ".join(sorted(unknown)))
        self._timeout = timeout
        self._ending = False
        _all.add(self)

    def begin_shutdown(self) -> None:
        """From now on /health/ready says 503, so that no new work is sent here.  Not to be taken back."""
        self._ending = True

    # --- the routes; what waits is in asgi() and wsgi() ---

    def _wanted(self, route: str) -> List[Check]:
        if route == "live" or (route == "ready" and self._ending):
            return []
        return self._checks if route == "ready" else self._checks + self._breakers + [self._pools]

    def _answer(self, route: str, runs: List[Tuple[Check, Any]]) -> Answer:
        results = {id(check): check.result(run) for check, run in runs}
        if route == "live":
            return Answer(200, {"status": HEALTHY})
        if route == "ready":
            if self._ending:
                return Answer(503, {"status": UNHEALTHY, "reason": "shutting down"})
            bad = [check.name for check, _ in runs if results[id(check)]["status"] == UNHEALTHY]
            worse = any(results[id(check)]["status"] == DEGRADED for check, _ in runs)
            return Answer(503, {"status": UNHEALTHY, "failed": bad}) if bad else Answer(200, {"status": DEGRADED if worse else HEALTHY})
        checks = {check.name: results[id(check)] for check in self._checks}
        breakers = {check.name: results[id(check)] for check in self._breakers}
        pools, full = pools_of(results[id(self._pools)].get("pools"))
        status = HEALTHY
        if full or any(one["status"] in (UNHEALTHY, DEGRADED) for one in breakers.values()):
            status = DEGRADED
        said = {one["status"] for one in checks.values()}
        status = UNHEALTHY if self._ending or UNHEALTHY in said else DEGRADED if DEGRADED in said else status
        now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        body = {"status": status, "application": self._application, "checks": checks, "circuit_breakers": breakers, "pools": pools,
                "timestamp": now}
        return Answer(503 if status == UNHEALTHY else 200, body)

    def _refused(self, verdict: Any) -> Optional[Answer]:
        if verdict is True:
            return None
        if verdict == 401 and verdict is not False:
            return Answer(401, {"error": "unauthorized"}, (("WWW-Authenticate", self._challenge),))
        return Answer(403, {"error": "forbidden"})

    def _early(self, request: Request, mount: str) -> Tuple[str, Optional[Answer]]:
        """(route, an answer that needs nothing to be asked)."""
        route = route_of(request.path, mount)
        if route is None:
            return "", Answer(404, {"error": "not found"})
        if request.method not in ("GET", "HEAD"):
            return route, Answer(405, {"error": "method not allowed"}, (("Allow", "GET, HEAD"),))
        return route, None

    def _asked(self, route: str) -> Optional[Callable[[Request], Any]]:
        return self._access if route in self._protected else None

    # --- ASGI ---

    async def asgi(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """The ASGI application (asyncio)."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})
        elif scope["type"] == "http":
            answer, head = await self._handle(scope)
            code, headers, body = encoded(answer)
            raw = [(key.lower().encode("latin-1"), value.encode("latin-1")) for key, value in headers]
            await send({"type": "http.response.start", "status": code, "headers": raw})
            await send({"type": "http.response.body", "body": b"" if head else body})
        else:
            raise ValueError("strobe.health serves http, not %r" % (scope["type"],))

    async def _handle(self, scope: MutableMapping[str, Any]) -> Tuple[Answer, bool]:
        headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope.get("headers") or ()}
        mount, path = scope.get("root_path") or "", scope["path"]
        if mount and (path == mount or path.startswith(mount.rstrip("/") + "/")):  # newer servers and frameworks keep it in the path
            path = path[len(mount.rstrip("/")):]
        client = scope.get("client")
        request = Request(scope["method"], path, headers, client[0] if client else None, scope)
        route, answer = self._early(request, mount)
        access, began = self._asked(route), time.monotonic()
        if answer is None and access is not None:
            answer = self._refused(await _verdict(access, request, self._timeout))
        if answer is None:
            wanted = self._wanted(route)
            left = began + self._timeout - time.monotonic()
            answer = self._answer(route, await run_async(wanted, self._timeout, left) if wanted else [])
        return answer, request.method == "HEAD"

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                self.begin_shutdown()
                await send({"type": "lifespan.shutdown.complete"})
                return

    # --- WSGI ---

    def wsgi(self, environ: Dict[str, Any], start_response: Callable[..., Any]) -> List[bytes]:
        """The WSGI application.  A request for checks keeps its thread until they have ended, `timeout` at most."""
        headers = {key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key.startswith("HTTP_")}
        request = Request(environ["REQUEST_METHOD"], environ.get("PATH_INFO") or "", headers, environ.get("REMOTE_ADDR"), environ)
        route, answer = self._early(request, environ.get("SCRIPT_NAME") or "")
        access, began = self._asked(route), time.monotonic()
        if answer is None and access is not None:
            answer = self._refused(_verdict_blocking(access, request, self._timeout))
        if answer is None:
            left = began + self._timeout - time.monotonic()
            answer = self._answer(route, run_blocking(self._wanted(route), self._timeout, left))
        code, sent, body = encoded(answer)
        start_response("%d %s" % (code, REASONS[code]), sent)
        return [] if request.method == "HEAD" else [body]

    def _after_fork(self) -> None:
        for check in self._checks + self._breakers + [self._pools]:
            check.forget()


def route_of(path: str, mount: str) -> Optional[str]:
    """path: below the mount point.  Mounted at .../health, the routes are /, /ready and /detailed, too."""
    path = path.rstrip("/")
    if path in ROUTES:
        return ROUTES[path]
    return ROUTES.get("/health" + path) if mount.rstrip("/").endswith("/health") else None


def encoded(answer: Answer) -> Tuple[int, Headers, bytes]:
    """Code, headers and body.  ASCII only, so that nothing in a name can end a string or a line."""
    body = json.dumps(clean(answer.body), ensure_ascii=True, allow_nan=False).encode("ascii")
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("Cache-Control", "no-store"),
               ("X-Content-Type-Options", "nosniff")]
    return answer.code, headers + list(answer.headers), body


def _failed(error: BaseException) -> int:
    log.warning("the access check failed; access is refused", exc_info=error)
    return 403


async def _verdict(access: Callable[[Request], Any], request: Request, timeout: float) -> Any:
    try:
        verdict = access(request)
        return await asyncio.wait_for(verdict, timeout) if inspect.isawaitable(verdict) else verdict
    except Exception as error:
        return _failed(error)


def _verdict_blocking(access: Callable[[Request], Any], request: Request, timeout: float) -> Any:
    try:
        verdict = access(request)
        return asyncio.run(_bounded(verdict, timeout)) if inspect.isawaitable(verdict) else verdict
    except Exception as error:
        return _failed(error)


async def _bounded(awaitable: Awaitable[Any], timeout: float) -> Any:
    return await asyncio.wait_for(awaitable, timeout)


def _after_fork_in_child() -> None:
    for one in list(_all):
        one._after_fork()


os.register_at_fork(after_in_child=_after_fork_in_child)
