"""What a device needs and does beside answering, in memory and in virtual time."""

from __future__ import annotations

import math
from itertools import pairwise
from random import Random

import attrs
import pytest
import trio
from trio.testing import MockClock

from labtroupe.errors import CommandRefused, CommandTimeout, DeviceSilent, LinkLost, Outcome, ProtocolError
from labtroupe.instrument import Barrier, Instrument, Link, Manners
from labtroupe.messages import Event, LinkInStep, LinkSuspect, Unsolicited, command
from labtroupe.supervision import ChildSpec, Supervisor

from ._memory import Device, MemoryTransport, Says, to

BARRIER = Barrier(b"ID?", lambda answer: answer.startswith(b"ID "), lateness=1.0, budget=2.0)


def echo(request: bytes) -> Says:
    """Answer with the request; only what sets something has no answer."""
    if request.startswith(b"SET"):
        return []
    return [(0.01, (b"ID echo" if request == b"ID?" else b"A " + request) + b"\n")]


def device(*says: tuple[float, bytes]) -> Device:
    """Return a device that says this to all but the barrier's query."""
    return Device(lambda request: echo(request) if request == b"ID?" else says)


def is_busy(frame: bytes) -> bool:
    """Return whether the device says that it is still at work."""
    return frame == b"BUSY"


def is_note(frame: bytes) -> bool:
    """Return whether the device says it by itself."""
    return frame.startswith(b"!")


@attrs.define(eq=False)
class Open:
    """An open link in step, and what came over it by itself."""

    device: Device
    link: Link
    transport: MemoryTransport
    notes: list[bytes] = attrs.field(factory=list[bytes])


async def opened(device: Device, manners: Manners) -> Open:
    """Open a link with these manners, which gets in step by a barrier."""
    transport = MemoryTransport(device)
    link = Link("nowhere", to(transport), attrs.evolve(manners, resync=(BARRIER,)))
    opened = Open(device, link, transport)
    await link.open(opened.notes.append)
    await link.resync()
    device.heard.clear()
    device.times.clear()
    return opened


# Spacing.


async def test_between_two_exchanges_there_is_the_pause_that_the_device_needs(
    autojump_clock: MockClock,
) -> None:
    """L5: after opening, after an answer, and after what has none."""
    o = await opened(Device(echo), Manners(spacing=0.5))
    began = trio.current_time()

    await o.link.exchange(b"a")
    await o.link.send(b"SET b")
    await o.link.exchange(b"c")

    assert [time - began for time in o.device.times] == pytest.approx([0.5, 1.01, 1.51])


async def test_what_comes_in_the_pause_is_no_answer_either(autojump_clock: MockClock) -> None:
    """L1, L5: the guard looks after the pause, and not before."""
    o = await opened(Device(echo), Manners(spacing=0.5))
    o.device.say([(0.2, b"A stray\n")])

    assert await o.link.exchange(b"a") == b"A a"


async def test_to_give_up_in_the_pause_sends_nothing_and_leaves_the_link_in_step(
    autojump_clock: MockClock,
) -> None:
    """L5, L1: no byte was sent."""
    o = await opened(Device(echo), Manners(spacing=0.5))
    with trio.move_on_after(0.2):
        await o.link.exchange(b"a")

    assert o.link.in_step
    assert o.device.heard == []


async def test_the_pause_is_kept_while_getting_in_step_and_over_lives(autojump_clock: MockClock) -> None:
    """L5, P12."""
    o = await opened(Device(echo), Manners(spacing=0.5))
    with pytest.raises(ProtocolError):
        await o.link.exchange(b"a", lambda _: False)
    await o.link.resync()
    o.transport.room = 2
    with trio.move_on_after(5):
        await o.link.exchange(b"bcd")
    o.transport.room = 1000
    await o.link.exchange(b"e")
    again = o.link.successor()
    await again.open()
    await again.exchange(b"f")

    assert o.device.heard == [b"a", b"ID?", b"bc", b"ID?", b"e", b"ID?", b"f"]
    pauses = [after - before for before, after in pairwise(o.device.times)]
    assert min(pauses) >= 0.5


# Silence and busy.


