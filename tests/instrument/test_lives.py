"""What the lives of one instrument leave to each other: the open port, and what the device still owes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import ClassVar

import attrs
import pytest
import trio
from trio.testing import MockClock

from labtroupe.errors import LabtroupeError, LinkLost
from labtroupe.instrument import Barrier, Instrument, Link, Strategy
from labtroupe.lifecycle import State
from labtroupe.messages import Event, StateChanged, command
from labtroupe.policy import Backoff, Policy
from labtroupe.protocol import Lines
from labtroupe.simulation import LineDevice
from labtroupe.supervision import ChildSpec, Supervisor
from labtroupe.testing import ByteDouble, byte_double
from labtroupe.transport import Transport


@attrs.define(eq=False)
class Echo(Instrument):
    """An instrument whose command may fail in every way."""

    framing = Lines(b"\n")
    resync: ClassVar[Sequence[Strategy]] = (Barrier(b"ID?", lambda answer: answer == b"echo", lateness=0.5),)
    quarantine_after = 1000

    @command
    async def ask_for(self, text: str) -> str:
        """Have a text echoed."""
        return await self.link.query(f"Q {text}")

    @command
    async def crash(self) -> None:
        """Fail for a reason that the wire has nothing to do with, with an answer still owed."""
        with trio.move_on_after(0.1):
            await self.link.query("Q late")
        raise ZeroDivisionError

    @command
    async def ask_two(self) -> None:
        """Have two tasks find out at once that the link is lost."""

        async def lose() -> None:
            await trio.lowlevel.cancel_shielded_checkpoint()  # The other one is not cancelled before.
            raise LinkLost("the cable was pulled")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(lose)
            nursery.start_soon(lose)


class Named(Echo):
    """One whose device can say who it is."""

    async def ask_identity(self) -> str:
        """Ask it."""
        return await self.link.query("WHO?")


class Unsure(Echo):
    """One that declares no way to get in step."""

    resync = ()


@attrs.define(eq=False)
class EchoDevice(LineDevice):
    """Says with each answer to which question it belongs; at once, save what is late."""

    serial_number: int = 7
    heard: list[bytes] = attrs.field(factory=list[bytes], init=False)

    def answer(self, request: bytes) -> bytes:
        """Say something to everything."""
        self.heard.append(request)
        known = {b"ID?": b"echo", b"WHO?": b"ECHO,1,%d" % self.serial_number}
        return known.get(request, b"A " + request[2:])

    def respond(self, data: bytes, now: float) -> Sequence[tuple[float, bytes]]:
        """Take its time where that is what it is asked for."""
        delay = 0.7 if data == b"Q late\n" else 0.0
        return [(delay, answer) for answer in self.receive(data, now)]


@attrs.define(eq=False)
class Bench:
    """A device, an instrument under a supervisor, and how often its port was opened."""

    double: ByteDouble[EchoDevice]
    kind: type[Echo]
    identity: str = ""
    opened: list[float] = attrs.field(factory=list[float])
    events: list[Event] = attrs.field(factory=list[Event])
    links: list[Link] = attrs.field(factory=list[Link])

    @property
    def device(self) -> EchoDevice:
        """The device."""
        return self.double.device

    async def connect(self) -> Transport:
        """Open the port."""
        self.opened.append(trio.current_time())
        return await self.double.open()

    def make(self) -> Echo:
        """Make the instrument of the next life."""
        link = (
            self.links[-1].successor()
            if self.links
            else self.kind.link_to("memory", self.connect, self.identity)
        )
        self.links.append(link)
        return self.kind(link)


@asynccontextmanager
async def running(
    kind: type[Echo] = Echo, *, pause: float = 0.5, identity: str = ""
) -> AsyncGenerator[tuple[Bench, Supervisor]]:
    """Run an instrument for a device; all its ports must have been closed in the end."""
    with trio.fail_after(1000):
        async with byte_double(EchoDevice()) as double, trio.open_nursery() as nursery:
            bench = Bench(double, kind, identity)
            policy = Policy(backoff=Backoff(first=pause, longest=2 * pause, jitter=0.0))
            spec = ChildSpec(name="echo", factory=bench.make, actor_type=kind, policy=policy)
            supervisor = Supervisor([spec], bench.events.append, Random(1))  # noqa: S311 - repeatable, not secret
            await nursery.start(supervisor.run)
            yield bench, supervisor
            nursery.cancel_scope.cancel()
    assert all(link._wire is None for link in bench.links), "P19: every port is closed"


async def test_a_soft_restart_gets_in_step_over_the_open_port(autojump_clock: MockClock) -> None:
    """S8, P12: without opening it anew, and what was owed to the life before goes to nobody."""
    async with running() as (bench, supervisor):
        echo = supervisor.ref("echo", Echo)
        await supervisor.wait_state("echo", State.RUNNING)
        with pytest.raises(LabtroupeError):
            await echo.ask(Echo.crash())
        assert await echo.ask(Echo.ask_for("mine")) == "A mine"
        assert len(bench.opened) == 1
        assert bench.device.heard == [b"ID?", b"Q late", b"ID?", b"Q mine"]


async def test_a_link_that_is_lost_for_several_tasks_at_once_is_lost_and_no_crash(
    autojump_clock: MockClock,
) -> None:
    """R12, S8: the caller is told so, and the port is opened anew."""
    async with running() as (bench, supervisor):
        echo = supervisor.ref("echo", Echo)
        await supervisor.wait_state("echo", State.RUNNING)
        with pytest.raises(LinkLost, match="the cable was pulled"):
            await echo.ask(Echo.ask_two())
        assert await echo.ask(Echo.ask_for("mine")) == "A mine"
        assert len(bench.opened) == 2


async def test_a_second_failure_opens_the_port_anew(autojump_clock: MockClock) -> None:
    """S8: hard, as soft did not help."""
    async with running() as (bench, supervisor):
        echo = supervisor.ref("echo", Echo)
        await supervisor.wait_state("echo", State.RUNNING)
        for _ in range(2):
            with pytest.raises(LabtroupeError):
                await echo.ask(Echo.crash())
        assert await echo.ask(Echo.ask_for("mine")) == "A mine"
        assert len(bench.opened) == 2


async def test_who_cannot_get_in_step_opens_the_port_anew(autojump_clock: MockClock) -> None:
    """S8, L2: a suspect link without a way to get in step is of no use to the next life."""
    async with running(Unsure) as (bench, supervisor):
        echo = supervisor.ref("echo", Unsure)
        await supervisor.wait_state("echo", State.RUNNING)
        with pytest.raises(LabtroupeError):
            await echo.ask(Echo.crash())
        await trio.sleep(1)
        assert len(bench.opened) == 2


async def test_a_port_that_has_gone_bad_meanwhile_is_opened_anew(autojump_clock: MockClock) -> None:
    """S8: a soft restart that fails is followed by a hard one."""
    async with running() as (bench, supervisor):
        echo = supervisor.ref("echo", Echo)
        await supervisor.wait_state("echo", State.RUNNING)
        with pytest.raises(LabtroupeError):
            await echo.ask(Echo.crash())
        bench.double.inject("mute")
        await trio.sleep(3)
        bench.double.inject("clear")
        assert await echo.ask(Echo.ask_for("mine"), timeout=20) == "A mine"
        assert len(bench.opened) == 2


async def test_a_device_that_is_back_is_not_waited_for_in_vain_again(autojump_clock: MockClock) -> None:
    """L2, S7: what was asked while it was away does not count as its lateness."""
    async with running(pause=10) as (bench, supervisor):
        echo = supervisor.ref("echo", Echo)
        await supervisor.wait_state("echo", State.RUNNING)
        bench.double.inject("mute")
        with pytest.raises(LabtroupeError):
            await echo.ask(Echo.ask_for("lost"), timeout=1)
        await trio.sleep(60)
        assert len(bench.opened) > 3
        bench.double.inject("clear")
        back = trio.current_time()
        await supervisor.wait_state("echo", State.RUNNING)
        tries = [event for event in bench.events if isinstance(event, StateChanged)]
        assert [event.after for event in tries[-2:]] == [State.STARTING, State.RUNNING]
        assert len([at for at in bench.opened if at > back]) == 1, "the first try after that is the last"


@pytest.mark.parametrize("identity", ["", "ECHO,1,7", "ECHO,*,7", "ECHO*"])
async def test_the_right_device_is_taken(autojump_clock: MockClock, identity: str) -> None:
    """L8: who it must be, whatever firmware it has; or whoever is there, if nobody has said."""
    async with running(Named, identity=identity) as (bench, supervisor):
        assert await supervisor.ref("echo", Named).ask(Echo.ask_for("mine")) == "A mine"
        assert bench.device.heard == [b"ID?", b"WHO?", b"Q mine"]


async def test_another_device_is_refused_and_nothing_else_is_said_to_it(autojump_clock: MockClock) -> None:
    """L8: with who is there, and who ought to be; it is looked for until the right one is there."""
    async with running(Named, identity="ECHO,1,8") as (bench, supervisor):
        echo = supervisor.ref("echo", Named)
        await trio.sleep(20)
        assert echo.state is State.BACKOFF
        assert supervisor.member("echo").cell.reason == "memory: 'ECHO,1,7' is there, and not 'ECHO,1,8'"
        assert set(bench.device.heard) == {b"ID?", b"WHO?"}
        bench.device.serial_number = 8
        await trio.sleep(30)
        assert await echo.ask(Echo.ask_for("mine")) == "A mine"
        assert State.FAILED not in [e.after for e in bench.events if isinstance(e, StateChanged)]


@pytest.mark.parametrize("crash", [True, False])
async def test_an_impostor_in_a_later_life_is_refused(autojump_clock: MockClock, *, crash: bool) -> None:
    """L8, L12: another device at the old address, after a loss of the link or a soft restart."""
    async with running(Named) as (bench, supervisor):
        echo = supervisor.ref("echo", Named)
        await supervisor.wait_state("echo", State.RUNNING)
        bench.device.serial_number = 8
        if crash:
            with pytest.raises(LabtroupeError):
                await echo.ask(Echo.crash())
        else:
            supervisor.restart("echo")
        await trio.sleep(20)
        assert (
            supervisor.member("echo").cell.reason
            == "memory: 'ECHO,1,8' is there, and it was 'ECHO,1,7' before"
        )
        assert b"Q mine" not in bench.device.heard
        bench.device.serial_number = 7
        assert await echo.ask(Echo.ask_for("mine"), timeout=60) == "A mine"
