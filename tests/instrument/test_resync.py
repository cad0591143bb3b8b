"""Ways to get in step, in memory and in virtual time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs
import pytest
import trio
from trio.testing import MockClock

from labtroupe.errors import LinkLost, ProtocolError
from labtroupe.instrument import Barrier, DeviceClear, Link, Manners, Quiet, Strategy, Tag, Wire
from labtroupe.protocol import Echoed, Lines, modbus

from ._memory import Device, MemoryTransport, Says, to

BARRIER = Barrier(b"ID?", lambda answer: answer.startswith(b"ID "), lateness=1.0, budget=2.0)


def echo(request: bytes) -> Says:
    """Answer with the request."""
    return [(0.01, (b"ID echo" if request == b"ID?" else b"A " + request) + b"\n")]


def answers_echo(request: bytes, answer: bytes) -> bool:
    """Return whether an answer repeats its request."""
    return answer == b"A " + request


ECHO = Tag(answers_echo, lateness=1.0)
NUMBER = Tag(answers_echo, stamp=lambda request, number: request + b" %d" % number, count=4)


async def open_link(device: Device, *resync: Strategy, transport: MemoryTransport | None = None) -> Link:
    """Return an open link in step."""
    link = Link("nowhere", to(transport or MemoryTransport(device)), Manners(resync=resync))
    await link.open()
    await link.resync()
    return link


async def cut_off(asking: Callable[[], Awaitable[object]], after: float = 0.1) -> None:
    """Ask, and leave before there is an answer."""
    with trio.move_on_after(after) as scope:
        await asking()
    assert scope.cancelled_caught


async def test_strategies_are_tried_in_order_until_one_works(autojump_clock: MockClock) -> None:
    """L2."""
    device = Device(lambda request: () if request == b"A?" else echo(request))
    link = await open_link(device, Barrier(b"A?", lambda _: True, budget=0.5), BARRIER)

    assert await link.exchange(b"x") == b"A x"
    assert device.heard == [b"A?", b"ID?", b"x"]


async def test_when_none_works_the_link_is_lost_and_says_why(autojump_clock: MockClock) -> None:
    """L2: each within its own budget."""
    device = Device()
    transport = MemoryTransport(device, clears=None)
    link = Link("nowhere", to(transport), Manners(resync=(DeviceClear(budget=0.5), BARRIER)))
    await link.open()
    began = trio.current_time()

    with pytest.raises(LinkLost) as caught:
        await link.resync()
    assert str(caught.value) == (
        "nowhere: out of step (just opened): no device clear within 0.5 s; no answer to b'ID?' within 2 s"
    )
    assert trio.current_time() - began == pytest.approx(2.5)


async def test_a_device_that_is_cleared_owes_nothing(autojump_clock: MockClock) -> None:
    """L2, L4: it forgets the half of a command too."""
    device = Device(lambda request: [(5.0, b"late\n")] if request == b"slow" else echo(request))
    transport = MemoryTransport(device, clears=True)
    link = await open_link(device, DeviceClear(), transport=transport)
    await cut_off(lambda: link.exchange(b"slow"))

    assert await link.exchange(b"a") == b"A a"
    transport.room = 1
    await cut_off(lambda: link.exchange(b"bcd"))
    transport.room = 100
    assert await link.exchange(b"e") == b"A e"
    assert device.heard == [b"slow", b"a", b"e"]


async def test_a_port_without_device_clear_leaves_it_to_the_next(autojump_clock: MockClock) -> None:
    """L2."""
    device = Device(echo)
    link = await open_link(device, DeviceClear(), BARRIER)

    assert await link.exchange(b"a") == b"A a"
    assert device.heard == [b"ID?", b"a"]


async def test_quiet_waits_until_nothing_has_come_for_the_declared_lateness(
    autojump_clock: MockClock,
) -> None:
    """L2: from the last thing that came, and no longer."""
    device = Device(
        lambda request: [(0.9, b"A 1\n"), (0.9, b"A 2\n")] if request == b"slow" else echo(request)
    )
    link = await open_link(device, Quiet(1.0))
    began = trio.current_time()
    await cut_off(lambda: link.exchange(b"slow"))

    assert await link.exchange(b"fast") == b"A fast"
    assert trio.current_time() - began == pytest.approx(1.8 + 1.0 + 0.01)


async def test_half_an_answer_is_no_quiet(autojump_clock: MockClock) -> None:
    """L2: its other half may take as long again."""
    device = Device(lambda request: [(0.9, b"A sl"), (0.9, b"ow\n")] if request == b"slow" else echo(request))
    link = await open_link(device, Quiet(1.0))
    await cut_off(lambda: link.exchange(b"slow"))

    assert await link.exchange(b"fast") == b"A fast"


async def test_quiet_that_never_comes_loses_the_link(autojump_clock: MockClock) -> None:
    """L2, L6."""
    device = Device(echo)
    link = await open_link(device, Quiet(1.0, budget=5.0))
    device.say((0.5, b"bla\n") for _ in range(100))
    await trio.sleep(1)

    with pytest.raises(LinkLost, match="not quiet for 1 s within 5 s"):
        await link.resync()


async def test_quiet_drops_a_flood_of_short_frames_piece_by_piece(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L2: frame by frame it would take all the time there is."""
    device = Device(echo)
    link = await open_link(device, Quiet(1.0))
    device.say((0.1, b"bla\n" * 1000) for _ in range(10))
    taken: list[bytes] = []
    receive = Wire.receive_anything

    async def note(wire: Wire) -> bytes:
        taken.append(await receive(wire))
        return taken[-1]

    monkeypatch.setattr(Wire, "receive_anything", note)
    await trio.sleep(0.15)
    await link.resync()

    assert len(taken) == 9


