# SPDX-License-Identifier: Apache-2.0
"""A small real service for `make demo`: asyncio takes orders over TCP, prices them in a thread pool, and a CPU-bound function
makes up most of the work.  Two clients of its own keep it busy.  Prints its port when it is ready; ends on SIGTERM."""
import asyncio
import concurrent.futures
import contextlib
import hashlib
import json
import signal


def price(order):
    """The CPU-bound part: nothing clever, as in real life."""
    total = 0
    for item in range(order["items"]):
        for discount in range(40):
            total += (item * 37 + discount * 11) % 101
    return total


def sign(text):
    """Releases the GIL while it hashes: hashlib does so for large inputs."""
    return hashlib.sha256(text.encode() * 20000).hexdigest()


def handle(order):
    return {"total": price(order), "signature": sign(json.dumps(order))}


async def serve(pool, reader, writer):
    loop = asyncio.get_running_loop()
    with contextlib.suppress(asyncio.CancelledError, RuntimeError, ConnectionError):  # the end of the service, or of a client
        while True:
            line = await reader.readline()
            if not line:
                break
            answer = await loop.run_in_executor(pool, handle, json.loads(line))
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
    writer.close()


async def client(port, items):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while True:
        writer.write(json.dumps({"items": items}).encode() + b"\n")
        await reader.readline()
        await asyncio.sleep(0.005)


async def main():
    with concurrent.futures.ThreadPoolExecutor(4, thread_name_prefix="pricing") as pool:
        server = await asyncio.start_server(lambda r, w: serve(pool, r, w), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        clients = [asyncio.ensure_future(client(port, items)) for items in (400, 1500)]
        print(port, flush=True)
        await stop.wait()
        for task in clients:
            task.cancel()
        server.close()


if __name__ == "__main__":
    asyncio.run(main())
