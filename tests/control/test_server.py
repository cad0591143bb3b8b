"""The control socket against whatever a client may send."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from labtroupe import Outcome
from labtroupe.control import open_listener, serve
from labtroupe.kinds import DCPowerSupply
from labtroupe.testing import Double, FakeBench, MakeDouble, Probe

Served = Callable[[], AbstractAsyncContextManager[Path]]


@pytest.fixture
def supply(make_double: MakeDouble) -> Double[DCPowerSupply]:
    """Make what stands in for a supply."""
    double = make_double(DCPowerSupply)
    double.when(DCPowerSupply.voltage()).reply(5.0)
    return double


@pytest.fixture
def served(fake_bench: FakeBench, supply: Double[DCPowerSupply], tmp_path: Path) -> Served:
    """Serve a bench with a supply on a socket."""

    @asynccontextmanager
    async def served() -> AsyncGenerator[Path]:
        path = tmp_path / "control.sock"
        with trio.fail_after(20), open_listener(path) as listener:
            async with fake_bench({"psu": supply}) as bench, trio.open_nursery() as nursery:
                nursery.start_soon(serve, bench.service, listener)
                yield path
                nursery.cancel_scope.cancel()

    return served


async def answer(path: Path, line: bytes) -> dict[str, Any]:
    """Send a line and return the first line that comes back."""
    async with await trio.open_unix_socket(path) as stream:
        await stream.send_all(line)
        data = b""
        while not data.endswith(b"\n"):
            part = await stream.receive_some()
            assert part, f"closed after {data!r}"
            data += part
    found: dict[str, Any] = json.loads(data)
    return found


def request(op: str, **args: object) -> bytes:
    return json.dumps({"op": op, "args": args}).encode() + b"\n"


@pytest.mark.parametrize(
    "line",
    [
        b"garbage\n",
        b"{}\n",
        b"[1, 2]\n",
        b'{"op": "status", "args": {}, "more": 1}\n',
        request("shutdown"),
        request("status", nobody="knows"),
        request("status", name=[]),
        request("call", name="psu", command="voltage", timeout="abc"),
        request("call", name="psu", command="set_voltage", args="5"),
        request("events", instrument={}),
        request("inject", name="psu", fault=5),
        b"x" * ((1 << 20) + 10) + b"\n",
    ],
    ids=lambda line: line[:60].decode(),
)
async def test_what_is_no_request_is_answered_so_and_the_bench_goes_on(served: Served, line: bytes) -> None:
    async with served() as path:
        error = (await answer(path, line))["error"]
        assert error["code"] == "error"
        assert error["message"].startswith(("not a request", "no operation"))
        good = await answer(path, request("call", name="psu", command="voltage"))
        assert good["result"]["unit"] == "V"


async def test_a_text_too_deep_to_be_a_value_is_a_bad_argument(served: Served) -> None:
    async with served() as path:
        deep = await answer(path, request("call", name="psu", command="set_voltage", args=["[" * 100_000]))
        assert deep["error"]["code"] == "bad-argument"


async def test_a_client_that_only_looks_whether_anybody_is_there_is_no_request(served: Served) -> None:
    async with served() as path:
        for _ in range(20):
            await (await trio.open_unix_socket(path)).aclose()
        assert "result" in await answer(path, request("status"))


async def test_many_clients_are_answered_at_once(served: Served) -> None:
    answers: list[dict[str, Any]] = []
    async with served() as path:

        async def ask() -> None:
            answers.append(await answer(path, request("call", name="psu", command="voltage", timeout=15)))

        async with trio.open_nursery() as nursery:
            for _ in range(30):
                nursery.start_soon(ask)
    assert all("result" in each for each in answers)
    assert len(answers) == 30


async def test_a_listener_that_does_not_read_holds_up_nobody(served: Served) -> None:
    async with served() as path, await trio.open_unix_socket(path) as lazy:
        await lazy.send_all(request("events", follow=True))
        for _ in range(200):
            refused = await answer(path, request("call", name="psu", command="set_voltage", args=["-1"]))
            assert refused["error"]["code"] == "bad-argument"


async def test_a_client_that_goes_away_cancels_what_it_asked_for(
    served: Served, supply: Double[DCPowerSupply]
) -> None:
    """R4."""
    supply.when(DCPowerSupply.current()).hang().reply(1.5)
    probe = Probe(supply)
    async with served() as path:
        async with await trio.open_unix_socket(path) as stream:
            await stream.send_all(request("call", name="psu", command="current", timeout=1000))
            (received,) = await probe.expect(DCPowerSupply.current())
        next_one = await answer(path, request("call", name="psu", command="current"))

    assert next_one["result"]["value"] == 1.5
    assert received.outcome is Outcome.UNKNOWN


async def test_nobody_else_can_open_the_socket(served: Served) -> None:
    async with served() as path:
        assert path.stat().st_mode & 0o777 == 0o600
