"""Latches: what is kept of them over the end of the process, and how."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
import trio

from labtroupe import Bench, State, open_bench
from labtroupe.actor import Cell, Deadlines, Latch, Mailbox
from labtroupe.bench import _latches
from labtroupe.bench._latches import Latches, LatchKeeper, latch_path, read_latches
from labtroupe.control import LatchesNotKept
from labtroupe.errors import BenchError, Halted
from labtroupe.kinds import DCPowerSupply
from labtroupe.messages import Event
from labtroupe.records import LatchStatus
from labtroupe.transport import claims

PSU = '[instruments.psu]\nkind = "dc-power-supply"\naddress = "sim:dc-power-supply"\n'
SMOKE = Latch("smoke", 1795271635.5)


@asynccontextmanager
async def opened(tmp_path: Path, text: str = PSU) -> AsyncGenerator[Bench]:
    """Open a bench named "one"."""
    (tmp_path / "one.toml").write_text(text)
    with trio.fail_after(20):
        async with open_bench(tmp_path / "one.toml") as bench:
            yield bench


def halted_before(name: str = "psu") -> Path:
    """Leave what a process leaves in which something was halted."""
    path = latch_path("one")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({name: {"reason": SMOKE.reason, "time": SMOKE.time}}))
    return path


async def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until something is so that nobody tells of."""
    with trio.fail_after(10):
        while not condition():  # noqa: ASYNC110 - in real time, and short
            await trio.sleep(0.01)


async def events(bench: Bench) -> list[Event]:
    """Return what has happened so far."""
    return [event async for event in bench.service.feed.read(follow=False)]


def latch(bench: Bench) -> LatchStatus:
    """Return what an operator sees of the latch."""
    found = bench.service.status("psu").instruments[0].latch
    assert found is not None
    return found


# --- where they are


def test_they_are_where_the_user_keeps_the_state_of_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the XDG Base Directory Specification has it; a relative path is to be ignored."""
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setenv("XDG_STATE_HOME", "/states")
    assert latch_path("one") == Path("/states/labtroupe/one.latches.json")
    for unusable in ("", "states"):
        monkeypatch.setenv("XDG_STATE_HOME", unusable)
        assert latch_path("one") == Path("/home/ada/.local/state/labtroupe/one.latches.json")


def test_without_a_place_for_them_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setenv("XDG_STATE_HOME", "")
    monkeypatch.setattr(Path, "home", nobody)

    with pytest.raises(BenchError, match="no place to remember what is halted"):
        latch_path("one")


# --- over the end of the process


async def test_what_was_halted_is_halted_before_anything_begins(tmp_path: Path) -> None:
    """S10: refused from the first moment on; its port is opened and its safe state reached."""
    halted_before()
    async with opened(tmp_path) as bench:
        psu = bench.ref("psu", DCPowerSupply)
        with pytest.raises(Halted, match="smoke"):
            await psu.ask(DCPowerSupply.switch(on=True))
        await wait_until(lambda: latch(bench).confirmed)

        assert psu.state is State.HALTED
        assert (latch(bench).reason, latch(bench).time) == ("smoke", SMOKE.time)


async def test_a_halt_is_kept_and_a_reset_of_the_last_removes_the_file(tmp_path: Path) -> None:
    """S10."""
    path = latch_path("one")
    async with opened(tmp_path, PSU + PSU.replace("psu", "other")) as bench:
        assert not path.exists()
        await bench.service.halt(None, "smoke")
        assert {name: latch.reason for name, latch in read_latches(path).items()} == {
            "psu": "smoke",
            "other": "smoke",
        }
        await bench.service.reset(["psu"], "aired")
        assert set(read_latches(path)) == {"other"}
    assert set(read_latches(path)) == {"other"}
    async with opened(tmp_path, PSU + PSU.replace("psu", "other")) as bench:
        assert bench.ref("psu", DCPowerSupply).state is not State.HALTED
        await bench.service.reset(["other"], "aired")

    assert list(path.parent.iterdir()) == []


async def test_the_latch_of_one_that_is_not_on_the_bench_any_more_stays(tmp_path: Path) -> None:
    """S10: it may come back, and nobody has reset it."""
    path = halted_before("gone")
    async with opened(tmp_path) as bench:
        await bench.service.halt(["psu"], "fire")
        await bench.service.reset(["psu"], "out")

    assert read_latches(path) == {"gone": SMOKE}


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"psu": "smoke"}', b'{"psu": {"time": 3}}', b"\xff\xfe", b'{"\xff": 1}']
)
async def test_a_damaged_file_is_never_ignored(tmp_path: Path, content: bytes) -> None:
    """S10: the bench does not start, and no port is opened."""
    path = halted_before()
    path.write_bytes(content)
    with pytest.raises(BenchError, match=f"{path} says what is halted, and cannot be read") as caught:
        async with opened(tmp_path):
            pytest.fail("its body has begun")

    assert "remove the file" in caught.value.remedy
    assert claims() == {}


async def test_a_file_that_cannot_be_opened_is_not_ignored_either(tmp_path: Path) -> None:
    halted_before().unlink()
    latch_path("one").mkdir()
    with pytest.raises(BenchError, match="cannot be read"):
        async with opened(tmp_path):
            pytest.fail("its body has begun")


# --- while the disk does not do what it should


async def test_a_write_that_is_cut_off_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S10: it is the old one or the new one, whatever happens."""

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    path = halted_before()
    async with opened(tmp_path, PSU + PSU.replace("psu", "other")) as bench:
        monkeypatch.setattr(os, "fsync", fail)
        await bench.service.halt(["other"], "fire")
        assert read_latches(path) == {"psu": SMOKE}
        monkeypatch.undo()


