from __future__ import annotations

import math

import attrs
import pytest
import trio
from trio.testing import MockClock

from labtroupe import Actor, ActorRef, ChildSpec, Outcome, State, Supervisor, command
from labtroupe.errors import (
    ArgumentError,
    CommandCrashed,
    CommandRefused,
    CommandTimeout,
    DeviceAbsent,
    Halted,
    LinkLost,
    UnknownCommandError,
)
from labtroupe.messages import Event, Quality, Wedged
from labtroupe.testing import ANY, Double, Probe, Violated

from ._arrays import Array
from ._thermostat import Thermostat, running, supervised


@attrs.define(eq=False)
class Pump(Actor):
    """Something else."""

    @command
    async def flow(self) -> float:
        """Return the flow."""
        return 1.0


@attrs.define(eq=False)
class Galvo(Actor):
    """Is asked with arrays."""

    @command
    async def draw(self, path: Array, others: list[Array]) -> None:
        """Draw."""


# --- answers ---


async def test_a_message_is_answered_as_its_script_says(autojump_clock: MockClock) -> None:
    double = Double(Thermostat)
    double.when(Thermostat.temperature()).reply(21.5)
    async with running(double) as heater:
        assert await heater.ask(Thermostat.temperature()) == 21.5
        assert await heater.proxy.temperature() == 21.5
    double.verify()


async def test_messages_are_told_apart_by_value(autojump_clock: MockClock) -> None:
    double = Double(Thermostat)
    double.when(Thermostat.log(1)).reply(["a"])
    double.when(Thermostat.log(lines=2)).reply(["a", "b"])
    async with running(double) as heater:
        assert await heater.ask(Thermostat.log(2)) == ["a", "b"]
        assert await heater.ask(Thermostat.log(1)) == ["a"]


async def test_a_command_stands_for_any_arguments_and_any_for_one_of_them(autojump_clock: MockClock) -> None:
    double = Double(Thermostat)
    double.when(Thermostat.heat)
    double.when(Thermostat.heat(ANY, rate=1.0)).raises(CommandRefused("too slow"))
    async with running(double) as heater:
        await heater.ask(Thermostat.heat(40.0))
        with pytest.raises(CommandRefused, match="too slow"):
            await heater.ask(Thermostat.heat(50.0, rate=1.0))
    double.verify()


async def test_what_is_said_later_comes_first_and_what_is_expected_before_all(
    autojump_clock: MockClock,
) -> None:
    double = Double(Thermostat)
    double.when(Thermostat.temperature()).reply(1.0)
    double.expect(Thermostat.temperature()).reply(2.0)
    double.expect(Thermostat.temperature()).reply(3.0)
    double.when(Thermostat.temperature).reply(4.0)
    async with running(double) as heater:
        assert [await heater.ask(Thermostat.temperature()) for _ in range(4)] == [2.0, 3.0, 4.0, 4.0]


async def test_the_last_of_several_answers_stays(autojump_clock: MockClock) -> None:
    double = Double(Thermostat)
    double.when(Thermostat.temperature()).reply(1.0, 2.0).raises(CommandRefused("no")).reply(3.0)
    async with running(double) as heater:
        assert await heater.ask(Thermostat.temperature()) == 1.0
        assert await heater.ask(Thermostat.temperature()) == 2.0
        with pytest.raises(CommandRefused):
            await heater.ask(Thermostat.temperature())
        assert [await heater.ask(Thermostat.temperature()) for _ in range(2)] == [3.0, 3.0]


async def test_a_delay_is_before_the_next_answer_alone(autojump_clock: MockClock) -> None:
    double = Double(Thermostat)
    double.when(Thermostat.temperature()).delay(1.5).reply(1.0, 2.0)
    async with running(double) as heater:
        await heater.ask(Thermostat.temperature())
        assert trio.current_time() == pytest.approx(1.5)
        await heater.ask(Thermostat.temperature())
        assert trio.current_time() == pytest.approx(1.5)


