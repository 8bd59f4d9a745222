# SPDX-License-Identifier: Apache-2.0
"""An aiohttp server and its client in one process: 200 requests answered, then 30 of which 5 hold a semaphore and 25 wait for it."""
import asyncio

import aiohttp
from aiohttp import web

import aioharness
from aioharness import expect, kept, shape

SLOTS, REQUESTS = 5, 30


class Api:
    def __init__(self):
        self._slots = asyncio.Semaphore(SLOTS)
        self.gate = asyncio.get_running_loop().create_future()
        self.all_there = asyncio.get_running_loop().create_future()
        self.there = 0

    async def quick(self, request):
        async with self._slots:
            await asyncio.sleep(0)
        return web.Response(text="quick")

    async def slow(self, request):
        name = "handler-%d" % self.there
        asyncio.current_task().set_name(name)
        if self.there < SLOTS:
            expect(name, "slow", parents=None, wait={"kind": "future", "name": "Api.gate"}, obj=self.gate, holds=[self._slots])
        else:
            expect(name, "slow", parents=None, obj=self._slots, wait={
                "kind": "semaphore", "type": "Semaphore", "name": "Api._slots", "name_source": "code", "free": 0, "capacity": SLOTS,
                "waiters": REQUESTS - SLOTS, "holders": ["handler-%d" % n for n in range(SLOTS)]})
        self.there += 1
        if self.there == REQUESTS:
            self.all_there.set_result(None)
        async with self._slots:
            await self.gate


async def get(session, url):
    async with session.get(url) as response:
        return await response.text()


@shape
async def web_server():
    api = Api()
    app = web.Application()
    app.router.add_get("/quick", api.quick)
    app.router.add_get("/slow", api.slow)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = "http://127.0.0.1:%d" % site._server.sockets[0].getsockname()[1]
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=None))
    kept.extend((runner, site, session, api))
    assert set(await asyncio.gather(*[get(session, url + "/quick") for _ in range(200)])) == {"quick"}
    for n in range(REQUESTS):
        aioharness.start(get(session, url + "/slow"), "client-%d" % n, None)
    await api.all_there


if __name__ == "__main__":
    aioharness.run()