async def test_a_halt_that_cannot_be_written_halts_and_says_so(tmp_path: Path) -> None:
    """S10: in its answer and as an event; and the next change is written, if that can be."""
    async with opened(tmp_path) as bench:
        latch_path("one").parent.parent.mkdir(parents=True, exist_ok=True)
        latch_path("one").parent.touch()
        result = await bench.service.halt(["psu"], "smoke")
        told = [each.reason for each in await events(bench) if isinstance(each, LatchesNotKept)]
        latch_path("one").parent.unlink()
        again = await bench.service.halt(["psu"], "fire")

        assert bench.ref("psu", DCPowerSupply).state is State.HALTED
        assert result.reports[0].confirmed
        assert told == [result.not_kept]
        assert result.not_kept.startswith(f"{latch_path('one')} could not be written: ")
        assert again.not_kept == ""
        assert read_latches(latch_path("one"))["psu"].reason == "fire"


async def test_a_reset_that_cannot_be_written_resets_and_says_so(tmp_path: Path) -> None:
    """S10: in the next process it is halted again, which is the safe side."""
    async with opened(tmp_path) as bench:
        await bench.service.halt(["psu"], "smoke")
        path = latch_path("one")
        path.unlink()
        (path / "in the way").mkdir(parents=True)
        results = await bench.service.reset(["psu"], "aired")

        assert bench.ref("psu", DCPowerSupply).state is State.RUNNING
        assert results[0].note.startswith("not halted any more, until the bench's process is started again: ")


@attrs.define(eq=False)
class Disk:
    """A disk on which each write takes until it is released."""

    write: Callable[[Path, Latches], None]
    began: threading.Semaphore = attrs.field(factory=lambda: threading.Semaphore(0))
    released: threading.Event = attrs.field(factory=threading.Event)

    def hang(self, path: Path, latches: Latches) -> None:
        """Write in the end."""
        self.began.release()
        self.released.wait(10)
        self.write(path, latches)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """A disk that hangs, for which nobody has much patience."""
    found = Disk(_latches._write_latches)
    monkeypatch.setattr(_latches, "_write_latches", found.hang)
    monkeypatch.setattr(_latches, "_PATIENCE", 0.1)
    yield found
    found.released.set()