async def test_a_hang_ends_with_the_deadline_of_who_asks(autojump_clock: MockClock) -> None:
    """R1: the double hangs, its asker does not."""
    double = Double(Thermostat)
    double.when(Thermostat.temperature()).hang().reply(1.0)
    async with running(double) as heater:
        with pytest.raises(CommandTimeout) as caught:
            await heater.ask(Thermostat.temperature())
        assert (caught.value.stage, caught.value.outcome) == ("running", Outcome.UNKNOWN)
        assert trio.current_time() == pytest.approx(2.0)
        assert await heater.ask(Thermostat.temperature()) == 1.0


async def test_a_crash_is_followed_by_another_life_and_the_script_goes_on(autojump_clock: MockClock) -> None:
    """R7, R12: by the real supervisor."""
    double = Double(Thermostat)
    double.when(Thermostat.temperature()).crash().reply(1.0)
    async with running(double) as heater:
        with pytest.raises(CommandCrashed):
            await heater.ask(Thermostat.temperature())
        assert await heater.ask(Thermostat.temperature()) == 1.0
    assert [each.life for each in double.received] == [1, 2]


async def test_each_asker_gets_an_error_of_his_own(autojump_clock: MockClock) -> None:
    """R3: with its own outcome, also where it was not sent."""
    double = Double(Thermostat)
    double.when(Thermostat.temperature()).raises(CommandRefused("no", remedy="Ask again."))
    double.when(Thermostat.heat(1.0)).raises(LinkLost("gone"), sent=False).raises(LinkLost("gone"))
    async with running(double) as heater:
        errors: list[CommandRefused] = []
        for _ in range(2):
            with pytest.raises(CommandRefused) as refused:
                await heater.ask(Thermostat.temperature())
            errors.append(refused.value)
        assert errors[0] is not errors[1]
        assert [error.remedy for error in errors] == ["Ask again."] * 2
        for outcome in (Outcome.NOT_SENT, Outcome.UNKNOWN):
            with pytest.raises(LinkLost) as lost:
                await heater.ask(Thermostat.heat(1.0))
            assert lost.value.outcome is outcome


async def test_a_function_is_called_with_the_arguments(autojump_clock: MockClock) -> None:
    asked: list[tuple[float, float]] = []

    def heat(celsius: float, *, rate: float) -> None:
        asked.append((celsius, rate))

    async def log(lines: int) -> list[str]:
        await trio.sleep(1)
        return ["line"] * lines

    double = Double(Thermostat)
    double.when(Thermostat.heat).calls(heat)
    double.when(Thermostat.log).calls(log)
    async with running(double) as heater:
        await heater.ask(Thermostat.heat(40.0, rate=5.0))
        assert await heater.ask(Thermostat.log(2)) == ["line", "line"]
    assert asked == [(40.0, 5.0)]


async def test_a_wedge_takes_no_notice_of_being_cancelled(autojump_clock: MockClock) -> None:
    """R13: its asker goes all the same, the life is reported, and none begins beside it."""
    events: list[Event] = []
    double = Double(Thermostat)
    double.when(Thermostat.temperature()).wedge(60).reply(1.0)
    supervisor = Supervisor([double.spec("heater")], publish=events.append)
    with trio.fail_after(600):
        async with trio.open_nursery() as nursery:
            await nursery.start(supervisor.run)
            heater = supervisor.ref("heater", Thermostat)
            with pytest.raises(CommandTimeout):
                await heater.ask(Thermostat.temperature())
            assert trio.current_time() == pytest.approx(2.0)
            supervisor.restart("heater")
            assert await heater.ask(Thermostat.temperature(), timeout=math.inf) == 1.0
            assert trio.current_time() >= 60.0
            nursery.cancel_scope.cancel()
    assert [event.instrument for event in events if isinstance(event, Wedged)] == ["heater"]
    assert [each.life for each in double.received] == [1, 2]


async def test_arrays_are_compared_by_what_is_in_them(autojump_clock: MockClock) -> None:
    """They answer `==` with an array, which is neither true nor false."""
    double = Double(Galvo)
    double.expect(Galvo.draw(Array(1, 2), [Array(3)]))
    double.expect(Galvo.draw(Array(1, 2), ANY))
    probe = Probe(double)
    async with supervised(double.spec("galvo")) as supervisor:
        galvo = supervisor.ref("galvo", Galvo)
        await galvo.ask(Galvo.draw(Array(1, 2), [Array(4)]))
        await galvo.ask(Galvo.draw(Array(1, 2), [Array(3)]))
        with pytest.raises(CommandRefused):
            await galvo.ask(Galvo.draw(Array(1), []))
        await probe.expect(Galvo.draw(Array(1, 2), [ANY]), Galvo.draw)


