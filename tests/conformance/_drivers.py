"""A good driver, the ways to break it, and one that was written without a thought of what may go wrong."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, BinaryIO, ClassVar, Final

import attrs
import trio

from labtroupe import Barrier, Instrument, Lines, Link, Range, Unit, background, command, reading
from labtroupe.errors import CommandRefused, LinkError, LinkLost, ProtocolError
from labtroupe.instrument import Reattach, Wire
from labtroupe.instrument._acquaintance import Acquaintance
from labtroupe.protocol import Framing
from labtroupe.simulation import LineDevice
from labtroupe.transport import Transport

Celsius = Annotated[float, Range(0.0, 100.0), Unit("degC")]


@attrs.define(eq=False)
class Bath(LineDevice):
    """A bath that keeps a temperature.

    Attributes:
        set_point: What it keeps, in degrees Celsius.
    """

    has_identity: ClassVar[bool] = True

    set_point: float = attrs.field(default=20.0, init=False)

    def power_on(self) -> None:
        """Begin at 20 degrees."""
        self.set_point = 20.0

    def answer(self, request: bytes) -> bytes | None:
        """Answer."""
        match request.split():
            case [b"ID?"]:
                return b"BATH 4712" if self.disguised else b"BATH 4711"
            case [b"T?"]:
                return b"%.2f" % self.set_point
            case [b"T", value]:
                self.set_point = float(value)
                return b"OK"
            case _:
                return None


def is_identity(answer: bytes) -> bool:
    """Return whether an answer is one to ``ID?``."""
    return answer.startswith(b"BATH ")


def is_ok(answer: bytes) -> bool:
    """Return whether an answer is one to a command."""
    return answer == b"OK"


def is_number(answer: bytes) -> bool:
    """Return whether an answer is a number."""
    return answer.replace(b".", b"").isdigit()


@attrs.frozen
class Kept:
    """What was set."""

    celsius: float


@attrs.define(eq=False)
class Good(Instrument):
    """A driver that does it right."""

    framing: ClassVar[Framing] = Lines(b"\n")
    resync = (Barrier(b"ID?", is_identity),)

    async def ask_identity(self) -> str:
        """Return who it says it is."""
        return await self.link.query("ID?", is_identity)

    async def has_forgotten(self) -> bool | None:
        """Return whether it does not keep what was set."""
        was = self.recall(Kept)
        return None if was is None else await self._read() != was.celsius

    async def restore(self) -> None:
        """Keep again what was set."""
        was = self.recall(Kept)
        if was is not None:
            await self._set(was.celsius)

    async def safe_state(self) -> None:
        """Cool down."""
        self.remember(None)
        await self._set(0.0)

    @reading
    async def temperature(self) -> Annotated[float, Unit("degC")]:
        """Read the temperature."""
        return await self._read()

    @command
    async def keep(self, celsius: Celsius) -> None:
        """Keep a temperature."""
        self.remember(None)
        await self._set(celsius)
        self.remember(Kept(celsius))

    async def _read(self) -> float:
        return float(await self.link.query("T?", is_number))

    async def _set(self, celsius: float) -> None:
        await self.link.query(f"T {celsius:.2f}", is_ok)


@attrs.define(eq=False)
class Believing(Link):
    """A link that takes itself for in step, whatever has happened."""

    async def _get_in_step(self, wire: Wire) -> None:  # noqa: ARG002 - it does not look
        await trio.lowlevel.checkpoint()
        self.suspicion = None


@attrs.define(eq=False)
class Flushing(Link):
    """A link that drops what has come before it asks, and thinks that is all."""

    async def _get_in_step(self, wire: Wire) -> None:
        await trio.lowlevel.checkpoint()
        while wire.take_stray() is not None:
            wire.drop_input()
        self.suspicion = None


def linked_by(link_type: type[Link]) -> Callable[..., Link]:
    """Return what makes links of a class."""

    def link_to(
        cls: type[Instrument],
        address: str,
        connect: Callable[[], Awaitable[Transport]],
        identity: str = "",
        reattach: Reattach = Reattach.ADOPT,
    ) -> Link:
        made = Instrument.link_to.__func__(cls, address, connect, identity, reattach)  # type: ignore[attr-defined]
        return link_type(address, connect, made.manners, acquaintance=Acquaintance(identity, reattach))

    return classmethod(link_to)  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


@attrs.define(eq=False)
class WithoutResync(Good):
    """Does not get in step again."""

    link_to = linked_by(Believing)


@attrs.define(eq=False)
class FlushesOnly(Good):
    """Drops what has come, instead of getting in step."""

    link_to = linked_by(Flushing)


@attrs.define(eq=False)
class OwnTimeout(Good):
    """Waits for as long as it thinks right, and then makes something up."""

    @reading
    async def temperature(self) -> float:
        """Read the temperature."""
        with trio.move_on_after(0.5):
            return await self._read()
        return math.nan


@attrs.define(eq=False)
class SwallowsErrors(Good):
    """Has an answer for everything."""

    @reading
    async def temperature(self) -> float:
        """Read the temperature."""
        try:
            return await self._read()
        except (LinkError, ValueError):
            return 0.0


@attrs.define(eq=False)
class IgnoresCancel(Good):
    """Tries again whatever happens."""

    @reading
    async def temperature(self) -> float:
        """Read the temperature."""
        while True:
            try:
                return await self._read()
            except trio.Cancelled:
                continue


@attrs.define(eq=False)
class ShieldsItself(Good):
    """Cannot be cancelled while it waits."""

    @reading
    async def temperature(self) -> float:
        """Read the temperature."""
        with trio.CancelScope(shield=True):
            return await self._read()
        return math.nan


@attrs.define(eq=False)
class NotesTooEarly(Good):
    """Takes for set what it is about to set."""

    @command
    async def keep(self, celsius: Celsius) -> None:
        """Keep a temperature."""
        self.remember(Kept(celsius))
        await self._set(celsius)


@attrs.define(eq=False)
class StateBeforeReply(Good):
    """Has set what the device has still to acknowledge."""

    target: float = attrs.field(default=20.0, init=False)

    @command
    async def keep(self, celsius: Celsius) -> None:
        """Keep a temperature."""
        self.target = celsius
        self.remember(None)
        await self._set(celsius)
        self.remember(Kept(celsius))


@attrs.define(eq=False)
class AsksNobody(Good):
    """Does not look who is there."""

    async def on_start(self) -> None:
        """Open the link, and that is all."""
        await self.link.open(self.on_unsolicited)
        await self.link.resync()


@attrs.define(eq=False)
class Blocks(Good):
    """Has everybody wait."""

    async def _read(self) -> float:
        time.sleep(0.04)  # noqa: ASYNC251 - that is what is wrong
        return await super()._read()


@attrs.define(eq=False)
class BlocksWhenTold(Good):
    """Has everybody wait, now and then."""

    @command
    async def keep(self, celsius: Celsius) -> None:
        """Keep a temperature."""
        time.sleep(0.04)  # noqa: ASYNC251 - that is what is wrong
        await super().keep(celsius)


@attrs.define(eq=False)
class Hangs(Good):
    """Has everybody wait for ever."""

    async def _read(self) -> float:
        ENOUGH.wait()
        return await super()._read()


@attrs.define(eq=False)
class LeavesOpen(Good):
    """Closes only what has started."""

    _ready: bool = attrs.field(default=False, init=False)

    async def on_start(self) -> None:
        """Open the link."""
        await super().on_start()
        self._ready = True

    async def on_stop(self) -> None:
        """Close it, perhaps."""
        if self._ready:
            await super().on_stop()


@attrs.define(eq=False)
class KeepsAll(Good):
    """Waits for the end of a line for ever."""

    framing = Lines(b"\n", max_length=1_000_000_000)


@attrs.define(eq=False)
class LeaksThreads(Good):
    """Begins a thread in each life, and ends none."""

    async def on_start(self) -> None:
        """Begin a thread."""
        await super().on_start()
        THREADS.append(threading.Thread(target=ENOUGH.wait, daemon=True))
        THREADS[-1].start()


ENOUGH: Final = threading.Event()
"""Set when those threads may end."""
THREADS: Final[list[threading.Thread]] = []
"""They."""


@attrs.define(eq=False)
class LeaksFiles(Good):
    """Opens a file in each life, and closes none."""

    async def on_start(self) -> None:
        """Open a file."""
        await super().on_start()
        FILES.append(Path("/dev/null").open("rb"))  # noqa: ASYNC230, SIM115 - that is what is wrong


@attrs.define(eq=False)
class LeaksPerCommand(Good):
    """Opens a file for each command, and closes none."""

    @command
    async def keep(self, celsius: Celsius) -> None:
        """Keep a temperature, and a file."""
        FILES.append(Path("/dev/null").open("rb"))  # noqa: ASYNC230, SIM115 - that is what is wrong
        await super().keep(celsius)


@attrs.define(eq=False)
class LeaksTasks(Good):
    """Begins a task in each life that does not end with it."""

    async def on_start(self) -> None:
        """Begin a task."""
        await super().on_start()
        trio.lowlevel.spawn_system_task(trio.sleep_forever)


@attrs.define(eq=False)
class LeaksUnstarted(Good):
    """Opens a file that it closes only if it has started."""

    _log: BinaryIO | None = attrs.field(default=None, init=False)
    _ready: bool = attrs.field(default=False, init=False)

    async def on_start(self) -> None:
        """Open a file."""
        self._log = Path("/dev/null").open("rb")  # noqa: ASYNC230, SIM115 - that is what is wrong
        FILES.append(self._log)
        await super().on_start()
        self._ready = True

    async def on_stop(self) -> None:
        """Close it, perhaps."""
        if self._ready and self._log is not None:
            self._log.close()
        await super().on_stop()


@attrs.define(eq=False)
class RestoresNothing(Good):
    """Says that it can bring back what was set."""

    async def restore(self) -> None:
        """Do not."""


@attrs.define(eq=False)
class ResetsNothing(Good):
    """Says that it can bring its device where it begins."""

    async def reset_device(self) -> None:
        """Do not."""


@attrs.define(eq=False)
class NeverForgets(Good):
    """Thinks that its device keeps everything."""

    async def has_forgotten(self) -> bool | None:
        """Return that it has not."""
        return False


@attrs.define(eq=False)
class RemembersNothing(Good):
    """Has nothing that could be brought back."""

    @command
    async def keep(self, celsius: Celsius) -> None:
        """Keep a temperature."""
        await self._set(celsius)


FILES: Final[list[BinaryIO]] = []
"""They."""


@attrs.define(eq=False)
class TakesAnybody(Good):
    """Does not mind who it was before."""

    async def _greet(self) -> None:
        self.link.acquaintance.met = ""
        await super()._greet()


@attrs.define(eq=False)
class Deaf(Good):
    """Does not listen while there is nothing to do."""

    @background
    async def _listen(self) -> None:
        await trio.sleep_forever()


@attrs.define(eq=False)
class NeverSafe(Good):
    """Has a safe state that the device does not know."""

    async def safe_state(self) -> None:
        """Say so."""
        raise CommandRefused("it is still warm")


@attrs.define(eq=False)
class Crashes(Good):
    """Has a fault in its code."""

    async def _read(self) -> float:
        return await super()._read() / 0


@attrs.define(eq=False)
class CrashesWhenTold(Good):
    """Has one elsewhere."""

    @command
    async def keep(self, celsius: Celsius) -> None:
        """Keep a temperature."""
        raise KeyError(celsius)


@attrs.define(eq=False)
class Pieces(Link):
    """A link that takes the first piece of an answer for all of it."""

    async def query(self, request: str, accepts: Callable[[bytes], bool] = is_ok) -> str:
        """Write, and read what there is."""
        wire, _ = await self._ask(request.encode())
        answer = await wire._transport.receive()
        self._trust()
        return answer.decode().strip() if accepts(answer.strip()) else ""


@attrs.define(eq=False)
class TakesPieces(Good):
    """Takes the first piece of an answer for all of it."""

    link_to = linked_by(Pieces)


@attrs.define(eq=False)
class StopsSlowly(Good):
    """Leaves its port open when it is stopped."""

    async def on_stop(self) -> None:
        """Forget to close it."""


@attrs.define(eq=False)
class FinishesFirst(Good):
    """Does not care for a halt, for a while."""

    async def _read(self) -> float:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 5):
            return await super()._read()
        return math.nan


@attrs.define(eq=False)
class GivesUp(Good):
    """Never asks again once an answer was wrong."""

    _hopeless: ClassVar[list[object]] = []

    async def _read(self) -> float:
        links = self._hopeless
        if self.link.recorder in links:
            raise CommandRefused("it was wrong once")
        try:
            return await super()._read()
        except ProtocolError:
            links.append(self.link.recorder)
            raise


@attrs.define(eq=False)
class TakesAnything(Good):
    """Takes whatever comes for an acknowledgement."""

    async def _set(self, celsius: float) -> None:
        await self.link.query(f"T {celsius:.2f}")


@attrs.define(eq=False)
class Hopes(Good):
    """Thinks that what was to be sent will have arrived."""

    @reading
    async def temperature(self) -> float:
        """Read the temperature, or do not."""
        with trio.move_on_after(1):
            return await self._read()
        return math.nan


@attrs.define(eq=False)
class Cached(Good):
    """Asks once, and then knows."""

    _known: float | None = attrs.field(default=None, init=False)

    @reading
    async def temperature(self) -> float:
        """Read the temperature, at first."""
        if self._known is None:
            self._known = await self._read()
        return self._known


@attrs.define(eq=False)
class ForgetsAwait(Good):
    """Gives what has still to be done."""

    @reading
    async def temperature(self) -> float:
        """Read the temperature, later."""
        return self._read()  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


@attrs.define(eq=False)
class ForgetsToWait(Good):
    """Calls what does it, and does not await it."""

    @command
    async def keep(self, celsius: Celsius) -> None:
        """Keep a temperature, or rather not."""
        self._set(celsius)  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]


@attrs.define(eq=False)
class Misspelt(Good):
    """Keeps something that it has no field for."""

    def __init__(self, link: Link) -> None:
        """Keep it."""
        self.volume = link  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


@attrs.define(eq=False)
class GivesText(Good):
    """Gives what has come, as it is."""

    @reading
    async def temperature(self) -> float:
        """Read the temperature."""
        answer: object = await self.link.query("T?", is_number)
        return answer  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


@attrs.define(eq=False)
class RefusesAll(Good):
    """Takes whatever goes wrong for a no."""

    async def _read(self) -> float:
        try:
            return await super()._read()
        except ProtocolError as error:
            raise CommandRefused(str(error)) from error


@attrs.define(eq=False)
class GivesLast(Good):
    """Has a value also of a device that is gone."""

    _last: float = attrs.field(default=20.0, init=False)

    @reading
    async def temperature(self) -> float:
        """Read the temperature, if that can be."""
        with suppress(LinkLost):
            self._last = await self._read()
        return self._last


@attrs.define(eq=False)
class ActsWhenCut(Good):
    """Takes what was cut off for done."""

    @command
    async def keep(self, celsius: Celsius) -> None:
        """Keep a temperature."""
        self.remember(None)
        try:
            await self._set(celsius)
        finally:
            self.remember(Kept(celsius))


@attrs.define(eq=False)
class SwallowsInCommand(Good):
    """Has done it, whatever happens."""

    @command
    async def keep(self, celsius: Celsius) -> None:
        """Keep a temperature."""
        with suppress(LinkError):
            await self._set(celsius)


@attrs.define(eq=False)
class AsksAgain(Good):
    """Tries once more where nobody knows whether it was done."""

    @command
    async def keep(self, celsius: Celsius) -> None:
        """Keep a temperature."""
        try:
            await self._set(celsius)
        except ProtocolError:
            await self._set(celsius)


@attrs.define(eq=False)
class KeepsLock(Good):
    """Takes what it does not give back."""

    _lock: trio.Lock = attrs.field(factory=trio.Lock, init=False)

    @command
    async def keep(self, celsius: Celsius) -> None:
        """Keep a temperature."""
        await self._lock.acquire()
        await self._set(celsius)
        self._lock.release()


@attrs.define(eq=False)
class KeepsOldMemory(Good):
    """Takes the last that it knows of for set, whatever came after it."""

    @command
    async def keep(self, celsius: Celsius) -> None:
        """Keep a temperature."""
        await self._set(celsius)
        self.remember(Kept(celsius))


@attrs.define(eq=False)
class OnlySays(Good):
    """Is safe as soon as it has said so."""

    async def safe_state(self) -> None:
        """Say so."""
        await self.link.write("T 0.00")


@attrs.define(eq=False)
class SafeWhenUsed(Good):
    """Thinks that a device is safe that it has not touched."""

    _used: bool = attrs.field(default=False, init=False)

    async def safe_state(self) -> None:
        """Cool down, perhaps."""
        if self._used:
            await super().safe_state()

    async def _read(self) -> float:
        self._used = True
        return await super()._read()


@attrs.define(eq=False)
class BeginsAnew(Good):
    """Sets its device whenever it has opened it, also in the midst of something."""

    async def on_open(self) -> None:
        """Set it."""
        await self._set(20.0)


@attrs.define(eq=False)
class SetsToGetInStep(Good):
    """Gets in step by what changes the device."""

    resync = (Barrier(b"T 20.00", is_ok),)


@attrs.define(eq=False)
class OpensShielded(Good):
    """Cannot be stopped while it starts."""

    async def on_open(self) -> None:
        """Read, whatever happens."""
        with trio.CancelScope(shield=True):
            await self._read()


@attrs.define(eq=False)
class StopsShielded(Good):
    """Says goodbye first, however long it takes."""

    async def on_stop(self) -> None:
        """Read, whatever happens, and close."""
        with trio.CancelScope(shield=True), suppress(LinkError):
            await self._read()
        await super().on_stop()


@attrs.define(eq=False)
class SafeInTurn(Good):
    """Waits until a command is done, before it makes anything safe."""

    # Not a lock, which one task cannot take twice.
    _turn: trio.Semaphore = attrs.field(factory=lambda: trio.Semaphore(1), init=False)

    async def safe_state(self) -> None:
        """Cool down, when nothing else is done."""
        await self._turn.acquire()
        await super().safe_state()
        self._turn.release()

    @command
    async def keep(self, celsius: Celsius) -> None:
        """Keep a temperature."""
        await self._turn.acquire()
        await self._set(celsius)
        self._turn.release()


@attrs.define(eq=False)
class ClosesWhatWorks(Good):
    """Thinks that there is nothing to close where the device is gone."""

    async def on_stop(self) -> None:
        """Close it, perhaps."""
        wire = self.link._wire
        with suppress(LinkLost):
            if wire is not None:
                wire._transport.receive_nowait()
            await super().on_stop()


@attrs.define(eq=False)
class Broken(Bath):
    """A simulator with a fault in its code."""

    def answer(self, request: bytes) -> bytes | None:
        """Fail."""
        raise ZeroDivisionError(request)


@attrs.define(eq=False)
class NaiveLink(Link):
    """Writes, reads what there is, and hopes."""

    _port: Transport | None = attrs.field(default=None, init=False)

    async def open(self, on_unsolicited: Callable[[bytes], None] = lambda _: None) -> None:  # noqa: ARG002 - no
        """Open the port."""
        self._port = await self._connect()
        self.suspicion = None

    async def aclose(self) -> None:
        """Close it."""
        if self._port is not None:
            await self._port.aclose()

    async def exchange(self, request: bytes, accepts: Callable[[bytes], bool] = is_ok) -> bytes:  # noqa: ARG002 - no
        """Write and read."""
        if self._port is None:
            raise LinkLost("not open")
        await self._port.send(request + b"\n")
        with trio.move_on_after(1):
            return (await self._port.receive()).strip()
        return b""

    async def query(self, request: str, accepts: Callable[[bytes], bool] = is_ok) -> str:
        """Write and read text."""
        return (await self.exchange(request.encode(), accepts)).decode("ascii", "replace")

    async def resync(self) -> None:
        """Think nothing of it."""
        await trio.lowlevel.checkpoint()

    async def listen(self) -> None:
        """Do not listen."""
        await trio.sleep_forever()


@attrs.define(eq=False)
class Naive(Instrument):
    """As one writes it on the first evening."""

    link_to = linked_by(NaiveLink)
    _started: bool = attrs.field(default=False, init=False)

    async def on_start(self) -> None:
        """Open the port, and see that somebody is there."""
        await self.link.open()
        if not (await self.link.query("ID?")).startswith("BATH"):
            raise ValueError("this is no bath")
        self._started = True

    async def on_stop(self) -> None:
        """Close the port."""
        if self._started:
            await self.link.aclose()

    async def ask_identity(self) -> str:
        """Return who it says it is."""
        return await self.link.query("ID?")

    async def safe_state(self) -> None:
        """Cool down."""
        await self.link.query("T 0")

    @reading
    async def temperature(self) -> float:
        """Read the temperature."""
        try:
            return float(await self.link.query("T?"))
        except ValueError:
            return math.nan

    @command
    async def keep(self, celsius: Celsius) -> None:
        """Keep a temperature."""
        self.remember(Kept(celsius))
        await self.link.query(f"T {celsius:.2f}")
