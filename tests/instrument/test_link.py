"""Links and instruments against a device that can be late, mute or gone: in memory, over ptys and sockets."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from random import Random

import attrs
import pytest
import trio
from trio.testing import MockClock

from labtroupe.errors import (
    ArgumentError,
    CommandError,
    CommandTimeout,
    DeviceAbsent,
    LinkLost,
    Outcome,
    ProtocolError,
)
from labtroupe.instrument import Barrier, Direction, Instrument, Link, Manners, Quiet, Strategy
from labtroupe.lifecycle import State
from labtroupe.messages import Event, LinkInStep, LinkSuspect, command
from labtroupe.protocol import Lines
from labtroupe.simulation import LineDevice, Via
from labtroupe.supervision import ChildSpec, Supervisor
from labtroupe.testing import ByteDouble, byte_double
from labtroupe.transport import Address, Transport

from ._memory import Device, MemoryTransport, to


def is_identity(answer: bytes) -> bool:
    return answer.startswith(b"ID echo")


@attrs.define(eq=False)
class EchoDevice(LineDevice):
    """Answers ``Q text`` with ``A text``, so that each answer says to which question it belongs."""

    heard: list[bytes] = attrs.field(factory=list[bytes])
    identity: str = "ID echo"

    def answer(self, request: bytes) -> bytes | None:
        """Answer, except to ``W text``."""
        self.heard.append(request)
        if request == b"ID?":
            return self.identity.encode()
        return b"A " + request[2:] if request.startswith(b"Q ") else None


@attrs.define(eq=False)
class Echo(Instrument):
    """The instrument for it."""

    framing = Lines(b"\n")
    resync = (Barrier(b"ID?", is_identity, lateness=0.4, budget=1.0),)

    @command(timeout=5.0)
    async def ask_for(self, text: str) -> str:
        """Have a text echoed."""
        return (await self.link.query(f"Q {text}")).removeprefix("A ")

    @command(timeout=5.0)
    async def who(self) -> str:
        """Ask what is the barrier's query too."""
        return await self.link.query("ID?", is_identity)


# For tests that wait until it is over.
QUICK = Barrier(b"ID?", is_identity, lateness=0.1, budget=0.3)


@attrs.define(eq=False)
class Strict(Transport):
    """A transport that notes when two tasks receive at once, as the contract forbids."""

    address: Address
    inside: Transport
    violations: list[str]
    receiving: bool = False

    async def send(self, data: bytes) -> None:
        """Send."""
        await self.inside.send(data)

    async def receive(self) -> bytes:
        """Receive, alone."""
        if self.receiving:
            self.violations.append("two tasks receive at once")
        self.receiving = True
        try:
            return await self.inside.receive()
        finally:
            self.receiving = False

    def receive_nowait(self) -> bytes:
        """Receive what is there."""
        return self.inside.receive_nowait()

    async def aclose(self) -> None:
        """Close."""
        await self.inside.aclose()


@attrs.define(eq=False)
class Desk:
    """A device, with links and instruments made for it."""

    double: ByteDouble[EchoDevice]
    events: list[Event] = attrs.field(factory=list[Event])
    violations: list[str] = attrs.field(factory=list[str])

    @property
    def device(self) -> EchoDevice:
        """The device."""
        return self.double.device

    def link(self, *resync: Strategy) -> Link:
        """Return a closed link to the device; it gets in step as `Echo` does, if nothing else is said."""
        return Link(self.double.address, self.connect, Manners(resync=resync or Echo.resync))

    async def connect(self) -> Transport:
        """Open its port."""
        inside = await self.double.open()
        return Strict(inside.address, inside, self.violations)

    @asynccontextmanager
    async def supervised(self) -> AsyncGenerator[Supervisor]:
        """Run an instrument for it, named ``echo``, under a supervisor."""
        spec = ChildSpec(name="echo", factory=lambda: Echo(self.link()), actor_type=Echo)
        supervisor = Supervisor([spec], self.events.append, Random(1))  # noqa: S311 - repeatable, not secret
        async with trio.open_nursery() as nursery:
            await nursery.start(supervisor.run)
            yield supervisor
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def desk(via: Via = "memory") -> AsyncGenerator[Desk]:
    """Run one simulated device, behind one kind of port."""
    with trio.fail_after(30):
        async with byte_double(EchoDevice(latency=0.001), via=via) as double:
            desk = Desk(double)
            yield desk
    assert desk.violations == []