# --- what is checked ---


def test_a_wrong_answer_is_refused_where_it_is_written() -> None:
    """A type checker says it too; this is for who has none, and for what it cannot see."""
    rule = Double(Thermostat).when(Thermostat.temperature())
    with pytest.raises(TypeError, match=r"Thermostat.temperature returns float, and not '21'"):
        rule.reply("21")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="not True"):
        rule.reply(True)  # noqa: FBT003 - a value like another
    rule.reply(21)
    with pytest.raises(TypeError, match="Settings"):
        Double(Thermostat).when(Thermostat.settings).reply(None)  # type: ignore[arg-type]


def test_a_double_stands_for_a_class_of_actors() -> None:
    with pytest.raises(TypeError, match="a class of actors, and not for 'heater'"):
        Double("heater")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_a_command_of_another_class_is_refused() -> None:
    with pytest.raises(UnknownCommandError, match=r"Pump.flow\(\) is not a command of Thermostat; its"):
        Double(Thermostat).when(Pump.flow())
    with pytest.raises(UnknownCommandError, match=r"Pump.flow is not"):
        Double(Thermostat).expect(Pump.flow)


def test_arguments_are_held_against_the_signature() -> None:
    with pytest.raises(ArgumentError):
        Double(Thermostat).when(Thermostat.heat(celsius=1.0, speed=2.0))  # type: ignore[call-arg]
    with pytest.raises(ArgumentError):
        Double(Thermostat).when(Thermostat.heat(601.0))


def test_a_function_that_does_not_take_the_arguments_is_refused() -> None:
    def heat(celsius: float) -> None: ...

    with pytest.raises(TypeError, match=r"is asked with \(celsius: .*rate.*\(celsius: 'float'\)"):
        Double(Thermostat).when(Thermostat.heat).calls(heat)


@pytest.mark.parametrize(
    ("value", "problem"), [("warm", "returns float, and not 'warm'"), (AssertionError("40"), "40")]
)
async def test_what_a_function_does_wrong_is_noted(
    value: object, problem: str, autojump_clock: MockClock
) -> None:
    """An assertion in an actor would be one more crash, of which the test might never hear."""

    def temperature() -> float:
        if isinstance(value, Exception):
            raise value
        return value  # type: ignore[return-value]

    double = Double(Thermostat)
    double.when(Thermostat.temperature).calls(temperature)
    async with running(double) as heater:
        with pytest.raises(CommandRefused):
            await heater.ask(Thermostat.temperature())
        assert heater.state is State.RUNNING
    with pytest.raises(Violated, match=problem):
        double.verify()


def test_what_is_written_wrongly_is_refused_where_it_is_written() -> None:
    double = Double(Thermostat)
    rule = double.when(Thermostat.temperature())
    with pytest.raises(TypeError, match=r"LinkLost'> is no exception: make one"):
        rule.raises(LinkLost)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    for seconds in (-1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="nothing can wait for"):
            rule.delay(seconds)
        with pytest.raises(ValueError, match="nothing can wait for"):
            rule.wedge(seconds)
    with pytest.raises(ValueError, match="cannot come -1 times"):
        double.expect(Thermostat.temperature(), times=-1)


async def test_a_delay_behind_the_last_answer_is_found_out(autojump_clock: MockClock) -> None:
    double = Double(Thermostat)
    double.when(Thermostat.temperature()).reply(1.0).delay(5.0)
    async with running(double) as heater:
        await heater.ask(Thermostat.temperature())
    with pytest.raises(Violated, match=r"last answer to Thermostat.temperature\(\) delays nothing"):
        double.verify()


async def test_an_assertion_in_a_nursery_of_a_function_is_noted(autojump_clock: MockClock) -> None:
    async def temperature() -> float:
        async with trio.open_nursery():
            raise AssertionError("not like this")

    double = Double(Thermostat)
    double.when(Thermostat.temperature).calls(temperature)
    async with running(double) as heater:
        with pytest.raises(CommandRefused):
            await heater.ask(Thermostat.temperature())
    with pytest.raises(Violated, match="not like this"):
        double.verify()