async def test_a_device_that_is_silent_too_long_is_told_from_a_caller_in_a_hurry(
    autojump_clock: MockClock,
) -> None:
    """L5: the exchange ends before its deadline, and the error says why."""
    o = await opened(device(), Manners(silence=2.0))
    began = trio.current_time()

    with pytest.raises(DeviceSilent, match="nowhere: silent for 2 s while asked b'hang'"):
        await o.link.exchange(b"hang")
    assert trio.current_time() - began == pytest.approx(2.0)
    assert not o.link.in_step
    await o.link.resync()


async def test_each_byte_ends_the_silence(autojump_clock: MockClock) -> None:
    """L5: it is no limit for the whole answer."""
    o = await opened(device((1.5, b"A"), (1.5, b" "), (1.5, b"a\n")), Manners(silence=2.0))

    assert await o.link.exchange(b"a") == b"A a"


async def test_busy_is_no_answer_and_no_silence(autojump_clock: MockClock) -> None:
    """L5."""
    o = await opened(device(*[(1.5, b"BUSY\n")] * 5, (1.5, b"A a\n")), Manners(silence=2.0, busy=is_busy))

    assert await o.link.exchange(b"a") == b"A a"


async def test_busy_extends_no_deadline(autojump_clock: MockClock) -> None:
    """L5: silence limit and total deadline are different numbers."""
    o = await opened(device(*[(1.5, b"BUSY\n")] * 100), Manners(silence=2.0, busy=is_busy))

    with trio.move_on_after(5.0) as scope:
        await o.link.exchange(b"a")
    assert scope.cancelled_caught
    assert not o.link.in_step


async def test_busy_that_nobody_has_asked_for_is_a_stray(autojump_clock: MockClock) -> None:
    """L1: it belongs to a command that was given up."""
    o = await opened(Device(echo), Manners(busy=is_busy))
    o.device.say([(0.1, b"BUSY\n")])
    await trio.sleep(0.2)

    await o.link.exchange(b"a")
    assert o.device.heard == [b"ID?", b"a"]


# What a device says by itself.


async def test_what_a_device_says_by_itself_is_no_answer_and_makes_nothing_suspect(
    autojump_clock: MockClock,
) -> None:
    """L3: before an exchange, in the middle of it, and right behind its answer."""
    o = await opened(device((0.1, b"!1\n"), (0.1, b"A\n!2\n")), Manners(unsolicited=is_note))
    o.device.say([(0.1, b"!0\n")])
    await trio.sleep(0.2)

    assert await o.link.exchange(b"a") == b"A"
    assert await o.link.exchange(b"b") == b"A"
    assert o.notes == [b"!0", b"!1", b"!2", b"!1"]
    assert o.device.heard == [b"a", b"b"]


async def test_what_a_device_says_by_itself_is_heard_at_once_while_nobody_asks(
    autojump_clock: MockClock,
) -> None:
    """L3: and half of it is no reason to do anything."""
    o = await opened(Device(echo), Manners(unsolicited=is_note))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(o.link.listen)
        o.device.say([(1.0, b"!door"), (1.0, b" open\n"), (0.01, b"!again\n")])
        await trio.sleep(2.005)
        assert o.notes == [b"!door open"]
        await trio.sleep(1)
        assert o.notes == [b"!door open", b"!again"]
        assert o.link.in_step
        nursery.cancel_scope.cancel()


async def test_what_a_device_says_by_itself_is_heard_while_getting_in_step(autojump_clock: MockClock) -> None:
    """L3."""
    o = await opened(Device(lambda request: [(0.1, b"!1\n"), *echo(request)]), Manners(unsolicited=is_note))
    with pytest.raises(ProtocolError):
        await o.link.exchange(b"a", lambda _: False)
    await o.link.resync()

    assert o.notes == [b"!1"] * 3


@pytest.mark.parametrize("there", range(1, len(b"!note\n")))
async def test_half_of_it_may_be_there_when_a_request_is_sent(autojump_clock: MockClock, there: int) -> None:
    """L3: cut anywhere, at no cost."""
    o = await opened(Device(echo), Manners(unsolicited=is_note))
    o.device.say([(0.1, b"!note\n"[:there]), (0.2, b"!note\n"[there:])])
    await trio.sleep(0.2)

    assert await o.link.exchange(b"a") == b"A a"
    assert o.notes == [b"!note"]
    assert o.device.heard == [b"a"]


