# SPDX-License-Identifier: Apache-2.0
"""Illness: some requests never end.  Two transfers take the locks of two accounts in opposite order; whoever needs one of these accounts
afterwards waits for good.  Run it, read its process id, look at it as docs/runbook.md says."""
import asyncio
import json
import os


class Account:
    def __init__(self):
        self.lock = asyncio.Lock()


class Bank:
    def __init__(self):
        self.savings, self.current = Account(), Account()
        self.both_begun = 0

    async def transfer(self, source, target):
        async with source.lock:
            self.both_begun += 1
            while self.both_begun < 2:  # each has its first lock before either asks for its second
                await asyncio.sleep(0)
            async with target.lock:
                pass

    async def balance(self):
        async with self.savings.lock:
            pass


async def main():
    bank = Bank()
    tasks = [asyncio.ensure_future(bank.transfer(bank.savings, bank.current)), asyncio.ensure_future(bank.transfer(bank.current, bank.savings))]
    while bank.both_begun < 2 or not (bank.savings.lock._waiters and bank.current.lock._waiters):
        await asyncio.sleep(0)
    tasks += [asyncio.ensure_future(bank.balance()) for _ in range(30)]
    while len(bank.savings.lock._waiters) < 31:
        await asyncio.sleep(0)
    print(json.dumps({"ready": True, "pid": os.getpid(), "waiting_for_savings": 31}), flush=True)
    await asyncio.wait(tasks)


asyncio.run(main())