@asynccontextmanager
async def opened(link: Link) -> AsyncGenerator[Link]:
    """Open a link, and close it."""
    await link.open()
    try:
        yield link
    finally:
        with trio.CancelScope(shield=True):
            await link.aclose()


every_way = pytest.mark.parametrize(
    "via", ["memory", *(pytest.param(via, marks=pytest.mark.slow) for via in ("pty", "tcp"))]
)


@pytest.fixture
def clock(via: Via) -> MockClock | None:
    """A clock that jumps, for what is in memory; the others are in real time."""
    return MockClock(autojump_threshold=0) if via == "memory" else None


@every_way
async def test_a_late_answer_is_never_given_to_the_next_command(via: Via, clock: MockClock | None) -> None:
    """L1, L2: the command ends at its deadline, its answer comes 0.3 s later, the next gets its own."""
    async with desk(via) as d, d.supervised() as supervisor:
        echo = supervisor.ref("echo", Echo)
        assert await echo.ask(Echo.ask_for("first")) == "first"
        d.double.inject("late", "0.5")
        began = trio.current_time()
        with pytest.raises(CommandTimeout) as caught:
            await echo.ask(Echo.ask_for("second"), timeout=0.2)
        assert 0.2 <= trio.current_time() - began < 0.4
        assert caught.value.outcome is Outcome.UNKNOWN
        d.double.inject("clear")
        assert await echo.ask(Echo.ask_for("third")) == "third"
        assert supervisor.member("echo").cell.life == 1
        kinds = [type(event) for event in d.events if isinstance(event, LinkSuspect | LinkInStep)]
        assert kinds == [LinkSuspect, LinkInStep]


@every_way
async def test_a_late_answer_to_the_barriers_own_query_is_no_barrier(
    via: Via, clock: MockClock | None
) -> None:
    """L2: it can be mistaken, so the link waits until the device can have nothing more to say."""
    async with desk(via) as d, d.supervised() as supervisor:
        echo = supervisor.ref("echo", Echo)
        await echo.ask(Echo.who())
        d.double.inject("late", "0.3")
        with pytest.raises(CommandTimeout):
            await echo.ask(Echo.who(), timeout=0.1)
        d.double.inject("clear")
        for text in "abc":
            assert await echo.ask(Echo.ask_for(text)) == text


@every_way
async def test_whatever_is_late_or_cut_off_no_answer_is_wrong(via: Via, clock: MockClock | None) -> None:
    """L1-L3, P6: random timeouts around the time a device takes to answer."""
    random = Random(7)  # noqa: S311 - repeatable, not secret
    wrong: list[tuple[str, str]] = []
    ends = dict.fromkeys(Outcome, 0)
    async with desk(via) as d, d.supervised() as supervisor:
        echo = supervisor.ref("echo", Echo)
        await echo.ask(Echo.who())
        for i in range(150):
            d.device.latency = random.choice([0.0, 0.001, 0.004, 0.008])
            reply = echo.send(Echo.ask_for(str(i)), timeout=random.choice([0.002, 0.004, 0.006, 2.0]))
            with suppress(CommandError):
                answer = await reply
                if answer != str(i):
                    wrong.append((str(i), answer))
            assert reply.outcome is not None
            ends[reply.outcome] += 1
        assert wrong == []
        assert ends[Outcome.DONE] > 20
        assert ends[Outcome.UNKNOWN] > 20
        assert supervisor.member("echo").cell.life == 1


@every_way
async def test_a_link_is_suspect_from_its_first_byte_until_its_answer(
    via: Via, clock: MockClock | None
) -> None:
    """L1."""
    in_step: list[bool] = []
    async with desk(via) as d, opened(d.link()) as link:
        in_step.append(link.in_step)
        await link.resync()
        in_step.append(link.in_step)
        d.double.inject("mute")
        with trio.move_on_after(0.05):
            await link.query("Q lost")
        in_step.append(link.in_step)
        d.double.inject("clear")
        assert await link.query("Q found") == "A found"
        in_step.append(link.in_step)
    assert in_step == [False, True, False, True]