async def test_an_assertion_about_a_start_or_the_safe_state_is_noted(autojump_clock: MockClock) -> None:
    def check() -> None:
        raise AssertionError("not like this")

    double = Double(Thermostat)
    double.starting.calls(check).reply(None)
    double.making_safe.calls(check)
    async with supervised(double.spec("heater")) as supervisor:
        await supervisor.wait_state("heater", State.RUNNING)
        (report,) = await supervisor.halt(None, "test")
        assert not report.confirmed
    with pytest.raises(Violated) as caught:
        double.verify()
    assert str(caught.value).splitlines() == [
        "heater: its start: not like this",
        "heater: its safe state: not like this",
    ]


def test_a_function_that_does_not_say_what_it_takes_is_taken() -> None:
    Double(Thermostat).when(Thermostat.temperature).calls(max)


# --- what comes, and what does not ---


async def test_what_is_not_in_the_script_is_refused_and_noted_with_the_difference(
    autojump_clock: MockClock,
) -> None:
    double = Double(Thermostat)
    double.when(Thermostat.heat(40.0))
    async with running(double) as heater:
        with pytest.raises(CommandRefused, match="not as the script"):
            await heater.ask(Thermostat.heat(41.0))
        with pytest.raises(CommandRefused):
            await heater.ask(Thermostat.settings())
    with pytest.raises(Violated) as caught:
        double.verify()
    first, *lines = str(caught.value).splitlines()
    assert first.startswith("heater: Thermostat.heat(41.0, rate=10.0) by <test ")
    assert lines[0] == "    - Thermostat.heat(40.0, rate=10.0)"
    assert lines[2] == "    + Thermostat.heat(41.0, rate=10.0)"
    assert lines[-1] == "    Thermostat.heat(40.0, rate=10.0)"


async def test_what_is_expected_has_to_come_so_many_times(autojump_clock: MockClock) -> None:
    double = Double(Thermostat)
    double.expect(Thermostat.heat(40.0), times=2)
    async with running(double) as heater:
        for came in ("0 times", "once"):
            with pytest.raises(Violated, match=f"was expected 2 times, and came {came}"):
                double.verify()
            await heater.ask(Thermostat.heat(40.0))
        double.verify()
        with pytest.raises(CommandRefused):
            await heater.ask(Thermostat.heat(40.0))
    with pytest.raises(Violated, match=r"not expected again; .* was expected 2 times, and has come"):
        double.verify()


@pytest.mark.parametrize("times", [0, 1])
async def test_what_has_come_often_enough_is_too_much_for_a_lenient_one_too(
    times: int, autojump_clock: MockClock
) -> None:
    double = Double(Thermostat, strict=False)
    double.expect(Thermostat.heat(40.0), times=times)
    async with running(double) as heater:
        await heater.ask(Thermostat.heat(41.0))
        for _ in range(times):
            await heater.ask(Thermostat.heat(40.0))
        double.verify()
        with pytest.raises(CommandRefused):
            await heater.ask(Thermostat.heat(40.0))
    with pytest.raises(Violated, match=r"not expected.*; .* was (to come 0 times|expected once, and has)"):
        double.verify()


async def test_what_is_expected_no_time_must_not_come_whatever_else_is_said(
    autojump_clock: MockClock,
) -> None:
    double = Double(Thermostat)
    double.expect(Thermostat.heat(40.0), times=0)
    double.when(Thermostat.heat)
    async with running(double) as heater:
        await heater.ask(Thermostat.heat(41.0))
        with pytest.raises(CommandRefused):
            await heater.ask(Thermostat.heat(40.0))


async def test_of_many_violations_the_first_are_shown_and_of_what_came_the_last(
    autojump_clock: MockClock,
) -> None:
    """An application that polls in vain would fill the screen."""
    double = Double(Thermostat)
    double.expect(Thermostat.temperature())
    async with running(double) as heater:
        for celsius in range(100):
            with pytest.raises(CommandRefused):
                await heater.ask(Thermostat.heat(float(celsius)))
    with pytest.raises(Violated) as caught:
        double.verify()
    lines = str(caught.value).splitlines()
    assert lines[-1] == "... and 81 more"
    assert sum(line.startswith("heater: Thermostat.heat(") for line in lines) == 20
    assert len(lines) < 70