@pytest.mark.parametrize(("lateness", "budget"), [(0.5, 2.0), (1.0, 2.0), (3.0, 6.0)])
def test_a_barrier_waits_for_as_long_as_its_device_may_be_late(lateness: float, budget: float) -> None:
    """L2: twice, as what was asked before is answered first."""
    assert Barrier(b"ID?", lambda _: True, lateness=lateness).budget == budget


@pytest.mark.parametrize("tag", [ECHO, NUMBER])
async def test_with_tags_a_late_answer_is_dropped_without_any_cost(
    autojump_clock: MockClock, tag: Tag
) -> None:
    """L2: nothing is sent and nothing is waited for."""
    device = Device(lambda request: [(0.5 if b"slow" in request else 0.01, b"A " + request + b"\n")])
    link = await open_link(device, tag)
    await cut_off(lambda: link.exchange(b"slow"), 0.1)
    began = trio.current_time()

    assert (await link.exchange(b"fast")).startswith(b"A fast")
    assert trio.current_time() - began == pytest.approx(0.4 + 0.01)
    assert len(device.heard) == 2


async def test_a_late_answer_between_two_exchanges_leaves_a_tagged_link_in_step(
    autojump_clock: MockClock,
) -> None:
    """L2."""
    device = Device(lambda request: [(0.5 if b"slow" in request else 0.01, b"A " + request + b"\n")])
    link = await open_link(device, ECHO)
    await cut_off(lambda: link.exchange(b"slow"))
    await link.resync()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(link.listen)
        await trio.sleep(1)
        assert link.in_step
        nursery.cancel_scope.cancel()
    assert await link.exchange(b"fast") == b"A fast"


async def test_an_echo_does_not_tell_two_same_requests_apart_so_the_second_waits(
    autojump_clock: MockClock,
) -> None:
    """L2: until the answer to the first can come no more."""
    count = 0

    def answer(request: bytes) -> Says:
        nonlocal count
        count += 1
        return [(0.9 if count == 1 else 0.01, b"%s=%d\n" % (request, count))]

    device = Device(answer)
    link = await open_link(device, Tag(lambda request, answer: answer.startswith(request + b"=")))
    await cut_off(lambda: link.exchange(b"T"))

    assert await link.exchange(b"T") == b"T=2"
    assert device.times[1] - device.times[0] == pytest.approx(1.0)


async def test_a_tag_survives_what_comes_twice(autojump_clock: MockClock) -> None:
    """L3: numbers come back only after all the others."""
    device = Device(lambda request: [(0.01, b"A " + request + b"\n"), (0.02, b"A " + request + b"\n")])
    link = await open_link(device, NUMBER)

    answers = [await link.exchange(b"x") for _ in range(9)]

    assert answers == [b"A x %d" % (number % 4) for number in range(9)]


@pytest.mark.parametrize("resync", [(BARRIER,), (Quiet(1.0),), (ECHO,)], ids=["barrier", "quiet", "tag"])
@pytest.mark.parametrize("taken", range(len(b"Q half\n")))
async def test_a_write_cut_short_at_any_byte_reaches_nobody_else(
    autojump_clock: MockClock, taken: int, resync: tuple[Strategy]
) -> None:
    """L4: half a command is ended, so that it swallows nothing, and nobody gets its answer."""
    device = Device(echo)
    transport = MemoryTransport(device)
    link = await open_link(device, *resync, transport=transport)
    device.heard.clear()
    transport.room = taken
    await cut_off(lambda: link.exchange(b"Q half"))
    transport.room = 1000

    assert await link.exchange(b"Q whole") == b"A Q whole"
    assert device.heard[0] == b"Q half"[:taken]
    assert device.heard[-1] == b"Q whole"