async def test_a_line_that_began_before_the_request_is_no_answer_to_it(autojump_clock: MockClock) -> None:
    """L3: where lines may come by themselves, half a line is no reason to be suspect, and no answer."""
    o = await opened(Device(echo), Manners(unsolicited=is_note))
    o.device.say([(0.1, b"A "), (0.2, b"late\n")])
    await trio.sleep(0.2)

    with pytest.raises(ProtocolError, match="b'A late' came without being asked for"):
        await o.link.exchange(b"a")
    assert await o.link.exchange(b"b") == b"A b"


async def test_what_is_not_declared_makes_the_link_suspect_as_ever(autojump_clock: MockClock) -> None:
    """L1, L3: also behind what is."""
    o = await opened(Device(echo), Manners(unsolicited=is_note))
    o.device.say([(0.1, b"!note\n?\n")])
    await trio.sleep(0.2)

    assert await o.link.exchange(b"a") == b"A a"
    assert o.notes == [b"!note"]
    assert o.device.heard == [b"ID?", b"a"]


async def test_an_empty_line_is_a_stray_too(autojump_clock: MockClock) -> None:
    """L1."""
    o = await opened(Device(echo), Manners(unsolicited=is_note))
    o.device.say([(0.1, b"\n")])
    await trio.sleep(0.2)

    await o.link.exchange(b"a")
    assert o.device.heard == [b"ID?", b"a"]


# Several exchanges, and answers in several frames.


async def test_nobody_elses_exchange_comes_into_a_transaction(autojump_clock: MockClock) -> None:
    """P5: whatever it does meanwhile."""
    o = await opened(Device(echo), Manners())

    async def select_and_ask(channel: int) -> None:
        async with o.link.transaction():
            await o.link.send(b"SET %d" % channel)
            await trio.sleep(0.1)
            assert await o.link.exchange(b"T? %d" % channel) == b"A T? %d" % channel

    async with trio.open_nursery() as nursery:
        for channel in range(3):
            nursery.start_soon(select_and_ask, channel)
        nursery.start_soon(o.link.exchange, b"other")
    pairs = b";".join(o.device.heard)
    for channel in range(3):
        assert b"SET %d;T? %d" % (channel, channel) in pairs


async def fail_in_transaction(link: Link, error: Exception) -> None:
    """Raise an error in a transaction, after an exchange."""
    async with link.transaction():
        await link.exchange(b"b")
        raise error


async def test_a_transaction_that_is_cut_off_leaves_the_link_suspect(autojump_clock: MockClock) -> None:
    """L1: also between two exchanges."""
    o = await opened(Device(echo), Manners())
    with trio.move_on_after(0.1):
        async with o.link.transaction():
            await o.link.exchange(b"a")
            assert o.link.in_step
            await trio.sleep_forever()
    assert o.link.suspicion == "a transaction was cut off"
    with pytest.raises(KeyError):
        await fail_in_transaction(o.link, KeyError())
    assert not o.link.in_step

    assert await o.link.exchange(b"c") == b"A c"
    assert o.device.heard == [b"a", b"ID?", b"b", b"ID?", b"c"]


async def test_a_transaction_in_which_the_device_says_no_leaves_the_link_in_step(
    autojump_clock: MockClock,
) -> None:
    """R12: that is an answer."""
    o = await opened(Device(echo), Manners())
    with pytest.raises(CommandRefused):
        await fail_in_transaction(o.link, CommandRefused("no"))

    assert o.link.in_step


async def test_a_transaction_within_a_transaction_is_part_of_it(autojump_clock: MockClock) -> None:
    o = await opened(Device(echo), Manners())
    async with o.link.transaction():
        async with o.link.transaction():
            await o.link.exchange(b"a")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(o.link.exchange, b"other")
            await trio.sleep(1)
            assert o.device.heard == [b"a"]
            nursery.cancel_scope.cancel()
        await o.link.exchange(b"b")

    assert o.device.heard == [b"a", b"b"]
    assert o.link.in_step