async def test_a_lenient_one_answers_with_the_emptiest_value(autojump_clock: MockClock) -> None:
    double = Double(Thermostat, strict=False)
    async with running(double) as heater:
        assert await heater.ask(Thermostat.temperature()) == 0.0
        assert await heater.ask(Thermostat.log()) == []
        await heater.ask(Thermostat.heat(1.0))
        double.verify()
        with pytest.raises(CommandRefused):
            await heater.ask(Thermostat.settings())
    with pytest.raises(Violated, match=r"no empty value of .*Settings"):
        double.verify()


async def test_a_rule_without_an_answer_is_enough_only_where_there_is_none(
    autojump_clock: MockClock,
) -> None:
    double = Double(Thermostat)
    double.when(Thermostat.heat)
    double.when(Thermostat.temperature)
    async with running(double) as heater:
        await heater.ask(Thermostat.heat(1.0))
        with pytest.raises(CommandRefused):
            await heater.ask(Thermostat.temperature())
    with pytest.raises(Violated, match=r"nothing says how Thermostat.temperature\(...\) is answered"):
        double.verify()


@attrs.define(eq=False)
class Oven(Actor):
    """Asks a thermostat."""

    heater: ActorRef[Thermostat]

    @command
    async def bake(self) -> None:
        """Bake."""
        await self.heater.ask(Thermostat.heat(200.0), timeout=3.0)


async def test_each_message_is_kept_with_sender_deadline_and_outcome(autojump_clock: MockClock) -> None:
    double = Double(Thermostat)
    double.when(Thermostat.heat(200.0)).delay(1.0)
    double.when(Thermostat.temperature()).hang()
    heater_spec = double.spec("heater")
    async with supervised(heater_spec) as supervisor, trio.open_nursery() as nursery:
        heater = supervisor.ref("heater", Thermostat)
        oven = supervisor.add(ChildSpec(name="oven", factory=lambda: Oven(heater), actor_type=Oven))
        nursery.start_soon(oven.ask, Oven.bake(), name="baker")
        await trio.sleep(0.5)
        baked = double.received[0]
        assert (baked.instrument, baked.sender, baked.at, baked.deadline) == ("heater", "oven", 0.0, 3.0)
        assert not baked.outcome
        await trio.sleep(1.0)
        assert (baked.outcome, baked.error) == (Outcome.DONE, None)
        with pytest.raises(CommandTimeout):
            await heater.ask(Thermostat.temperature(), timeout=1.0)
        heater.tell(Thermostat.heat(200.0))
        await trio.sleep(1.0)
    asked, told = double.received[1:]
    assert (asked.at, asked.deadline) == (1.5, 2.5)
    assert (asked.outcome, type(asked.error)) == (Outcome.UNKNOWN, CommandTimeout)
    assert asked.sender.startswith("<test ")
    assert told.sender == ""
    assert double.messages == [Thermostat.heat(200.0), Thermostat.temperature(), Thermostat.heat(200.0)]


# --- its place ---


async def test_it_does_nothing_by_itself(autojump_clock: MockClock) -> None:
    """Neither what is periodic, nor what runs beside the commands; but a reading is kept."""
    double = Double(Thermostat)
    double.when(Thermostat.temperature()).reply(20.0)
    async with running(double) as heater:
        await trio.sleep(60)
        assert double.received == []
        assert repr(double.spec("heater").factory()) == "<double of a Thermostat>"
        await heater.ask(Thermostat.temperature())
        await trio.sleep(2.9)
        assert heater.reading(Thermostat.temperature).quality is Quality.GOOD
        await trio.sleep(0.2)
        assert heater.reading(Thermostat.temperature).quality is Quality.STALE
    assert Thermostat.carried_out == []


async def test_what_is_periodic_is_asked_of_it_where_that_is_wanted(autojump_clock: MockClock) -> None:
    """So that who waits for the values of a reading gets them."""
    double = Double(Thermostat, periodic=True)
    double.when(Thermostat.temperature()).reply(20.0, 30.0, 40.0)
    async with running(double) as heater:
        assert await heater.wait_until(Thermostat.temperature, lambda celsius: celsius > 35) == 40.0
        assert trio.current_time() == pytest.approx(2.0)


