# SPDX-License-Identifier: Apache-2.0
"""Illness: high latency, low CPU.  Ten permits guard a slow upstream, two hundred requests want one.
    slow_upstream.py [SECONDS]      how long the upstream takes to answer, 0.5 if not said
Run it, read its process id, look at it as docs/runbook.md says."""
import asyncio
import json
import os
import sys

REQUESTS, PERMITS = 200, 10


class PriceClient:
    def __init__(self, port):
        self._price_semaphore = asyncio.Semaphore(PERMITS)
        self.port = port

    async def fetch_price(self, number):
        async with self._price_semaphore:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(b"%d\n" % number)
            await reader.readline()
            writer.close()


class Upstream(asyncio.Protocol):
    """What in real life is another machine: it answers after a while.  Callbacks only, so that its work is no task of the service."""

    asked, seconds = 0, 0.5

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        Upstream.asked += 1
        asyncio.get_running_loop().call_later(self.seconds, self.transport.write, b"4.20\n")


async def handle_request(client, number):
    while True:  # a client that asks again as soon as it is answered
        await client.fetch_price(number)


async def main():
    if len(sys.argv) > 1:
        Upstream.seconds = float(sys.argv[1])
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)
    client = PriceClient(server.sockets[0].getsockname()[1])
    tasks = [asyncio.ensure_future(handle_request(client, number)) for number in range(REQUESTS)]
    while Upstream.asked < PERMITS:
        await asyncio.sleep(0.01)
    print(json.dumps({"ready": True, "pid": os.getpid(), "requests": REQUESTS, "permits": PERMITS, "port": client.port}), flush=True)
    await asyncio.wait(tasks)


asyncio.run(main())
