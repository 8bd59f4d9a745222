# SPDX-License-Identifier: Apache-2.0
"""Illness: a saturated pool.  Requests hand a blocking query to four threads, the database is silent, and the rest queues up; the loop and
the CPU are idle.  Run it, read its process id, look at it as docs/runbook.md says."""
import asyncio
import concurrent.futures
import json
import os
import socket
import threading

REQUESTS, WORKERS = 200, 4


class Database:
    def __init__(self):
        self.pool = concurrent.futures.ThreadPoolExecutor(WORKERS, thread_name_prefix="database")
        self.connections = [socket.socketpair() for _ in range(WORKERS)]  # the other ends never write
        self.free = list(range(WORKERS))
        self.asked = threading.Barrier(WORKERS + 1)

    def query(self, statement):
        mine = self.connections[self.free.pop()][0]
        mine.sendall(statement)
        self.asked.wait()
        return mine.recv(64)


async def handle_request(database):
    await asyncio.get_running_loop().run_in_executor(database.pool, database.query, b"select price from items")


async def main():
    database = Database()
    tasks = [asyncio.ensure_future(handle_request(database)) for _ in range(REQUESTS)]
    await asyncio.sleep(0)
    database.asked.wait()  # all four are in a query
    print(json.dumps({"ready": True, "pid": os.getpid(), "workers": WORKERS, "queued": REQUESTS - WORKERS}), flush=True)
    await asyncio.wait(tasks)


asyncio.run(main())
