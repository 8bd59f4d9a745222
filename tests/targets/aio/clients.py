# SPDX-License-Identifier: Apache-2.0
"""Clients that wait: aiosqlite for a query that does not end, httpx and aiohttp for answers that do not come."""
import asyncio
import socket
import threading

import aiohttp
import aiosqlite
import httpx

import aioharness
from aioharness import kept, shape, start


@shape
async def sqlite():
    loop, latch = asyncio.get_running_loop(), aioharness.Latch(1)
    database = await aiosqlite.connect(":memory:")
    kept.append(database)

    def blocks():
        latch.count_down()
        threading.Event().wait()

    await database.execute("CREATE TABLE prices (id INTEGER, price REAL)")
    for n in range(100):
        await database.execute("INSERT INTO prices VALUES (?, ?)", (n, n / 2))
    await database.create_function("blocks", 0, blocks)
    assert loop is asyncio.get_running_loop()

    async def query(text):
        async with database.execute(text) as cursor:
            return await cursor.fetchall()

    start(query("SELECT blocks()"), "query-running", "query", wait={})
    await latch.done
    for n in range(5):
        start(query("SELECT * FROM prices"), "query-%d" % n, "query", wait={})


def silent_server():
    """Takes connections into its backlog and never answers."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    kept.append(listener)
    return "http://127.0.0.1:%d/" % listener.getsockname()[1]


@shape
async def httpx_client():
    client = httpx.AsyncClient(timeout=None, limits=httpx.Limits(max_connections=3))
    kept.append(client)
    url = silent_server()

    async def ask(n):
        await client.get(url)

    for n in range(6):
        start(ask(n), "httpx-%d" % n, "ask", wait={})


@shape
async def aiohttp_client():
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=3), timeout=aiohttp.ClientTimeout(total=None))
    kept.append(session)
    url = silent_server()

    async def ask():
        async with session.get(url) as response:
            return await response.text()

    for n in range(6):
        start(ask(), "aiohttp-%d" % n, "ask", wait={})


if __name__ == "__main__":
    aioharness.run()