@every_way
async def test_input_nobody_asked_for_makes_the_link_suspect_before_the_next_request(
    via: Via, clock: MockClock | None
) -> None:
    """L1, L3: the guard."""
    async with desk(via) as d, opened(d.link()) as link:
        await link.resync()
        await link.write("Q nobody reads the answer")
        await trio.sleep(0.1)
        assert await link.query("Q mine") == "A mine"
        assert d.device.heard.count(b"ID?") == 2


@every_way
async def test_an_answer_of_the_wrong_shape_is_an_error_and_not_an_answer(
    via: Via, clock: MockClock | None
) -> None:
    """L3, PLR-1."""
    async with desk(via) as d, opened(d.link()) as link:
        with pytest.raises(ProtocolError, match="b'A x' is no answer to b'Q x'"):
            await link.exchange(b"Q x", lambda answer: answer.startswith(b"B"))
        assert not link.in_step
        assert await link.query("Q y") == "A y"


async def test_half_a_command_is_ended_before_the_barrier(autojump_clock: MockClock) -> None:
    """L4: or the device would take the barrier's query for the rest of it."""
    async with desk() as d, opened(d.link()) as link:
        await link.resync()
        assert link._wire is not None
        await link._wire._transport.send(b"Q half")
        link._debts.cut_short, link.suspicion = True, "a write was cut short"
        assert await link.query("Q whole") == "A whole"
        assert d.device.heard[-3:] == [b"Q half", b"ID?", b"Q whole"]


async def test_where_nothing_is_declared_a_suspect_link_is_lost_and_opened_anew(
    autojump_clock: MockClock,
) -> None:
    """L2: the last of its means."""
    async with desk() as d, opened(Link(d.double.address, d.connect)) as link:
        assert await link.query("Q a") == "A a"
        d.double.inject("mute")
        with trio.move_on_after(0.05):
            await link.query("Q lost")
        with pytest.raises(LinkLost, match=r"out of step \(b'Q lost' was cut off\): no way .* is declared"):
            await link.query("Q b")


@every_way
async def test_a_barrier_that_is_not_answered_loses_the_link(via: Via, clock: MockClock | None) -> None:
    """L2: within its own budget."""
    async with desk(via) as d, opened(d.link(QUICK)) as link:
        d.double.inject("mute")
        began = trio.current_time()
        with pytest.raises(LinkLost, match=r"no answer to b'ID.' within 0.3 s"):
            await link.resync()
        assert 0.3 <= trio.current_time() - began < 0.8


@every_way
async def test_a_device_that_floods_is_lost_in_bounded_time(via: Via, clock: MockClock | None) -> None:
    """L6, PLR-1."""
    async with desk(via) as d, opened(d.link(QUICK)) as link:
        d.double.inject("flood")
        d.double.inject("mute")
        with trio.fail_after(3), pytest.raises(LinkLost, match="no answer"):
            await link.resync()


@every_way
async def test_a_device_that_is_always_later_than_it_should_gives_no_wrong_answer(
    via: Via, clock: MockClock | None
) -> None:
    """L2, L3: each answer comes after its caller has gone, and looks like that to the barrier."""
    async with desk(via) as d, d.supervised() as supervisor:
        echo = supervisor.ref("echo", Echo)
        d.double.inject("late", "0.7")
        counted: list[tuple[float, str]] = []
        for _ in range(6):
            d.device.identity = f"ID echo {trio.current_time()}"
            asked = trio.current_time()
            with suppress(CommandError):
                counted.append((asked, await echo.ask(Echo.who(), timeout=0.5)))
        # Not one was answered before it was asked.
        assert [answer for asked, answer in counted if float(answer.split()[-1]) < asked] == []
        d.double.inject("clear")
        d.device.identity = "ID echo 0"
        assert await echo.ask(Echo.who(), timeout=10) == "ID echo 0"


