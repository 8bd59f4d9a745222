# SPDX-License-Identifier: Apache-2.0
"""Sockets, streams, servers and child processes that keep silent."""
import asyncio
import os
import socket

import aioharness
from aioharness import UVLOOP, expect, hops, kept, name_task_of, shape, start

# uvloop's own coroutines and server are C: what they wait for may be seen as a bare future
SOCKET = ["socket", "future"] if UVLOOP else "socket"
SERVER = ["server", "future"] if UVLOOP else "server"


def pair():
    a, b = socket.socketpair()
    a.setblocking(False)
    b.setblocking(False)
    kept.extend((a, b))
    return a, b


def address(name):
    return "%s:%d" % name[:2]


def connected():
    """A connected TCP socket and its silent peer, both of this process."""
    listener = socket.create_server(("127.0.0.1", 0))
    near = socket.create_connection(listener.getsockname())
    far, _ = listener.accept()
    listener.close()
    near.setblocking(False)
    kept.append(far)
    return near, far


@shape
async def sock_recv():
    a, _ = pair()

    async def want(sock):
        await asyncio.get_running_loop().sock_recv(sock, 1)

    start(want(a), "sock-recv", "want", wait=dict({"kind": SOCKET}, **({} if UVLOOP else {"fd": a.fileno()})))
    near, far = connected()
    start(want(near), "sock-recv-tcp", "want",
          wait=dict({"kind": SOCKET}, **({} if UVLOOP else {"fd": near.fileno(), "peer": address(far.getsockname())})))


@shape
async def sock_accept():
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    kept.append(listener)

    async def want():
        await asyncio.get_running_loop().sock_accept(listener)

    start(want(), "sock-accept", "want", wait=dict({"kind": SOCKET}, **({} if UVLOOP else {"fd": listener.fileno()})))


@shape
async def sock_sendall():
    a, _ = pair()

    async def give():
        await asyncio.get_running_loop().sock_sendall(a, bytes(1 << 24))

    start(give(), "sock-sendall", "give", wait=dict({"kind": SOCKET}, **({} if UVLOOP else {"fd": a.fileno()})))


@shape
async def stream_reads():
    class Connection:
        def __init__(self, reader):
            self._reader = reader

        async def read(self):
            await self._reader.read(1)

        async def readline(self):
            await self._reader.readline()

        async def readexactly(self):
            await self._reader.readexactly(2)

        async def readuntil(self):
            await self._reader.readuntil(b"x")

    for how in ("read", "readline", "readexactly", "readuntil"):
        near, far = connected()
        reader, writer = await asyncio.open_connection(sock=near)
        kept.append(writer)
        fd = writer.get_extra_info("socket").fileno()
        start(getattr(Connection(reader), how)(), "stream-" + how, how, wait={
            "kind": "stream-read", "type": "StreamReader", "module": "asyncio.streams",
            "fd": [fd, None] if UVLOOP else fd, "peer": [address(far.getsockname()), None] if UVLOOP else address(far.getsockname())})


@shape
async def stream_of_a_socketpair():
    a, _ = pair()
    reader, writer = await asyncio.open_connection(sock=a)
    kept.append(writer)
    fd = writer.get_extra_info("socket").fileno()

    async def want():
        await reader.read()

    start(want(), "stream-unix", "want", wait={"kind": "stream-read", "fd": [fd, None] if UVLOOP else fd})


@shape
async def drain():
    near, far = connected()
    _, writer = await asyncio.open_connection(sock=near)
    kept.append(writer)
    fd = writer.get_extra_info("socket").fileno()

    async def give():
        while True:
            writer.write(bytes(1 << 20))
            await writer.drain()

    start(give(), "drain", "give", wait={
        "kind": "stream-write", "fd": [fd, None] if UVLOOP else fd,
        "peer": [address(far.getsockname()), None] if UVLOOP else address(far.getsockname())})


@shape
async def server():
    async def handle(reader, writer):
        pass

    made = await asyncio.start_server(handle, "127.0.0.1", 0)

    async def serve():
        async with made:
            await made.serve_forever()

    start(serve(), "server", "serve", wait={"kind": SERVER})


@shape
async def server_with_a_client():
    """The task that the server makes for a connection waits for the client's next line."""
    connection = asyncio.get_running_loop().create_future()

    async def handle(reader, writer):
        asyncio.current_task().set_name("handler")
        kept.append(asyncio.current_task())
        connection.set_result(writer)
        await reader.readline()

    made = await asyncio.start_server(handle, "127.0.0.1", 0)
    client = socket.create_connection(made.sockets[0].getsockname())
    kept.extend((made, client))
    writer = await connection
    fd = writer.get_extra_info("socket").fileno()
    expect("handler", "handle", wait={"kind": "stream-read", "fd": [fd, None] if UVLOOP else fd,
                                      "peer": [address(client.getsockname()), None] if UVLOOP else address(client.getsockname())})


@shape
async def subprocess_wait():
    child = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE)

    class Runner:
        def __init__(self):
            self._child = child

        async def finish(self):
            await self._child.wait()

    start(Runner().finish(), "subprocess-wait", "finish", wait={"kind": "subprocess", "pid": child.pid})


@shape
async def subprocess_output():
    child = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    kept.append(child)

    async def read():
        await child.stdout.read()

    start(read(), "subprocess-read", "read", wait={"kind": "stream-read"})


@shape
async def subprocess_communicate():
    """communicate() reads in tasks of its own."""
    pipe = asyncio.subprocess.PIPE
    # ends with us: its standard input is a pipe of ours that it waits to see closed
    never, ours = os.pipe()
    child = await asyncio.create_subprocess_exec("cat", stdin=never, stdout=pipe, stderr=pipe)
    os.close(never)
    kept.extend((child, ours))
    before = aioharness.all_tasks()

    async def talk():
        await child.communicate()

    talker = start(talk(), "communicate", "talk", wait={"kind": ["tasks", "subprocess"]})
    await hops()
    made = sorted(aioharness.all_tasks() - before - {talker}, key=lambda task: task.get_coro().cr_frame.f_locals["fd"])
    for task in made:
        name_task_of(task.get_coro(), "communicate-fd-%d" % task.get_coro().cr_frame.f_locals["fd"])
        expect(task.get_name(), "", wait={"kind": "stream-read"}, parents=["communicate"])
    assert len(made) == 2, made


if __name__ == "__main__":
    aioharness.run()
