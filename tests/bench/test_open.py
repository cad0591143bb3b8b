"""Running benches: what the body sees, and how it ends."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import attrs
import pytest
import trio

from labtroupe import ActorRef, Instrument, State, command, open_bench
from labtroupe.errors import ConfigError, LabtroupeError, RestartLimitError, UnknownInstrumentError
from labtroupe.kinds import LinkamT95
from labtroupe.policy import _roster
from labtroupe.supervision import Member
from labtroupe.transport import claims

HEATER = '[instruments.heater]\nkind = "linkam-t95"\naddress = "sim:linkam-t95"\n'


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "bench.toml"
    path.write_text(text)
    return path


@attrs.define(eq=False)
class Fragile(Instrument):
    """Crashes on demand."""

    @command
    async def crash(self) -> None:
        """Crash."""
        raise OSError("broken")


@attrs.define(eq=False)
class Deaf(Instrument):
    """Does not hear that it is cancelled."""

    released: ClassVar[bool] = False

    @command
    async def wait(self) -> None:
        """Wait until somebody has mercy."""
        while not Deaf.released:
            with contextlib.suppress(trio.Cancelled):
                await trio.sleep(0.01)


async def test_the_ports_are_closed_when_the_body_is_over(tmp_path: Path) -> None:
    """P19, PLR-10."""
    with trio.fail_after(10):
        async with open_bench(write(tmp_path, HEATER)) as bench:
            await bench.ref("heater", LinkamT95).ask(LinkamT95.temperature())
            assert list(claims().values()) == ["heater"]
        assert claims() == {}


class Fatal(BaseException):
    """No `Exception`."""


TWO = ExceptionGroup("two", [OSError(), KeyError()])
BODIES = [ValueError("mine"), SystemExit(3), KeyboardInterrupt(), Fatal(), TWO]


@pytest.mark.parametrize("when", ["starting", "running"])
async def test_what_cancels_all_of_it_ends_the_body_first(tmp_path: Path, when: str) -> None:
    """S2: the body may have to ask an instrument to clean up."""
    asked = list[float]()
    with trio.fail_after(20), trio.CancelScope() as scope:
        async with open_bench(write(tmp_path, HEATER)) as bench:
            heater = bench.ref("heater", LinkamT95)
            try:
                if when == "running":
                    await bench.connect()
                scope.cancel()
                await trio.sleep_forever()
            finally:
                with trio.CancelScope(shield=True):
                    await trio.sleep(0.3)
                    asked.append(await heater.ask(LinkamT95.temperature()))

    assert len(asked) == 1
    assert scope.cancelled_caught
    assert claims() == {}


async def crash_for_good(fragile: ActorRef[Fragile]) -> None:
    """Crash it until it is not restarted any more."""
    while fragile.state not in {State.FAILED, State.STOPPED}:
        with contextlib.suppress(LabtroupeError):
            await fragile.ask(Fragile.crash())
        await trio.sleep(0.01)


async def test_a_bench_that_fails_while_it_is_cancelled_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S15: the one does not hide the other."""
    monkeypatch.setitem(sys.modules, "fragile_kinds", sys.modules[__name__])
    text = HEATER.replace("linkam-t95", "fragile_kinds:Fragile", 1)
    text += "critical = true\nrestart = { max_restarts = 1, max_seconds = 30, max_attempts = 1 }\n"
    with trio.fail_after(20), trio.CancelScope() as scope, pytest.raises(RestartLimitError, match="broken"):  # noqa: PT012 - all of it is the bench
        async with open_bench(write(tmp_path, text)) as bench:
            scope.cancel()
            with trio.CancelScope(shield=True, relative_deadline=10):
                await crash_for_good(bench.ref("heater", Fragile))
            await trio.sleep_forever()


async def test_a_bench_that_is_cancelled_before_it_begins_ends(tmp_path: Path) -> None:
    """P17: whatever of it was about to start."""
    with trio.fail_after(20), trio.CancelScope() as scope:
        scope.cancel()
        async with open_bench(write(tmp_path, HEATER)):
            await trio.sleep_forever()

    assert scope.cancelled_caught
    assert claims() == {}


@pytest.mark.parametrize(
    "error",
    [
        ValueError("mine"),
        SystemExit(3),
        KeyboardInterrupt(),
        Fatal(),
        ExceptionGroup("two", [OSError(), KeyError()]),
    ],
    ids=repr,
)
async def test_what_the_body_raises_comes_out_as_it_is(tmp_path: Path, error: BaseException) -> None:
    """S15: in no group."""
    caught: list[BaseException] = []
    with trio.fail_after(10):
        try:
            async with open_bench(write(tmp_path, HEATER)):
                raise error  # noqa: TRY301 - the body is what raises
        except BaseException as raised:  # noqa: BLE001 - that it is this one is what is tested
            caught.append(raised)
    assert caught == [error]


