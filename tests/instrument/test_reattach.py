"""What becomes of a device whose link was lost, and that comes back with its settings or without."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import ClassVar

import attrs
import pytest
import trio
from trio.testing import MockClock

from labtroupe.errors import (
    CommandRefused,
    Halted,
    LabtroupeError,
    LinkError,
    LinkLost,
    Outcome,
)
from labtroupe.instrument import Barrier, Instrument, Link, Reattach, Strategy
from labtroupe.kinds import ScpiInstrument
from labtroupe.lifecycle import State
from labtroupe.messages import DeviceReturned, Event, command
from labtroupe.policy import Backoff, Policy
from labtroupe.protocol import Lines
from labtroupe.simulation import LineDevice
from labtroupe.supervision import ChildSpec, Supervisor
from labtroupe.testing import ByteDouble, Script, byte_double

RAMP = [b"SET 1", b"SET 2", b"SET 3"]
"""How a lamp that is out is brought back to the brightness 3."""


@attrs.define(eq=False)
class Lamp(LineDevice):
    """A lamp with a brightness, which a power cycle forgets.

    Attributes:
        booted: What it says when asked whether it was switched on since; ``?`` if it never knows.
        refuses: Whether it refuses to be set.
        brightness: What it is set to.
        heard: The requests so far.
    """

    booted: bytes = b"1"
    refuses: bool = False
    brightness: int = attrs.field(default=0, init=False)
    heard: list[bytes] = attrs.field(factory=list[bytes], init=False)

    def power_on(self) -> None:
        """Be out, and know that it was switched on, if it knows that."""
        self.brightness = 0
        if self.booted != b"?":
            self.booted = b"1"

    def answer(self, request: bytes) -> bytes:
        """Do what it is told."""
        self.heard.append(request)
        match request.split():
            case [b"SET", number] if not self.refuses:
                self.brightness = int(number)
            case [b"OFF"] | [b"RESET"]:
                self.brightness = 0
            case [b"BOOTED?"]:
                booted, self.booted = self.booted, b"?" if self.booted == b"?" else b"0"
                return booted
            case [b"?"]:
                return b"%d" % self.brightness
            case _:
                pass
        return b"no" if self.refuses else b"ok"

    @property
    def told(self) -> list[bytes]:
        """What it was told to do, in order."""
        return [each for each in self.heard if each.split()[0] in {b"SET", b"RESET", b"OFF"}]


@attrs.define(eq=False)
class Dimmer(Instrument):
    """The instrument for a lamp."""

    framing = Lines(b"\n")
    resync: ClassVar[Sequence[Strategy]] = (Barrier(b"?", bytes.isdigit, lateness=0.1),)

    async def has_forgotten(self) -> bool | None:
        """Ask it."""
        return {"0": False, "1": True}.get(await self.link.query("BOOTED?"))

    async def restore(self) -> None:
        """Go back to the brightness, step by step."""
        for step in range(int(await self.link.query("?")), self.recall(int) or 0):
            await self._tell(f"SET {step + 1}")
            await trio.sleep(0.2)

    async def reset_device(self) -> None:
        """Reset it."""
        await self._tell("RESET")

    async def safe_state(self) -> None:
        """Switch it off."""
        await self._tell("OFF")

    @command
    async def dim(self, brightness: int) -> None:
        """Set its brightness."""
        self.remember(None)
        await self._tell(f"SET {brightness}")
        self.remember(brightness)

    @command
    async def brightness(self) -> int:
        """Return what it is set to."""
        return int(await self.link.query("?"))

    @command
    async def crash(self) -> None:
        """Fail for a reason that the link has nothing to do with."""
        raise ZeroDivisionError

    async def _tell(self, what: str) -> None:
        if await self.link.query(what) != "ok":
            raise CommandRefused(f"{what!r} was refused")


@attrs.define(eq=False)
class Room:
    """A lamp, its instrument under a supervisor, and what has happened."""

    double: ByteDouble[Lamp]
    supervisor: Supervisor
    events: list[Event]
    links: list[Link]

    @property
    def lamp(self) -> Lamp:
        """The lamp."""
        return self.double.device

    @property
    def returns(self) -> list[tuple[bool | None, str]]:
        """What was said of each return."""
        return [(e.changed, e.action) for e in self.events if isinstance(e, DeviceReturned)]

    async def lose(self) -> None:
        """Pull the cable, and wait until that has been noticed."""
        self.double.inject("unplug")
        await self.supervisor.wait_state("dimmer", State.BACKOFF)

    async def wait_until(self, so: Callable[[], bool]) -> None:
        """Wait until something is so."""
        while not so():  # noqa: ASYNC110 - the lamp has no events
            await trio.sleep(0.05)

    async def wait(self, state: State = State.RUNNING) -> None:
        """Wait until the instrument is in a state."""
        await self.supervisor.wait_state("dimmer", state)


@asynccontextmanager
async def room(reattach: Reattach, booted: bytes = b"1", start_timeout: float = 10.0) -> AsyncGenerator[Room]:
    """Run an instrument, with its lamp set to 3."""
    events, links = list[Event](), list[Link]()

    def make() -> Dimmer:
        first = Dimmer.link_to(double.address, double.open, reattach=reattach)
        links.append(links[-1].successor() if links else first)
        return Dimmer(links[-1])

    policy = Policy(backoff=Backoff(first=0.5, longest=0.5, jitter=0.0))
    spec = ChildSpec(
        name="dimmer", factory=make, actor_type=Dimmer, policy=policy, start_timeout=start_timeout
    )
    supervisor = Supervisor([spec], events.append, Random(1))  # noqa: S311 - repeatable, not secret
    with trio.fail_after(1000):
        async with (
            byte_double(Lamp(booted, latency=0.01)) as double,
            trio.open_nursery() as nursery,
        ):
            await nursery.start(supervisor.run)
            await supervisor.ref("dimmer", Dimmer).ask(Dimmer.dim(3))
            double.device.heard.clear()
            yield Room(double, supervisor, events, links)
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("reattach", "lamp", "said", "told"),
    [
        ("adopt", "knows, cycled", (True, "adopt"), []),
        ("adopt", "knows", (False, "adopt"), []),
        ("adopt", "cycled", (None, "adopt"), []),
        ("restore", "knows, cycled", (True, "restore"), RAMP),
        ("restore", "knows", (False, "adopt"), []),
        ("restore", "cycled", (None, "restore"), RAMP),
        ("restore", "", (None, "restore"), []),
        ("reset", "knows, cycled", (True, "reset"), [b"RESET"]),
        ("reset", "knows", (False, "reset"), [b"RESET"]),
        ("reset", "cycled", (None, "reset"), [b"RESET"]),
        ("ask", "knows", (False, "adopt"), []),
    ],
)
async def test_a_device_that_is_back_is_told_from_one_that_was_switched_off(
    autojump_clock: MockClock, reattach: str, lamp: str, said: tuple[bool | None, str], told: list[bytes]
) -> None:
    """L11: it is reported, and done what is declared; nothing else is said to it."""
    async with room(Reattach(reattach), b"1" if "knows" in lamp else b"?") as here:
        await here.lose()
        if "cycled" in lamp:
            here.lamp.power_on()
        here.double.inject("plug")
        await here.wait()

        assert here.returns == [said]
        assert here.lamp.told == told
        left = said == (True, "adopt")
        assert (here.links[-1].acquaintance.changed_at is not None) is left


async def test_the_first_start_takes_the_device_as_it_is(autojump_clock: MockClock) -> None:
    """L11: although it says that it was switched on: nobody knows what it has forgotten."""
    async with room(Reattach.RESET) as here:
        assert here.returns == []
        assert b"RESET" not in here.lamp.heard


async def test_what_waited_is_carried_out_once_and_after_what_was_set(autojump_clock: MockClock) -> None:
    """L11, L12: as if the device had never been away."""
    async with room(Reattach.RESTORE) as here:
        ref = here.supervisor.ref("dimmer", Dimmer)
        here.lamp.power_on()
        here.double.inject("unplug")
        begun, waiting = ref.send(Dimmer.brightness(), timeout=20), ref.send(Dimmer.dim(4), timeout=20)
        with pytest.raises(LinkLost):
            await begun
        here.double.inject("plug")
        await waiting

        assert here.lamp.told == [*RAMP, b"SET 4"]
        assert here.lamp.brightness == 4


async def test_a_restore_that_fails_is_a_failed_start_and_is_tried_again(autojump_clock: MockClock) -> None:
    """L11: although the device says only once that it has forgotten everything."""
    async with room(Reattach.RESTORE) as here:
        await here.lose()
        here.lamp.power_on()
        here.lamp.refuses = True
        here.double.inject("plug")
        await here.wait_until(lambda: here.lamp.told.count(b"SET 1") > 1)
        cell = here.supervisor.member("dimmer").cell
        assert cell.state in {State.STARTING, State.BACKOFF}
        assert "'SET 1' was refused" in cell.reason
        here.lamp.refuses = False
        await here.wait()

        assert here.lamp.brightness == 3
        assert here.returns == [(True, "restore")]


async def test_a_link_that_is_lost_again_while_it_is_restored_is_restored_later(
    autojump_clock: MockClock,
) -> None:
    """L11: from where it is then, and it is one return."""
    async with room(Reattach.RESTORE) as here:
        await here.lose()
        here.lamp.power_on()
        here.double.inject("plug")
        await here.wait_until(lambda: here.lamp.brightness > 1)
        await here.lose()
        here.double.inject("plug")
        await here.wait()

        assert here.lamp.told == RAMP
        assert here.returns == [(True, "restore")]


async def test_a_restore_counts_as_part_of_the_start(autojump_clock: MockClock) -> None:
    """L11, S11: nobody waits for it longer than for a start."""
    async with room(Reattach.RESTORE, start_timeout=0.3) as here:
        await here.lose()
        here.lamp.power_on()
        here.double.inject("plug")
        await here.wait(State.STARTING)
        await here.wait(State.BACKOFF)

        assert here.supervisor.member("dimmer").cell.reason == "not ready within 0.3 s"
        await here.wait()
        assert here.lamp.told == RAMP


async def test_nothing_is_restored_of_which_nobody_knows(autojump_clock: MockClock) -> None:
    """L11: what was set before the device came back changed, and was left so, is over."""
    async with room(Reattach.RESTORE) as here:
        here.links[-1].acquaintance.remember(None, 0)
        for _ in range(2):
            here.lamp.power_on()
            await here.lose()
            here.double.inject("plug")
            await here.wait()

        assert here.returns == [(True, "adopt")] * 2
        assert here.lamp.told == []


async def test_it_is_known_that_it_has_changed_until_something_is_set(autojump_clock: MockClock) -> None:
    """L11: also after another loss of the link, with which it has not."""
    async with room(Reattach.ADOPT) as here:
        here.lamp.power_on()
        for _ in range(2):
            await here.lose()
            here.double.inject("plug")
            await here.wait()
        assert here.returns == [(True, "adopt"), (False, "adopt")]
        assert here.links[-1].acquaintance.changed_at is not None
        await here.supervisor.ref("dimmer", Dimmer).ask(Dimmer.dim(1))
        assert here.links[-1].acquaintance.changed_at is None


async def test_a_soft_restart_is_no_return(autojump_clock: MockClock) -> None:
    """L11, S8: the port was open all the time, so the device is not even asked."""
    async with room(Reattach.RESET) as here:
        with pytest.raises(LabtroupeError):
            await here.supervisor.ref("dimmer", Dimmer).ask(Dimmer.crash())
        await here.supervisor.ref("dimmer", Dimmer).ask(Dimmer.brightness())

        assert here.returns == []
        assert set(here.lamp.heard) == {b"?"}


@pytest.mark.parametrize("booted", [b"1", b"?"])
async def test_a_person_decides(autojump_clock: MockClock, booted: bytes) -> None:
    """L11, S10: until then nothing is carried out, what waited included, and the device is left as it is."""
    async with room(Reattach.ASK, booted) as here:
        ref = here.supervisor.ref("dimmer", Dimmer)
        here.lamp.power_on()
        here.double.inject("unplug")
        begun, waiting = ref.send(Dimmer.dim(9), timeout=20), ref.send(Dimmer.dim(4), timeout=20)
        with pytest.raises(LinkLost):
            await begun
        here.double.inject("plug")
        with pytest.raises(Halted, match="returned"):
            await waiting
        await trio.sleep(5)

        cell = here.supervisor.member("dimmer").cell
        changed = True if booted == b"1" else None
        assert (waiting.outcome, cell.state) == (Outcome.NOT_SENT, State.HALTED)
        assert cell.reason.startswith("returned, changed: look" if changed else "returned: look")
        assert here.returns == [(changed, "ask")]
        here.supervisor.reset("dimmer")
        await ref.ask(Dimmer.dim(1))
        assert here.lamp.told == [b"SET 1"]


async def test_who_waits_for_a_person_can_be_halted(autojump_clock: MockClock) -> None:
    """L11, S9: and is brought into its safe state then."""
    async with room(Reattach.ASK) as here:
        here.lamp.power_on()
        await here.lose()
        here.double.inject("plug")
        await here.wait(State.HALTED)
        reports = await here.supervisor.halt(["dimmer"], "smoke")

        assert [each.confirmed for each in reports] == [True]
        assert here.lamp.told == [b"OFF"]


async def test_a_halt_cuts_a_restore_off(autojump_clock: MockClock) -> None:
    """L11, S10: at once, with the device brought into its safe state, and for good."""
    async with room(Reattach.RESTORE) as here:
        await here.lose()
        here.lamp.power_on()
        here.double.inject("plug")
        await here.wait_until(lambda: here.lamp.brightness > 0)
        reports = await here.supervisor.halt(["dimmer"], "smoke")
        assert [each.confirmed for each in reports] == [True]
        here.supervisor.reset("dimmer")
        await here.lose()
        here.double.inject("plug")
        await here.wait()

        assert here.lamp.told == [b"SET 1", b"OFF"]


@pytest.mark.parametrize("reset_first", [True, False])
async def test_what_was_set_before_a_halt_is_not_restored(
    autojump_clock: MockClock, *, reset_first: bool
) -> None:
    """L11, S10: whether it is halted still when its device comes back, or not any more."""
    async with room(Reattach.RESTORE) as here:
        await here.lose()
        await here.supervisor.halt(["dimmer"], "smoke")
        if reset_first:
            here.supervisor.reset("dimmer")
        here.lamp.power_on()
        here.double.inject("plug")
        await trio.sleep(5)

        assert here.returns == [(True, "adopt")]
        assert here.lamp.told == ([] if reset_first else [b"OFF"])


@pytest.mark.parametrize("answer", [b"128", b"0", b"what?", b""])
async def test_not_all_that_speak_scpi_can_say_that_they_were_switched_on(
    autojump_clock: MockClock, answer: bytes
) -> None:
    """L11: one that has no event register, or something else there, starts all the same."""
    device = Script(strict=False).expect(b"*IDN?\n", b"Maker,Model,1,1.0\n")
    device.expect(b"SYST:ERR?\n", b'0,"No error"\n').expect(b"*ESR?\n", *([answer + b"\n"] if answer else []))
    async with byte_double(device) as double:
        link = ScpiInstrument.link_to(double.address, double.open)
        for _ in range(2):
            link = link.successor()
            instrument = ScpiInstrument(link)
            await instrument.on_start()
            await instrument.on_stop()

    assert link.acquaintance.changed is {b"128": True, b"0": False}.get(answer)
    assert device.heard.endswith(b"SYST:ERR?\n")


@attrs.define(eq=False)
class Story:
    """Many things that happen to one instrument, in no order, and what must be so all the time.

    Attributes:
        set_to: What the lamp was set to for certain; ``None`` if nobody knows.
        asked: The most that it was asked for since it was last known to be halted.
        wrong: What was not as it must be.
    """

    here: Room
    random: Random
    set_to: int | None = 3
    asked: int = 3
    halted: bool = False
    wrong: list[str] = attrs.field(factory=list[str])

    async def dim(self) -> None:
        """Ask for a brightness, with a caller who may be in a hurry."""
        brightness = self.random.randrange(1, 9)
        reply = self.here.supervisor.ref("dimmer", Dimmer).send(
            Dimmer.dim(brightness), timeout=self.random.choice([0.005, 1, 10])
        )
        self.asked = max(self.asked, brightness)
        try:
            await reply
            self.set_to = brightness
        except LabtroupeError as error:
            # It had begun, and so nobody relies on what was before, even if nothing was sent.
            if reply.outcome is not Outcome.NOT_SENT or isinstance(error, LinkError):
                self.set_to = None

    async def leave(self) -> None:
        """Pull the cable, for a while or until it is put back."""
        self.here.double.inject("unplug")

    async def power_cycle(self) -> None:
        """Switch the lamp off and on, as far as the cable is out; else nothing would be lost."""
        if self.here.double.faults:
            self.here.lamp.power_on()

    async def plug(self) -> None:
        """Put the cable back."""
        self.here.double.inject("plug")

    async def halt(self) -> None:
        """Halt it."""
        await self.here.supervisor.halt(["dimmer"], "smoke")
        self.halted, self.set_to, self.asked = True, None, 0

    async def reset(self) -> None:
        """Let it go on."""
        self.here.supervisor.reset("dimmer")
        self.halted = False

    async def go_on(self) -> None:
        """Let some of this happen, and see what the lamp was told."""
        step = self.random.choice(
            [self.dim, self.dim, self.leave, self.power_cycle, self.plug, self.halt, self.reset]
        )
        already = len(self.here.lamp.told)
        before = self.asked
        await step()
        await trio.sleep(self.random.choice([0, 0.01, 0.3, 2]))
        news = self.here.lamp.told[already:]
        levels = [int(each.split()[1]) for each in news if each.startswith(b"SET")]
        if max(levels, default=0) > max(before, self.asked):
            self.wrong.append(f"{step.__name__}: {news}, with at most {self.asked} asked for")
        if self.halted and step != self.halt and levels:
            self.wrong.append(f"{step.__name__}: {news} while halted")

    async def end(self) -> None:
        """Put everything right, and see that the lamp is as it was set, if anybody knows."""
        await self.plug()
        await self.reset()
        self.here.supervisor.start("dimmer")
        await self.here.wait()
        await trio.sleep(20)
        if self.set_to not in {None, self.here.lamp.brightness}:
            self.wrong.append(f"it is at {self.here.lamp.brightness}, and not at {self.set_to}")


@pytest.mark.parametrize("seed", range(25))
async def test_nothing_is_restored_that_is_not_so_for_certain(autojump_clock: MockClock, seed: int) -> None:
    """L11, S10, P4: in random histories, with half a second of restoring now and then cut off."""
    async with room(Reattach.RESTORE) as here:
        story = Story(here, Random(seed))  # noqa: S311 - repeatable, not secret
        for _ in range(30):
            await story.go_on()
        await story.end()

        assert story.wrong == []