async def test_an_answer_may_have_several_frames(autojump_clock: MockClock) -> None:
    """L1: the link is in step after the last of them, and suspect until then."""
    o = await opened(device((0.1, b"1\n2"), (0.1, b"\n"), (0.1, b"3\nEND\n")), Manners())

    assert await o.link.exchange_many(b"page", 4) == [b"1", b"2", b"3", b"END"]
    assert await o.link.exchange_many(b"page", lambda frame: frame == b"END") == [b"1", b"2", b"3", b"END"]
    assert o.link.suspicion is None
    with trio.move_on_after(0.25):
        await o.link.exchange_many(b"page", 4)
    assert not o.link.in_step
    with pytest.raises(ProtocolError, match="b'END' is no answer to b'page'"):
        await o.link.exchange_many(b"page", 4, lambda frames: frames[-1].isdigit())
    assert await o.link.exchange_many(b"page", 4) == [b"1", b"2", b"3", b"END"]


async def test_an_answer_without_end_ends_in_an_error(autojump_clock: MockClock) -> None:
    """L6."""
    o = await opened(device(*[(0.0, b"1\n" * 1000)] * 101), Manners())

    with pytest.raises(ProtocolError, match="b'1' is no answer to b'page'"):
        await o.link.exchange_many(b"page", lambda frame: frame == b"END")


# The same, declared by an instrument.


@attrs.define(eq=False)
class Oven(Instrument):
    """An instrument whose device needs and does all that."""

    resync = (BARRIER,)
    spacing = 0.1
    silence = 2.0
    busy = is_busy
    unsolicited = is_note

    @command(timeout=30)
    async def temperature(self) -> str:
        """Ask."""
        return await self.link.query("T?")


def oven(request: bytes) -> Says:
    """Be slow, and talkative."""
    if request == b"T?":
        return [(1.5, b"BUSY\n"), (0.1, b"!door open\n"), (1.5, b"BUSY\n"), (1.5, b"A T?\n")]
    return echo(request)


def supervised(device: Device, events: list[Event]) -> Supervisor:
    """Return a supervisor of an oven with this device."""

    def make() -> Oven:
        return Oven(Oven.link_to("nowhere", to(MemoryTransport(device))))

    spec = ChildSpec(name="oven", factory=make, actor_type=Oven)
    return Supervisor([spec], events.append, Random(1))  # noqa: S311 - repeatable, not secret


async def test_an_instrument_declares_all_of_it_in_its_class(autojump_clock: MockClock) -> None:
    """L3, L5: what the device says by itself is an event, in mid-exchange and while nobody asks."""
    events: list[Event] = []
    slow = Device(oven)
    supervisor = supervised(slow, events)
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run)
        ref = supervisor.ref("oven", Oven)
        assert await ref.ask(Oven.temperature()) == "A T?"
        slow.say([(0.5, b"!door \xb0\n")])
        await trio.sleep(1)
        assert [event.frame for event in events if isinstance(event, Unsolicited)] == [
            "!door open",
            "!door \\xb0",
        ]
        assert {event.instrument for event in events} == {"oven"}
        assert not any(isinstance(event, LinkSuspect | LinkInStep) for event in events)
        nursery.cancel_scope.cancel()


async def test_a_silent_device_ends_the_life_and_says_so(autojump_clock: MockClock) -> None:
    """L5, R12: the supervisor decides; a caller's own deadline would only have had the link resynced."""
    supervisor = supervised(device(), [])
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run)
        ref = supervisor.ref("oven", Oven)
        with pytest.raises(CommandTimeout):
            await ref.ask(Oven.temperature(), timeout=1.5)
        reply = ref.send(Oven.temperature())
        with pytest.raises(DeviceSilent, match="oven: nowhere: silent for 2 s"):
            await reply
        assert reply.outcome is Outcome.UNKNOWN
        nursery.cancel_scope.cancel()


async def test_who_talks_over_a_closed_link_is_told(autojump_clock: MockClock) -> None:
    o = await opened(Device(echo), Manners(silence=math.inf))
    await o.link.aclose()
    with pytest.raises(LinkLost, match="nowhere: the link is closed"):
        async with o.link.transaction():
            await o.link.exchange(b"a")