async def test_a_required_instrument_that_is_absent_ends_it_before_it_has_begun(tmp_path: Path) -> None:
    """S11."""
    text = HEATER.replace("sim:linkam-t95", "serial:/nowhere/at-all") + 'connect = "required"\n'
    with trio.fail_after(10), pytest.raises(RestartLimitError, match=r"heater: given up: .*no such device"):
        async with open_bench(write(tmp_path, text)):
            pytest.fail("its body has begun")


@attrs.define(eq=False)
class Careful(LinkamT95):
    """Notes that it is made safe."""

    made_safe: ClassVar[list[str]] = []

    async def safe_state(self) -> None:
        """Note it."""
        self.made_safe.append("made safe")


async def test_a_bench_that_does_not_begin_leaves_its_devices_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S11: those that are there are stopped in order, and nothing else is done to them."""
    monkeypatch.setitem(sys.modules, "careful_kinds", sys.modules[__name__])
    text = HEATER.replace("linkam-t95", "careful_kinds:Careful", 1)
    text += '[instruments.gone]\nkind = "scpi"\naddress = "serial:/dev/not-here"\ndepends_on = ["heater"]\n'
    with trio.fail_after(20), pytest.raises(RestartLimitError, match="gone"):
        async with open_bench(write(tmp_path, text), require="gone"):
            pass
    assert Careful.made_safe == []


async def test_one_that_is_only_wanted_may_be_absent(tmp_path: Path) -> None:
    """S11: and holds up nobody."""
    text = HEATER + HEATER.replace("heater", "other").replace("sim:linkam-t95", "serial:/nowhere/at-all")
    with trio.fail_after(10):
        async with open_bench(write(tmp_path, text)) as bench:
            await bench.ref("heater", LinkamT95).ask(LinkamT95.temperature())
            assert bench.ref("other", LinkamT95).state in {State.STARTING, State.BACKOFF}


async def test_a_required_one_that_has_failed_meanwhile_does_not_hold_it_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S11: what counts is that it has been up."""
    module = sys.modules[__name__]
    monkeypatch.setitem(sys.modules, "fragile_kind", module)
    text = (
        '[instruments.fragile]\nkind = "fragile_kind:Fragile"\naddress = "sim:scpi"\nconnect = "required"\n'
        "restart = { max_restarts = 0 }\n" + HEATER
    )
    with trio.fail_after(10):
        async with open_bench(write(tmp_path, text)) as bench:
            fragile = bench.ref("fragile", Fragile)
            fragile.tell(Fragile.crash())
            while fragile.state is not State.FAILED:  # noqa: ASYNC110 - in real time
                await trio.sleep(0.01)
            await bench.ref("heater", LinkamT95).ask(LinkamT95.temperature())


async def test_at_the_end_somebody_is_told_who_does_not_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R13: the others have stopped by then; and what they do about it is done."""
    monkeypatch.setitem(sys.modules, "deaf_kind", sys.modules[__name__])
    monkeypatch.setattr(_roster, "_WEDGED_AFTER", 0.05)
    text = '[instruments.deaf]\nkind = "deaf_kind:Deaf"\naddress = "sim:scpi"\nshutdown = 0.05\n' + HEATER
    told: list[tuple[str, list[str]]] = []

    def release(wedged: Sequence[Member]) -> None:
        told.extend((member.spec.name, list(claims().values())) for member in wedged)
        Deaf.released = True

    with trio.fail_after(10):
        async with open_bench(write(tmp_path, text), on_wedged=release) as bench:
            bench.ref("deaf", Deaf).tell(Deaf.wait())
            await bench.ref("heater", LinkamT95).ask(LinkamT95.temperature())

    assert told == [("deaf", ["deaf"])]
    assert claims() == {}


async def test_mistakes_and_unknown_names_are_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="begin an instrument with"):
        async with open_bench(write(tmp_path, "")):
            pytest.fail("its body has begun")
    with trio.fail_after(10):
        async with open_bench(write(tmp_path, HEATER)) as bench:
            with pytest.raises(UnknownInstrumentError, match="there is no instrument 'heter'"):
                bench.ref("heter", LinkamT95)
            with pytest.raises(TypeError, match="heater is a LinkamT95, not a Fragile"):
                bench.ref("heater", Fragile)
