# SPDX-License-Identifier: Apache-2.0
"""strobe ps against servers and clients from the package index, stopped under load, as asyncio itself sees them at the same moment."""
import pytest

from lib import aio

VERSIONS = pytest.mark.versions("3.11", "3.12", "3.14", "3.14t", "3.15")


def check(py, script, uvloop):
    with aio.target(py, script, needs=["programs"], uvloop=uvloop) as target:
        answer = aio.look(target, all_stated=False)
        if py.minor >= (3, 14):
            aio.compare_graph(answer, target.ask("graph"))
        aio.assert_right(answer)
        return answer


@VERSIONS
@pytest.mark.parametrize("uvloop", [False, True], ids=["asyncio", "uvloop"])
def test_aiohttp_server_and_client(py, uvloop):
    """30 requests, 5 of which hold the semaphore that the others wait for."""
    answer = check(py, "webaiohttp.py", uvloop)
    waits = [answer.wait_of(task) for task in answer.tasks if task["name"].startswith("handler-")]
    assert len([wait for wait in waits if wait["kind"] == "semaphore"]) == 25


@VERSIONS
@pytest.mark.parametrize("uvloop", [False, True], ids=["asyncio", "uvloop"])
def test_fastapi_on_uvicorn(py, uvloop):
    """60 requests to a synchronous endpoint: 40 threads run, 20 requests wait for anyio's limiter."""
    answer = check(py, "webfastapi.py", uvloop)
    requests = [task for task in answer.tasks if task["name"].startswith("request-")]
    assert sorted(answer.wait_of(task)["kind"] for task in requests) == ["limiter"] * 20 + ["worker-thread"] * 40
    workers = [task["worker"] for task in requests if task.get("worker")]
    assert len(set(workers)) == 40, "each of them in a thread of its own"


@VERSIONS
def test_clients(py):
    """aiosqlite, httpx and aiohttp, all of them waiting."""
    check(py, "clients.py", False)


@pytest.mark.versions("3.9", "3.12", "3.14", "3.15")
def test_packed_into_one_file(py):
    """The libraries' files are named from their own folders on; what tasks wait for is known all the same."""
    with aio.target(py, "packed.py") as target:
        target.settle()
        answer = aio.ps(target.pid)
        target.assert_unharmed()
    assert not answer.wrong, answer.wrong
    assert sorted(answer.wait_of(task)["kind"] for task in answer.tasks) == ["lock", "sleep", "tasks"]
    assert [pool["busy"] for pool in answer.pools.values()] == [1]
