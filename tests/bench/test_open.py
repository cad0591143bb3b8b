"""Running benches: what the body sees, and how it ends."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from labtroupe import State, open_bench
from labtroupe.bench import load_bench
from labtroupe.errors import ConfigError, DeviceAbsent, RestartLimitError, UnknownInstrumentError
from labtroupe.kinds import LinkamT95, ScpiInstrument
from labtroupe.supervision import Member
from labtroupe.testing import Double, FakeBench, MakeDouble, doubled
from labtroupe.transport import claims

HEATER = '[instruments.heater]\nkind = "linkam-t95"\naddress = "sim:linkam-t95"\n'


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "bench.toml"
    path.write_text(text)
    return path


@pytest.fixture
def heater(make_double: MakeDouble) -> Double[LinkamT95]:
    """Make what stands in for a heater."""
    return make_double(LinkamT95)


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


async def test_a_bench_that_fails_while_it_is_cancelled_says_so(
    fake_bench: FakeBench, heater: Double[LinkamT95], virtual_clock: MockClock
) -> None:
    """S15: the one does not hide the other."""
    text = HEATER + "critical = true\nrestart = { max_restarts = 0 }\n"
    with trio.fail_after(20), trio.CancelScope() as scope, pytest.raises(RestartLimitError, match="broken"):  # noqa: PT012 - all of it is the bench
        async with fake_bench(text, {"heater": heater}) as bench:
            scope.cancel()
            with trio.CancelScope(shield=True, relative_deadline=10):
                await bench.connect("heater")
                heater.fail(OSError("broken"))
                await bench.ref("heater", LinkamT95).wait_state(State.FAILED)
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


async def test_a_bench_that_does_not_begin_leaves_its_devices_as_they_are(
    fake_bench: FakeBench, make_double: MakeDouble, heater: Double[LinkamT95], virtual_clock: MockClock
) -> None:
    """S11: those that are there are stopped in order, and nothing else is done to them."""
    gone = make_double(ScpiInstrument)
    gone.starting.raises(DeviceAbsent("no such device"))
    text = HEATER + '[instruments.gone]\nkind = "scpi"\naddress = "sim:scpi"\ndepends_on = ["heater"]\n'
    with trio.fail_after(20), pytest.raises(RestartLimitError, match="gone"):
        async with fake_bench(text, {"heater": heater, "gone": gone}, require=["gone"]):
            pytest.fail("its body has begun")
    assert (heater.starting.came, heater.making_safe.came) == (1, 0)


async def test_one_that_is_only_wanted_may_be_absent(tmp_path: Path) -> None:
    """S11: and holds up nobody."""
    text = HEATER + HEATER.replace("heater", "other").replace("sim:linkam-t95", "serial:/nowhere/at-all")
    with trio.fail_after(10):
        async with open_bench(write(tmp_path, text)) as bench:
            await bench.ref("heater", LinkamT95).ask(LinkamT95.temperature())
            assert bench.ref("other", LinkamT95).state in {State.STARTING, State.BACKOFF}


async def test_a_required_one_that_has_failed_meanwhile_does_not_hold_it_up(
    fake_bench: FakeBench, make_double: MakeDouble, heater: Double[LinkamT95], virtual_clock: MockClock
) -> None:
    """S11: what counts is that it has been up."""
    slow = make_double(LinkamT95)
    slow.starting.delay(5).reply(None)
    required = 'connect = "required"\nrestart = { max_restarts = 0 }\n'
    text = HEATER.replace("heater", "slow") + required + HEATER + required

    async def fail() -> None:
        await trio.sleep(2)
        heater.fail(OSError("broken"))

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail)
            async with fake_bench(text, {"heater": heater, "slow": slow}) as bench:
                assert bench.ref("heater", LinkamT95).state is State.FAILED
                assert bench.ref("slow", LinkamT95).state is State.RUNNING


async def test_at_the_end_somebody_is_told_who_does_not_stop(
    tmp_path: Path, make_double: MakeDouble, heater: Double[LinkamT95], virtual_clock: MockClock
) -> None:
    """R13: the others have stopped by then; and what they do about it is done."""
    mercy = trio.Event()

    async def wait_for_mercy() -> None:
        with trio.CancelScope(shield=True):
            await mercy.wait()

    told: list[tuple[str, State]] = []

    def release(wedged: Sequence[Member]) -> None:
        told.extend((member.spec.name, bench.ref("other", LinkamT95).state) for member in wedged)
        mercy.set()

    heater.when(LinkamT95.hold).calls(wait_for_mercy)
    doubles = {"heater": heater, "other": make_double(LinkamT95)}
    config = doubled(load_bench(write(tmp_path, HEATER + HEATER.replace("heater", "other"))), doubles)
    with trio.fail_after(20):
        async with open_bench(config, on_wedged=release) as bench:
            bench.ref("heater", LinkamT95).tell(LinkamT95.hold())
            await bench.connect()

    assert told == [("heater", State.STOPPED)]


async def test_mistakes_and_unknown_names_are_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="begin an instrument with"):
        async with open_bench(write(tmp_path, "")):
            pytest.fail("its body has begun")
    with trio.fail_after(10):
        async with open_bench(write(tmp_path, HEATER)) as bench:
            with pytest.raises(UnknownInstrumentError, match="there is no instrument 'heter'"):
                bench.ref("heter", LinkamT95)
            with pytest.raises(TypeError, match="heater is a LinkamT95, not a ScpiInstrument"):
                bench.ref("heater", ScpiInstrument)