async def test_a_late_answer_is_not_given_to_the_next_life_either(autojump_clock: MockClock) -> None:
    """P12, L2: the device does not know of our lives."""
    async with desk() as d:
        first = d.link(Barrier(b"ID?", is_identity, lateness=0.2, budget=0.6))
        async with opened(first) as link:
            await link.resync()
            d.double.inject("late", "1.0")
            link.suspicion = "a test"
            with pytest.raises(LinkLost):
                await link.resync()
        # The next life asks too, before the last one is answered: who takes that answer
        # for its own is still owed one, and takes that for the next answer.
        async with opened(first.successor()) as link:
            d.double.inject("late", "0.9")
            await link.resync()
            assert list(link._debts.owed) == []
            assert await link.query("Q mine") == "A mine"


@every_way
async def test_the_last_frames_are_remembered_over_lives(via: Via, clock: MockClock | None) -> None:
    """S14: both ways, in order, with their times; and no more of them than are of use."""
    async with desk(via) as d:
        first = d.link()
        async with opened(first) as link:
            began = time.time()
            assert await link.query("Q first") == "A first"
        async with opened(first.successor()) as link:
            assert await link.query("Q again") == "A again"
            frames = list(link.recorder.frames)
            sent = [frame.data for frame in frames if frame.direction is Direction.SENT]
            received = b"".join(frame.data for frame in frames if frame.direction is Direction.RECEIVED)
            assert sent == [b"ID?\n", b"Q first\n", b"ID?\n", b"Q again\n"]
            assert received == b"ID echo\nA first\nID echo\nA again\n"
            times = [frame.time for frame in frames]
            assert began <= times[0] <= times[-1] <= time.time()
            assert times == sorted(times)
            await link.query(f"Q {'x' * 300}")
            assert [(len(each.data), each.size) for each in link.recorder.frames if each.size > 256][:1] == [
                (256, 303)
            ]
            for i in range(60):
                await link.query(f"Q {i}")
            assert len(link.recorder.frames) == 100


@every_way
async def test_pulling_the_cable_ends_the_command_at_once_and_the_instrument_comes_back(
    via: Via, clock: MockClock | None
) -> None:
    """L7, S7: with the reason, and without anybody's help."""
    async with desk(via) as d, d.supervised() as supervisor:
        echo = supervisor.ref("echo", Echo)
        await echo.ask(Echo.who())
        d.double.inject("mute")
        reply = echo.send(Echo.ask_for("lost"))
        await trio.sleep(0.1)
        began = trio.current_time()
        d.double.inject("clear")
        d.double.inject("unplug", "0.8")
        with pytest.raises(LinkLost, match="echo: "):
            await reply
        assert trio.current_time() - began < 0.2
        assert reply.outcome is Outcome.UNKNOWN
        await supervisor.wait_state("echo", State.BACKOFF)
        assert supervisor.member("echo").cell.reason
        assert await echo.ask(Echo.ask_for("found"), timeout=10) == "found"


@every_way
async def test_a_cable_pulled_while_nobody_asks_anything_is_noticed_at_once(
    via: Via, clock: MockClock | None
) -> None:
    """L7."""
    async with desk(via) as d, d.supervised() as supervisor:
        await supervisor.ref("echo", Echo).ask(Echo.who())
        await trio.sleep(0.2)
        began = trio.current_time()
        d.double.inject("unplug")
        await supervisor.wait_state("echo", State.BACKOFF)
        assert trio.current_time() - began < 0.2
        assert isinstance(supervisor.member("echo").failure, LinkLost)


@attrs.define(eq=False)
class Shy(MemoryTransport):
    """The way to a device that speaks only when it is asked, as over USBTMC."""

    asked: int = 0
    watched: int = 0

    async def receive(self) -> bytes:
        """Ask the device."""
        self.asked += 1
        return await super().receive()

    async def receive_unasked(self) -> bytes:
        """Leave it alone."""
        self.watched += 1
        await trio.sleep_forever()


async def test_while_nobody_waits_for_an_answer_the_device_is_not_asked(autojump_clock: MockClock) -> None:
    """L7: it would take that for a mistake; yet it is watched."""
    transport = Shy(Device(lambda request: [(0.01, request + b"\n")]))
    link = Link("shy", to(transport), Manners(resync=(Quiet(0.1),)))
    async with trio.open_nursery() as nursery:
        await link.open(print)
        nursery.start_soon(link.listen)
        await link.exchange(b"T?")
        before = transport.asked
        await trio.sleep(1)
        nursery.cancel_scope.cancel()

    assert transport.watched == 1
    assert transport.asked == before