async def test_where_nothing_ends_half_a_request_tags_leave_it_to_the_next_way(
    autojump_clock: MockClock,
) -> None:
    """L2, L4: or the device takes the requests to come for the rest of it."""
    transport = MemoryTransport(Device(echo))
    manners = Manners(framing=modbus.Tcp(), resync=(Tag(),))
    link = Link("nowhere", to(transport), manners)
    await link.open()
    await link.resync()
    transport.room = 3
    await cut_off(lambda: link.exchange(b"\x01\x03\x00\x00\x00\x01"))
    transport.room = 1000

    with pytest.raises(LinkLost, match="nothing ends half a request"):
        await link.resync()


async def test_an_answer_to_half_of_the_barriers_query_is_no_barrier(autojump_clock: MockClock) -> None:
    """L2, L4: a command that begins like the query is answered like it, if no more of it was sent."""
    device = Device(lambda _: [(0.9 if len(device.heard) < 3 else 0.01, b"ID %d\n" % len(device.heard))])
    transport = MemoryTransport(device)
    link = await open_link(device, BARRIER, transport=transport)
    transport.room = 3
    await cut_off(lambda: link.exchange(b"ID? all of it"))
    transport.room = 1000

    assert await link.exchange(b"ID?") == b"ID %d" % len(device.heard)


async def test_an_answer_to_the_barriers_own_query_that_comes_twice_is_no_barrier(
    autojump_clock: MockClock,
) -> None:
    """L2: to count those that are owed is not enough."""

    def answer(_: bytes) -> Says:
        line = b"ID %d\n" % len(device.heard)
        return [(0.5, line + line)] if len(device.heard) == 2 else [(0.1, line)]

    device = Device(answer)
    link = await open_link(device, BARRIER)
    await cut_off(lambda: link.exchange(b"ID?"))

    assert await link.exchange(b"ID?") == b"ID 4"


async def test_a_barrier_that_is_given_up_half_way_leaves_its_answers_owed(autojump_clock: MockClock) -> None:
    """L2: one that came twice was counted for two."""

    def answer(_: bytes) -> Says:
        line = b"ID %d\n" % len(device.heard)
        return [(0.5, line + line)] if len(device.heard) == 2 else [(0.6, line)]

    device = Device(answer)
    link = await open_link(device, BARRIER)
    await cut_off(lambda: link.exchange(b"ID?"))
    await cut_off(link.resync, 0.6)

    assert await link.exchange(b"ID?") == b"ID 5"


async def test_where_nothing_is_declared_what_nobody_asked_for_has_to_end_too(
    autojump_clock: MockClock,
) -> None:
    """L1, L2: the rest of it may come over the port that was opened again."""
    device = Device(echo)
    link = await open_link(device)
    device.say([(0.1, b"A x\n"), (0.5, b"A x\n")])
    await trio.sleep(0.2)
    with pytest.raises(LinkLost):
        await link.exchange(b"a")
    again = link.successor()
    await again.open()

    assert await again.exchange(b"a") == b"A a"


@pytest.mark.parametrize("heard", range(len(b"A slow\n")))
async def test_an_exchange_cut_off_at_any_byte_of_its_answer_leaves_nothing(
    autojump_clock: MockClock, heard: int
) -> None:
    """L1, L2: however much of it has come."""
    answer = b"A slow\n"
    device = Device(
        lambda request: (
            [(0.01, answer[:heard]), (0.3, answer[heard:])] if request == b"slow" else echo(request)
        )
    )
    link = await open_link(device, BARRIER)
    await cut_off(lambda: link.exchange(b"slow"))

    assert await link.exchange(b"fast") == b"A fast"


async def test_a_cancellation_while_it_gets_in_step_leaves_it_suspect(autojump_clock: MockClock) -> None:
    """L1, L2."""
    device = Device(echo)
    link = await open_link(device, BARRIER)
    with pytest.raises(ProtocolError):
        await link.exchange(b"a", lambda _: False)

    await cut_off(lambda: link.exchange(b"b"), 0.005)
    assert not link.in_step
    assert await link.exchange(b"c") == b"A c"
    assert b"b" not in device.heard


@attrs.define(eq=False)
class ModbusDevice(Device):
    """Answers whatever it hears with how much that was; the first time late.

    Attributes:
        numbers: Those of the requests.
    """

    numbers: list[bytes] = attrs.field(factory=list[bytes])

    def hear(self, data: bytes) -> None:
        """Take a whole request."""
        self.numbers.append(data[:2])
        answer = data[:4] + b"\0\5\1\3\2\0" + bytes([len(self.numbers)])
        self.say([(0.5 if len(self.numbers) == 1 else 0.01, answer)])


