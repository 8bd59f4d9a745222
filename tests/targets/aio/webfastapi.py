# SPDX-License-Identifier: Apache-2.0
"""FastAPI on uvicorn with synchronous endpoints: of 60 requests 40 run in anyio's threads, 20 wait for its default limiter; httpx asks."""
import asyncio
import contextlib
import threading

import anyio.to_thread
import httpx
import uvicorn
from fastapi import FastAPI

import aioharness
from aioharness import expect, kept, shape, workers

TOKENS, REQUESTS = 40, 60
app = FastAPI()
arrived = []   # tasks of the server, one a request
here = {}      # request number -> native id of the thread that runs it
calls = None


@app.get("/quick")
def quick():
    return "quick"


@app.get("/slow/{number}")
def slow(number: int):
    here[number] = threading.get_native_id()
    calls.count_down()
    threading.Event().wait()


async def numbered(scope, receive, send):
    """Around the application: gives the task that serves a request its name."""
    if scope["type"] == "http" and scope["path"].startswith("/slow/"):
        number = int(scope["path"].split("/")[-1])
        asyncio.current_task().set_name("request-%d" % number)
        arrived.append(number)
    await app(scope, receive, send)


class Server(uvicorn.Server):
    """Without a turn every tenth of a second, so that the program comes to rest."""

    async def main_loop(self):
        self.up.set_result(None)
        await asyncio.get_running_loop().create_future()


@shape
async def web_server():
    global calls
    server = Server(uvicorn.Config(numbered, host="127.0.0.1", port=0, log_level="error", loop="none", lifespan="off", timeout_keep_alive=3600))
    server.up = asyncio.get_running_loop().create_future()
    server.capture_signals = lambda: contextlib.nullcontext()
    aioharness.start(server.serve(), "uvicorn", None)
    await server.up
    url = "http://127.0.0.1:%d" % server.servers[0].sockets[0].getsockname()[1]
    client = httpx.AsyncClient(base_url=url, timeout=None, limits=httpx.Limits(max_connections=None))
    kept.extend((server, client))
    await asyncio.gather(*[client.get("/quick") for _ in range(100)])
    calls = aioharness.Latch(TOKENS)
    for n in range(REQUESTS):
        aioharness.start(client.get("/slow/%d" % n), "client-%d" % n, None)
    await calls.done
    limiter = anyio.to_thread.current_default_thread_limiter()
    while limiter.statistics().tasks_waiting < REQUESTS - TOKENS:
        await asyncio.sleep(0)
    running = ["request-%d" % n for n in here]
    for n in arrived:
        name = "request-%d" % n
        if n in here:
            workers[name] = here[n]
            expect(name, "numbered", parents=None, wait={"kind": "worker-thread"}, holds=[limiter])
        else:
            expect(name, "numbered", parents=None, obj=limiter, wait={
                "kind": "limiter", "type": "CapacityLimiter", "free": 0, "capacity": TOKENS, "capacity_source": "stored",
                "waiters": REQUESTS - TOKENS, "holders": running})


if __name__ == "__main__":
    aioharness.run()
