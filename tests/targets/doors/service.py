# SPDX-License-Identifier: Apache-2.0
"""A service with several workers, as WSGI (Flask) and ASGI (FastAPI) application: /metrics, /internal/health...

The n-th worker that ever writes says so by a file n, which holds its process id, in the folder WORKERS.  Of its semaphore's ten permits 3,
9 or 10 are free, and it has been waited for one second in each.
"""
import os

from known import Source
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

import strobe.health
import strobe.prometheus

FREE = (3, 9, 10, 10)


class Numbered(Source):
    """A source that takes its number in the process that asks first."""

    pid = 0

    def metrics(self):
        if self.pid != os.getpid():
            self.pid, number = os.getpid(), take_number()
            self.available, self.waited = FREE[min(number, 3)], 1.0
        return super().metrics()

    def pools(self):
        gate = {"kind": "semaphore", "type": "Semaphore", "name": "Prices._gate", "capacity": 10, "available": 7, "waiters": 0}
        return {"resources": [gate]}


def take_number():
    number = 0
    while True:
        try:
            with open(os.path.join(os.environ["WORKERS"], ".%d" % os.getpid()), "x") as f:
                f.write(str(os.getpid()))
        except FileExistsError:
            pass
        try:
            os.link(os.path.join(os.environ["WORKERS"], ".%d" % os.getpid()), os.path.join(os.environ["WORKERS"], str(number)))
            return number
        except FileExistsError:
            number += 1


def metrics():
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return generate_latest(registry)


SOURCE = Numbered()
HEALTH = strobe.health.Health(name="prices", version="1", checks={"db": lambda: True}, source=SOURCE,
                              access=lambda request: request.headers.get("x-key") == "secret")
strobe.prometheus.start_multiprocess(source=SOURCE, interval=0.05, max_cpu=1)


def wsgi():
    from flask import Flask
    from werkzeug.middleware.dispatcher import DispatcherMiddleware

    app = Flask("service")
    app.route("/metrics")(metrics)
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/internal": HEALTH.wsgi})
    return app


def asgi():
    from fastapi import FastAPI, Response

    app = FastAPI()
    app.get("/metrics")(lambda: Response(metrics(), media_type="text/plain"))
    app.mount("/internal", HEALTH.asgi)
    return app
