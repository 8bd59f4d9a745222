# SPDX-License-Identifier: Apache-2.0
"""Illness: memory grows.  Each order leaves behind a task that waits for an acknowledgement that nobody sends, and a call for a pool whose
only thread is stuck.  A hundred orders at the start, then a hundred more for each line on stdin, answered by how many there were, or with
    growing.py SECONDS              a hundred more every so many seconds
Run it, read its process id, look at it as docs/runbook.md says."""
import asyncio
import concurrent.futures
import json
import os
import socket
import sys

STEP = 100


class Shop:
    def __init__(self):
        self.mail = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="mail")
        self.relay = socket.socketpair()  # the other end never writes
        self.acknowledged = asyncio.Event()
        self.orders = []

    def send_mail(self, order):
        self.relay[0].recv(64)

    async def audit(self, order):
        await self.acknowledged.wait()  # nobody sets it

    async def take_orders(self):
        for _ in range(STEP):
            order = bytearray(10000)  # what the task and the call keep alive
            self.orders.append(asyncio.ensure_future(self.audit(order)))
            self.mail.submit(self.send_mail, order)
        await asyncio.sleep(0)  # the new tasks begin
        while self.mail._work_queue.qsize() > len(self.orders) - 1:  # the thread has taken its first
            await asyncio.sleep(0)
        print(json.dumps({"ready": True, "pid": os.getpid(), "orders": len(self.orders)}), flush=True)


async def main():
    shop, loop = Shop(), asyncio.get_running_loop()
    await shop.take_orders()
    while True:
        if len(sys.argv) > 1:
            await asyncio.sleep(float(sys.argv[1]))
        elif not await loop.run_in_executor(None, sys.stdin.readline):
            os._exit(0)
        await shop.take_orders()


asyncio.run(main())