async def test_a_halt_does_not_wait_for_the_disk(tmp_path: Path, disk: Disk) -> None:
    """S10: neither with the latch nor with the safe state, and not for ever with its answer."""
    async with opened(tmp_path) as bench:
        result = await bench.service.halt(["psu"], "smoke")

        assert disk.began.acquire(blocking=False)
        assert result.reports[0].confirmed
        assert result.not_kept == f"{latch_path('one')} could not be written within 0.1 s"
        disk.released.set()
        await wait_until(latch_path("one").exists)
        assert await bench.service.reset(["psu"], "aired")


async def test_a_halt_is_kept_while_every_other_thread_hangs(tmp_path: Path) -> None:
    """S10: drivers that block may have used up all that trio has."""
    threads = trio.to_thread.current_default_thread_limiter()
    async with opened(tmp_path) as bench:
        await bench.ref("psu", DCPowerSupply).ask(DCPowerSupply.voltage())
        for number in range(int(threads.total_tokens)):
            threads.acquire_on_behalf_of_nowait(number)
        result = await bench.service.halt(["psu"], "smoke")
        for number in range(int(threads.total_tokens)):
            threads.release_on_behalf_of(number)

        assert result.not_kept == ""


async def test_the_latch_is_on_before_the_disk_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S10."""
    seen: list[State] = []
    async with opened(tmp_path) as bench:
        psu = bench.ref("psu", DCPowerSupply)

        def write(_path: Path, _latches: Latches) -> None:
            seen.append(psu.state)

        monkeypatch.setattr(_latches, "_write_latches", write)
        await bench.service.halt(["psu"], "smoke")

    assert seen == [State.HALTED]


def make_cell(publish: Callable[[Event], None]) -> Cell:
    """Return the cell of a supply that nobody runs."""
    return Cell("psu", DCPowerSupply, Mailbox(), Deadlines(), publish)


async def test_a_write_that_is_left_behind_does_not_undo_a_later_one(disk: Disk) -> None:
    """S10: what is in the file in the end is what was so in the end."""
    told: list[Event] = []
    keeper = LatchKeeper.of("one", told.append)
    cell = make_cell(told.append)
    keeper.look_after([cell])
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(keeper.run)
            cell.halt(SMOKE)
            keeper.keep()
            await trio.to_thread.run_sync(disk.began.acquire)
            cell.halt(Latch("fire"))
            keeper.keep()
            nursery.cancel_scope.cancel()
        disk.released.set()
        await wait_until(lambda: read_latches(latch_path("one")).get("psu", SMOKE) != SMOKE)

    assert read_latches(latch_path("one"))["psu"].reason == "fire"


async def test_what_changes_during_a_write_is_written_after_it(disk: Disk) -> None:
    """S10: also where nobody waits for it."""
    told: list[Event] = []
    keeper = LatchKeeper.of("one", told.append)
    cell = make_cell(told.append)
    keeper.look_after([cell])
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(keeper.run)
            for reason in ("smoke", "fire"):
                cell.halt(Latch(reason))
                keeper.keep()
                if reason == "smoke":
                    await trio.to_thread.run_sync(disk.began.acquire)
            disk.released.set()
            await wait_until(lambda: read_latches(latch_path("one")).get("psu", SMOKE).reason == "fire")
            nursery.cancel_scope.cancel()


async def test_a_write_that_begins_late_does_not_undo_a_later_one() -> None:
    """S10: a thread may be slow to begin."""
    told: list[Event] = []
    keeper = LatchKeeper.of("one", told.append)
    keeper._write_in_thread({"psu": SMOKE}, number=0)
    keeper._writes = 1
    keeper._write_in_thread({}, number=0)

    assert read_latches(latch_path("one")) == {"psu": SMOKE}


async def test_what_was_halted_in_the_last_moment_is_kept(tmp_path: Path) -> None:
    """S10: by whoever leaves without waiting for the answer."""
    async with opened(tmp_path) as bench:
        with trio.move_on_after(0):
            await bench.service.halt(["psu"], "smoke")

    assert read_latches(latch_path("one"))["psu"].reason == "smoke"
