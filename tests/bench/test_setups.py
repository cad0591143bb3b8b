"""Set-ups that fail leave nothing open, whoever still holds on to their errors."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import trio

from labtroupe import State, open_bench
from labtroupe.errors import RestartLimitError
from labtroupe.kinds import LinkamT95
from labtroupe.transport import claims

HEATER = '[instruments.heater]\nkind = "linkam-t95"\naddress = "sim:linkam-t95"\n'


@pytest.fixture
def black_hole() -> Iterator[int]:
    """A port that neither accepts nor refuses: its queue is full, so that whoever knocks is not heard."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        port = server.getsockname()[1]
        knocking = [socket.socket() for _ in range(3)]
        for each in knocking:
            each.settimeout(0)
            each.connect_ex(("127.0.0.1", port))
        yield port
        for each in knocking:
            each.close()


def descriptors() -> int:
    """Return how many files this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def test_fifty_that_fail_leave_no_descriptor_and_no_thread(tmp_path: Path) -> None:
    """PLR-3, PLR-8, PLR-10, PLR-13, PLR-15: although every exception is kept alive."""
    path = tmp_path / "bench.toml"
    path.write_text(
        HEATER + '[instruments.gone]\nkind = "scpi"\naddress = "serial:/dev/labtroupe-is-not-here"\n'
    )
    kept: list[BaseException] = []

    async def fail() -> None:
        with pytest.raises(RestartLimitError) as caught:
            async with open_bench(path, require=["gone"]):
                pass
        kept.append(caught.value)

    with trio.fail_after(50):
        await fail()
        files, threads = descriptors(), threading.active_count()
        for _ in range(50):
            await fail()

    assert descriptors() == files
    # trio keeps a few for the next call that blocks.
    assert threading.active_count() < threads + 5
    assert len(kept) == 51
    assert claims() == {}


async def test_after_a_set_up_that_failed_another_one_works(tmp_path: Path) -> None:
    """PLR-8, PLR-9: with the same port, at once."""
    path = tmp_path / "bench.toml"
    path.write_text(HEATER)
    with trio.fail_after(20):
        with suppress(ZeroDivisionError):
            async with open_bench(path) as bench:
                await bench.connect()
                raise ZeroDivisionError
        async with open_bench(path) as bench:
            await bench.connect()
            assert await bench.ref("heater", LinkamT95).ask(LinkamT95.temperature()) > 0


async def test_an_address_in_a_black_hole_delays_nobody(tmp_path: Path, black_hole: int) -> None:
    """BAPI-1, OA-2: and who waits for it can stop waiting."""
    path = tmp_path / "bench.toml"
    path.write_text(HEATER + f'[instruments.hole]\nkind = "scpi"\naddress = "tcp://127.0.0.1:{black_hole}"\n')
    with trio.fail_after(20):
        async with open_bench(path) as bench:
            began = trio.current_time()
            await bench.connect("heater")
            with trio.move_on_after(0.5) as impatient:
                await bench.connect("hole")

            assert impatient.cancelled_caught
            assert trio.current_time() - began < 5
            assert bench.connections("hole").causes[0].state is State.STARTING


async def test_a_cancel_during_an_opening_that_blocks_leaves_nothing(tmp_path: Path, black_hole: int) -> None:
    """PLR-10, PLR-13: the set-up as a whole is cancelled while a port is being opened."""
    path = tmp_path / "bench.toml"
    path.write_text(
        f'[instruments.hole]\nkind = "scpi"\naddress = "tcp://127.0.0.1:{black_hole}"\nconnect = "required"\n'
    )
    before = descriptors()
    with trio.fail_after(20):
        for _ in range(5):
            with trio.move_on_after(0.1) as scope:
                async with open_bench(path):
                    pass
            assert scope.cancelled_caught

    assert descriptors() == before
    assert claims() == {}
