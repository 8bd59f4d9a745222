# SPDX-License-Identifier: Apache-2.0
"""A service that meters itself by the extension: WSGI (Flask) and ASGI (FastAPI), one process (Collector) or several (MultiProcess).

The n-th of its processes uses its pool and its semaphores as the n-th line of USE says, and is so from its start until /rest is asked for, but
in several processes, where nobody knows which one answers.  The environment: DOOR=collector or multiprocess; NUMBERS, a folder, in which each
takes its number; PRELOAD=1: what is imported here is not a worker but forks them.
"""
import os
import threading
from concurrent.futures import ThreadPoolExecutor

from prometheus_client import CollectorRegistry, generate_latest

import strobe

# permits held of 10, threads that wait for one, calls handed to a pool of 4
USE = ((10, 1, 6), (1, 0, 0), (0, 0, 1), (0, 0, 2))
strobe.eventlog.start(interval=0.1)
HEALTH = strobe.health.Health(name="shopfront", checks={"db": lambda: True}, access=lambda request: True)
REGISTRY = CollectorRegistry(auto_describe=True)
if os.environ["DOOR"] == "collector":
    REGISTRY.register(strobe.prometheus.Collector())
else:
    from prometheus_client.multiprocess import MultiProcessCollector

    MultiProcessCollector(REGISTRY)
    strobe.prometheus.start_multiprocess(interval=0.2, max_cpu=0.1)


def take_number():
    for number in range(1000):
        try:
            open(os.path.join(os.environ["NUMBERS"], str(number)), "x").close()
            return number
        except FileExistsError:
            pass


class Prices:
    def __init__(self, number):
        self._gate = threading.BoundedSemaphore(10)
        self._plain = threading.Semaphore(5)  # made before anybody has asked for anything, after the door was opened
        self.rest = threading.Event()
        held, waiters, self.calls = USE[min(number, len(USE) - 1)]
        for _ in range(held):
            self._gate.acquire()
        for _ in range(waiters):
            threading.Thread(target=self.wait, daemon=True).start()
        threading.Thread(target=self.give_back, args=(held,), daemon=True).start()

    def wait(self):
        with self._gate:
            pass

    def give_back(self, held):
        self.rest.wait()
        for _ in range(held):
            self._gate.release()


def begin():
    global PRICES, POOL
    PRICES, POOL = Prices(take_number()), ThreadPoolExecutor(4)
    for _ in range(PRICES.calls):
        POOL.submit(PRICES.rest.wait)


def page():
    return generate_latest(REGISTRY)


def work():
    """What the service is there for."""
    with PRICES._plain:
        return {"sum": sum(n * n for n in range(2000))}


def rest():
    PRICES.rest.set()
    return {}


def wsgi():
    from flask import Flask
    from werkzeug.middleware.dispatcher import DispatcherMiddleware

    app = Flask("shopfront")
    for path, function in (("/metrics", page), ("/work", work), ("/rest", rest)):
        app.route(path)(function)
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/internal": HEALTH.wsgi})
    return app


def asgi():
    from fastapi import FastAPI, Response

    app = FastAPI()

    @app.get("/metrics")
    async def scrape():
        return Response(page(), media_type="text/plain")

    app.get("/work")(work)
    app.get("/rest")(rest)
    app.mount("/internal", HEALTH.asgi)
    return app


if os.environ.get("PRELOAD"):
    os.register_at_fork(after_in_child=begin)
else:
    begin()
