# SPDX-License-Identifier: Apache-2.0
"""Semaphores under every kind of name, idle; "use" has tasks hold and wait for each of them, by other names.

"names" answers {address: name}: what one would search the source for; "" = nobody has it but a task.
"""
import asyncio
import collections
import sys
import types

import harness

names, kept = {}, []
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
tasks = []


def called(name, one=None):
    one = one or asyncio.Semaphore(2)
    names[hex(id(one))] = name
    return one


library = types.ModuleType("library")
sys.modules["library"] = library
library.LIMIT = LIMIT = called("library.LIMIT")  # this script imports it by name
OWN = called("__main__.OWN")
BY_NAME = {"db": called("__main__.BY_NAME['db']"), "it's": called("__main__.BY_NAME[\"it's\"]")}
BY_NUMBER = {7: called("__main__.BY_NUMBER[]"), 9: called("__main__.BY_NUMBER[]")}
BY_OBJECT = {object(): called("__main__.BY_OBJECT[]")}
BY_USER = {"user-%d" % n: called("__main__.BY_USER[]") for n in range(100)}
LIST = [called("__main__.LIST[]") for _ in range(300)]
NESTED = [[called("__main__.NESTED[][]")], (called("__main__.NESTED[][]"),)]
DEQUE = collections.deque([called("__main__.DEQUE[]")], maxlen=3)
SET = {called("__main__.SET[]") for _ in range(40)}
FROZEN = frozenset([called("__main__.FROZEN[]")])


class Base:
    shared = called("Base.shared")

    def __init__(self):
        self._limit = called("%s._limit" % type(self).__name__)
        self.__private = called("Base.__private")
        self.alias = LIMIT


class Client(Base):
    __slots__ = ("slot",)

    def __init__(self):
        super().__init__()
        self.slot = called("Client.slot")


class Application:
    def __init__(self):
        self.client = Client()
        self.clients = {n: Client() for n in range(200)}  # of all instances the same
        self.gates = [called("Application.gates[]") for _ in range(2)]


app = Application()


def limited(limit):
    def decorate(function):
        semaphore = called("decorate.semaphore", asyncio.Semaphore(limit))

        async def call():
            async with semaphore:
                await function()
        return call
    return decorate


@limited(3)
async def decorated():
    await asyncio.sleep(0)


class Request:
    """Of these only tasks know."""

    def __init__(self):
        self.gate = called("Request.gate")

    async def handle(self, wake):
        await wake.wait()


async def hold(some_other_name):
    async with some_other_name:
        await asyncio.get_running_loop().create_future()


def everything():
    one = app.client
    yield from [LIMIT, OWN, BY_NAME["db"], BY_NUMBER[7], BY_USER["user-3"], LIST[0], LIST[299], NESTED[0][0], DEQUE[0], Base.shared]
    yield from [one._limit, one._Base__private, one.slot, app.clients[5]._limit, app.gates[0]]


async def use():
    for one in everything():
        tasks.extend(asyncio.ensure_future(hold(one)) for _ in range(4))
    for _ in range(5):
        await asyncio.sleep(0)
    return True


def ask_use():
    return asyncio.run_coroutine_threadsafe(use(), loop).result()


async def main():
    wake = asyncio.Event()
    requests = [Request() for _ in range(3)]
    tasks.extend(asyncio.ensure_future(request.handle(wake)) for request in requests)
    del requests
    await asyncio.sleep(0)
    harness.serve(names=lambda: names, use=ask_use)
    harness.ready()
    await wake.wait()


loop.run_until_complete(main())