async def test_starts_can_fail(autojump_clock: MockClock) -> None:
    double = Double(Thermostat)
    double.starting.raises(DeviceAbsent("off")).hang().reply(None)
    async with running(double) as heater:
        await heater.wait_state(State.RUNNING)
        assert trio.current_time() > 10.0
    assert double.starting.came == 3


async def test_a_life_can_be_ended_from_outside(autojump_clock: MockClock) -> None:
    """As a pulled cable does: who is served at that moment gets the error."""
    double = Double(Thermostat)
    double.when(Thermostat.heat).hang()
    async with running(double) as heater:
        reply = heater.send(Thermostat.heat(1.0))
        for _ in range(2):
            await trio.sleep(1)
            double.fail(LinkLost("unplugged"))
            await heater.wait_state(State.BACKOFF)
            await heater.wait_state(State.RUNNING)
        assert (type(reply.error), reply.outcome) == (LinkLost, Outcome.UNKNOWN)
    assert double.starting.came == 3


async def test_only_a_life_that_is_there_can_be_ended(autojump_clock: MockClock) -> None:
    """Or a test would believe that its cable was pulled."""
    double = Double(Thermostat)
    double.starting.raises(DeviceAbsent("off")).reply(None)
    with pytest.raises(RuntimeError, match="no life"):
        double.fail(LinkLost("unplugged"))
    async with running(double) as heater:
        await heater.wait_state(State.BACKOFF)
        with pytest.raises(RuntimeError, match="no life"):
            double.fail(LinkLost("unplugged"))
        await heater.wait_state(State.RUNNING)
        with pytest.raises(TypeError, match="for an asker alone, and ends no life"):
            double.fail(CommandRefused("no"))
        double.fail(LinkLost("unplugged"))
        await heater.wait_state(State.BACKOFF)


async def test_halts_reach_it(autojump_clock: MockClock) -> None:
    """S9, S10: the handler is cut off, the safe state is made, and nothing comes until the reset."""
    double = Double(Thermostat)
    double.when(Thermostat.heat).hang()
    double.making_safe.raises(CommandRefused("stuck"))
    async with supervised(double.spec("heater")) as supervisor:
        heater = supervisor.ref("heater", Thermostat)
        reply = heater.send(Thermostat.heat(1.0))
        await trio.sleep(1)
        (report,) = await supervisor.halt(None, "test")
        assert isinstance(reply.error, Halted)
        assert (report.confirmed, double.making_safe.came) == (False, 1)
        assert "stuck" in report.reason
        with pytest.raises(Halted):
            await heater.ask(Thermostat.heat(2.0))


async def test_it_stands_in_for_one_class_and_one_actor() -> None:
    double = Double(Pump)
    spec = ChildSpec(name="heater", factory=lambda: Thermostat("a"), actor_type=Thermostat, mailbox=2)
    with pytest.raises(TypeError, match="heater is a Thermostat, and the double stands for a Pump"):
        double.instead_of(spec)
    placed = Double(Thermostat).instead_of(spec)
    assert (placed.name, placed.mailbox) == ("heater", 2)
    double.spec("pump")
    with pytest.raises(ValueError, match="has the place of pump"):
        double.spec("other")


async def test_a_class_without_a_safe_state_has_none_in_its_double(autojump_clock: MockClock) -> None:
    double = Double(Pump)
    async with supervised(double.spec("pump")) as supervisor:
        (report,) = await supervisor.halt(None, "test")
        assert "no safe state is declared" in report.reason


async def test_subclasses_are_asked_with_the_messages_of_their_bases(autojump_clock: MockClock) -> None:
    @attrs.define(eq=False)
    class Careful(Thermostat):
        @command
        async def heat(self, celsius: float, *, rate: float = 1.0) -> None:
            raise AssertionError(celsius, rate)

    double = Double(Careful)
    double.when(Thermostat.heat).delay(0.1)
    async with supervised(double.spec("heater")) as supervisor:
        await supervisor.ref("heater", Thermostat).ask(Thermostat.heat(1.0, rate=1.0))
        await supervisor.ref("heater", Careful).ask(Careful.heat(1.0))
    assert double.messages == [Careful.heat(1.0), Careful.heat(1.0)]