@pytest.mark.parametrize(("lateness", "asked"), [(1.0, 0), (30.0, 1)])
async def test_what_is_owed_for_longer_than_a_device_can_be_late_is_forgotten_in_the_next_life(
    autojump_clock: MockClock, lateness: float, asked: int
) -> None:
    """P12, L2: and no sooner."""
    device = Device(lambda request: () if request == b"lost" else echo(request))
    link = await open_link(device, attrs.evolve(BARRIER, lateness=lateness))
    await cut_off(lambda: link.exchange(b"lost"))
    await trio.sleep(20)
    again = link.successor()
    await again.open()

    assert len(again._debts.owed) == asked


async def test_where_nothing_is_declared_a_port_that_was_opened_again_has_to_be_quiet(
    autojump_clock: MockClock,
) -> None:
    """L2, L4, P12: the device does not notice that it was closed, and answers all the same."""
    device = Device(lambda request: [(0.8, b"A late\n")] if request.startswith(b"slow") else echo(request))
    transport = MemoryTransport(device)
    link = await open_link(device, transport=transport)
    transport.room = 4
    await cut_off(lambda: link.exchange(b"slow"))
    with pytest.raises(LinkLost):
        await link.resync()
    transport.room = 1000
    again = link.successor()
    await again.open()

    assert await again.exchange(b"a") == b"A a"
    assert device.heard == [b"slow", b"a"]


async def test_where_nothing_is_declared_a_port_without_debts_is_used_at_once(
    autojump_clock: MockClock,
) -> None:
    """L2."""
    began = trio.current_time()
    link = await open_link(Device(echo))

    assert link.in_step
    assert trio.current_time() == began


async def test_where_the_framing_numbers_requests_nothing_else_is_needed(autojump_clock: MockClock) -> None:
    """L2: it drops what answers another; the same request is sent again at once."""
    device = ModbusDevice()
    link = Link("nowhere", to(MemoryTransport(device)), Manners(framing=modbus.Tcp(), resync=(Tag(),)))
    await link.open()
    request = modbus.read_holding_registers(1, 0)
    await cut_off(lambda: link.exchange(request))

    assert [await link.exchange(request) for _ in range(2)] == [b"\1\3\2\0\2", b"\1\3\2\0\3"]
    assert len(set(device.numbers)) == 3


@pytest.mark.parametrize("heard", range(11))
async def test_half_of_a_numbered_answer_is_waited_for_and_not_cut(
    autojump_clock: MockClock, heard: int
) -> None:
    """L2: the rest of it would look like the beginning of another."""
    device = ModbusDevice()
    link = Link("nowhere", to(MemoryTransport(device)), Manners(framing=modbus.Tcp(), resync=(Tag(),)))
    await link.open()
    request = modbus.read_holding_registers(1, 0)
    answer = b"\0\1\0\0\0\5\1\3\2\0\1"
    device.say([(0.01, answer[:heard]), (0.3, answer[heard:])])
    device.numbers.append(b"")
    await cut_off(lambda: link.exchange(request))

    assert await link.exchange(request) == b"\1\3\2\0\3"


async def test_half_of_a_numbered_answer_whose_rest_never_comes_is_dropped(autojump_clock: MockClock) -> None:
    """L2, L6."""
    device = ModbusDevice()
    link = Link("nowhere", to(MemoryTransport(device)), Manners(framing=modbus.Tcp(), resync=(Tag(),)))
    await link.open()
    device.say([(0.01, b"\0\1\0")])
    await trio.sleep(0.1)
    await link.resync()

    assert await link.exchange(modbus.read_holding_registers(1, 0)) == b"\1\3\2\0\1"


@attrs.define(eq=False)
class EchoingDevice(Device):
    """Repeats every byte, and then answers."""

    def hear(self, data: bytes) -> None:
        """Take bytes; an empty line has no answer."""
        self.say([(0.01, data)])
        *requests, self.half = (self.half + data).split(b"\n")
        for request in filter(None, requests):
            self.say(echo(request))


@pytest.mark.parametrize("taken", range(len(b"Q half\n")))
async def test_a_device_that_repeats_what_it_is_sent_gets_in_step_too(
    autojump_clock: MockClock, taken: int
) -> None:
    """L2, L4: echoes of what was cut off are no answers."""
    transport = MemoryTransport(EchoingDevice())
    link = Link("nowhere", to(transport), Manners(framing=Echoed(Lines()), resync=(BARRIER,)))
    await link.open()
    await link.resync()
    transport.room = taken
    await cut_off(lambda: link.exchange(b"Q half"))
    transport.room = 1000

    assert await link.exchange(b"Q whole") == b"A Q whole"


async def test_a_strategy_of_ones_own_is_a_class(autojump_clock: MockClock) -> None:
    """L2: what a device needs that nobody has thought of."""

    class Escape(Strategy):
        async def attempt(self, wire: Wire) -> str | None:
            await wire.send(b"", b"\x1b\n")
            return None

    device = Device(echo)
    link = await open_link(device, Escape())

    assert link.in_step
    assert device.heard == [b"\x1b"]