@every_way
async def test_listening_between_exchanges_is_in_nobodys_way(via: Via, clock: MockClock | None) -> None:
    """L7, P5: whether an exchange begins before, while or after the link listens."""
    async with desk(via) as d, d.supervised() as supervisor:
        echo = supervisor.ref("echo", Echo)
        for i in range(30):
            assert await echo.ask(Echo.ask_for(str(i))) == str(i)
            await trio.sleep(0.04 + i / 1000)
        assert supervisor.member("echo").cell.life == 1
        assert d.device.heard.count(b"ID?") == 1


@every_way
async def test_what_comes_while_nobody_asks_is_given_to_nobody(via: Via, clock: MockClock | None) -> None:
    """L1: an answer can be late by more than any pause between two commands."""
    async with desk(via) as d, d.supervised() as supervisor:
        echo = supervisor.ref("echo", Echo)
        await echo.ask(Echo.who())
        actor = supervisor.member("echo").actor
        assert isinstance(actor, Echo)
        await actor.link.write("Q nobody reads the answer")
        await trio.sleep(0.2)
        assert not actor.in_step
        assert await echo.ask(Echo.ask_for("mine")) == "mine"


@every_way
async def test_a_device_that_is_absent_or_mute_at_the_start_is_waited_for(
    via: Via, clock: MockClock | None
) -> None:
    """S5, S11: neither counts as a restart."""
    async with desk(via) as d:
        for fault in ("unplug", "mute"):
            d.double.inject(fault)
            async with d.supervised() as supervisor:
                await supervisor.wait_state("echo", State.BACKOFF)
                member = supervisor.member("echo")
                assert isinstance(member.failure, DeviceAbsent), member.failure
                assert member.record.history.counted == 0
                d.double.inject("clear")
                assert await supervisor.ref("echo", Echo).ask(Echo.ask_for("x"), timeout=10) == "x"


@every_way
async def test_a_failed_start_has_closed_its_port(via: Via, clock: MockClock | None) -> None:
    """PLR-8, PLR-10: the next one can open it at once."""
    async with desk(via) as d:
        d.double.inject("mute")
        for _ in range(3):
            instrument = Echo(d.link(QUICK))
            try:
                with pytest.raises(DeviceAbsent):
                    await instrument.on_start()
            finally:
                await instrument.on_stop()


async def test_two_commands_in_one_request_are_refused_before_anything_is_sent(
    autojump_clock: MockClock,
) -> None:
    """P3, R12: by the caller's mistake the instrument does not go down."""
    async with desk() as d, d.supervised() as supervisor:
        echo = supervisor.ref("echo", Echo)
        with pytest.raises(ArgumentError, match="the device would see two commands") as caught:
            await echo.ask(Echo.ask_for("one\nQ two"))
        assert caught.value.outcome is Outcome.NOT_SENT
        assert await echo.ask(Echo.ask_for("three")) == "three"
        assert supervisor.member("echo").cell.life == 1


async def test_text_that_is_not_ascii_is_refused_before_anything_is_sent(autojump_clock: MockClock) -> None:
    async with desk() as d, opened(d.link()) as link:
        await link.resync()
        with pytest.raises(ArgumentError, match="is not ASCII"):
            await link.query("Q °C")
        assert link.in_step


async def test_two_tasks_of_one_handler_take_turns(autojump_clock: MockClock) -> None:
    """P5: at most one exchange at a time."""
    async with desk() as d, opened(d.link()) as link:
        answers: dict[str, str] = {}

        async def ask(text: str) -> None:
            answers[text] = await link.query(f"Q {text}")

        async with trio.open_nursery() as nursery:
            for text in "abcdef":
                nursery.start_soon(ask, text)
        assert answers == {text: f"A {text}" for text in "abcdef"}


async def test_a_closed_link_says_so() -> None:
    async def never() -> None:
        raise AssertionError

    link = Link("nowhere", never)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(LinkLost, match="nowhere: the link is closed"):
        await link.query("x")
