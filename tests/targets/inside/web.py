# SPDX-License-Identifier: Apache-2.0
"""A service under gunicorn (application) and uvicorn (asgi), whose recording begins where WHERE says: in the master before it forks
(with --preload), after each fork, or in the application.  /burn computes; /facts tells how the recording of that process goes."""
import json
import os

import strobe
from common import burn

WHERE = os.environ.get("WHERE", "application")


def begin(**how):
    strobe.start(rate=400, **how)


if WHERE == "master":
    begin(follow_fork=True)


def post_fork(server, worker):
    """gunicorn reads this from its configuration, which is this file."""
    if WHERE == "post_fork":
        begin()


def compute():
    burn(0.1)


def answer(path):
    if WHERE == "application" and not strobe.is_running():
        begin()
    if path == "/burn":
        compute()
    profile = strobe.snapshot() if path == "/facts" else None
    seen = {"seconds": profile.seconds(), "compute": sum(n for s, n in profile.collapsed().items() if ";compute (" in s) / 400} if profile else {}
    return json.dumps(dict(seen, pid=os.getpid(), running=strobe.is_running(), visits=profile and profile.stats()["visits"])).encode()


def application(environ, start_response):
    body = answer(environ["PATH_INFO"])
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


async def asgi(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": answer(scope["path"])})
