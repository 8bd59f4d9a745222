# SPDX-License-Identifier: Apache-2.0
"""Illness: the service does not answer.  One request calls a synchronous client in a coroutine, its upstream is silent, and the loop with
all other requests stands behind it.  Run it, read its process id, look at it as docs/runbook.md says."""
import asyncio
import json
import os
import socket
import threading

REQUESTS = 20


class RateClient:
    """A client of the blocking kind."""

    def __init__(self):
        self.connection, self.upstream = socket.socketpair()  # the other end never writes
        self.asked = threading.Event()

    def fetch_rate(self, currency):
        self.connection.sendall(currency.encode())
        self.asked.set()
        return self.connection.recv(64)


async def handle_request(client, number, all_here):
    await all_here.wait()
    if number == 7:  # only this one has a currency that is not in the cache
        client.fetch_rate("CHF")
    await asyncio.sleep(0)


async def main():
    client, all_here = RateClient(), asyncio.Event()
    requests = [asyncio.ensure_future(handle_request(client, number, all_here)) for number in range(REQUESTS)]
    await asyncio.sleep(0)
    threading.Thread(target=announce, args=(client,), name="announce").start()
    all_here.set()
    await asyncio.wait(requests)


def announce(client):
    """From a thread of its own: when the illness is there, the loop can say nothing any more."""
    client.asked.wait()
    print(json.dumps({"ready": True, "pid": os.getpid(), "requests": REQUESTS}), flush=True)


asyncio.run(main())
