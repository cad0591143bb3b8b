"""A shared bus: an actor that owns the port, and the links of the instruments that ask it."""

from __future__ import annotations

import abc
import math
from collections.abc import Callable
from typing import Annotated, ClassVar

import attrs
import trio

from labtroupe.actor import ActorRef, making_safe
from labtroupe.errors import CommandError, DeviceAbsent, DeviceSilent, NoAnswer, ProtocolError, sentence
from labtroupe.instrument._acquaintance import Acquaintance
from labtroupe.instrument._attendance import Attendance
from labtroupe.instrument._instrument import Instrument
from labtroupe.instrument._link import Link
from labtroupe.instrument._wire import Wire, anything, ignore
from labtroupe.messages import Range, Unit, command
from labtroupe.transport import Transport


@attrs.define(eq=False)
class Bus(Instrument, abc.ABC):
    """The base of all shared buses: owns the port, and asks one device after the other.

    A subclass declares how frames look, and in ``resync`` a `Tag` by which the answers of one
    address are told from those of the others: devices on a bus do not wait for one another.

    A device that does not answer is absent for a while: what is asked of it is refused at once.
    Then one request may try it again.  So it costs those that are there very little.

    Attributes:
        answer_timeout: Seconds within which a whole answer must have come.
        probe_every: Seconds that an address which was silent is left alone.
    """

    lateness: ClassVar[float] = 1.0
    """Seconds after which no device on the bus answers any more."""

    answer_timeout: Annotated[float, Range(0.01, 60.0), Unit("s")] = 0.5
    probe_every: Annotated[float, Range(0.0), Unit("s")] = 10.0
    _attendance: Attendance = attrs.field(
        default=attrs.Factory(lambda self: Attendance(self.probe_every), takes_self=True), init=False
    )

    @abc.abstractmethod
    def sign_of_life(self, unit: int) -> bytes:
        """Return a request that does no harm, and that any device at this address answers somehow."""

    async def on_open(self) -> None:
        """Wait until nothing comes any more of what was asked in a former life, or by somebody else."""
        await trio.sleep(self.lateness)

    # Not interruptible: an impatient caller would leave an answer behind that is still to come, and
    # nobody could say whether the device is silent.  It is over soon, as `answer_timeout` says.
    @command(timeout=math.inf, interruptible=False)
    async def exchange(self, unit: int, request: bytes, *, insist: bool = False) -> bytes:
        """Ask the device at an address, and return its answer.

        Args:
            unit: The address.
            request: What to send, without framing; it is for this address.
            insist: Ask it even if it is absent.

        Raises:
            NoAnswer: There was none, or nothing sensible; or the device is absent, and was not asked.
            LinkLost: The connection broke.
        """
        absence = self._attendance.of(unit)
        if absence is not None:
            now, next_try = trio.current_time(), self._attendance.next_try(absence)
            if insist:
                await trio.sleep_until(absence.owing_until)
            elif now < next_try:
                raise NoAnswer(f"unit {unit}: {absence.why}; it is asked again in {next_try - now:.1f} s")
        return await self._ask(unit, request)

    @command(timeout=math.inf, interruptible=False, idempotent=True)
    async def look_for(self, unit: int) -> None:
        """See that there is a device at an address.

        Raises:
            NoAnswer: Nobody answers there.
            LinkLost: The connection broke.
        """
        await self.exchange(unit, self.sign_of_life(unit))

    async def _ask(self, unit: int, request: bytes) -> bytes:
        """Have one exchange, and be in step after it, whatever the device does."""
        began, silent = trio.current_time(), True
        why = f"no answer within {self.answer_timeout:g} s"
        try:
            with trio.move_on_after(self.answer_timeout):
                answer = await self.link.exchange(request)
                self._attendance.note_answer(unit)
                return answer
        except DeviceSilent as error:
            why = sentence(error)
        except ProtocolError as error:
            why, silent = sentence(error), False
        finally:
            # Whatever the way out, with a byte sent and no answer, one may still come.
            owing_until = trio.current_time() + self.lateness
            if not self.link.in_step:
                self._attendance.note_cut_off(unit, why, owing_until)
        await self.link.resync()
        if silent:
            self._attendance.note_silence(unit, why, owing_until, began, trio.current_time())
        raise NoAnswer(f"unit {unit}: {why}")


@attrs.define(eq=False)
class Addressed(Instrument):
    """The base of instruments that may be one of several on a bus; alone on a port, they work as well.

    Attributes:
        unit: The address of its device.
    """

    unit: int


async def _no_port() -> Transport:
    raise AssertionError("the port is the bus's")


@attrs.define(eq=False)
class BusLink(Link):
    """The way to one device on a bus: asks the actor that owns the port.

    It asks one thing at a time.  So each link has at most one request in the mailbox of the bus,
    which serves them in the order in which they have come: nobody gets a second turn before all
    others who wait have had one.

    Attributes:
        bus: Returns the ref to the bus, once there is one.
        unit: The address of the device.
    """

    bus: Callable[[], ActorRef[Bus]] = attrs.field(kw_only=True)
    unit: int = attrs.field(kw_only=True)

    @classmethod
    def to(cls, bus: Callable[[], ActorRef[Bus]], unit: int, name: str, identity: str = "") -> BusLink:
        """Return the link to the device at an address of the bus with this name.

        Args:
            bus: Returns the ref to the bus, once there is one.
            unit: The address of the device.
            name: What the bus is called, for people.
            identity: Who the device must say it is; see `Instrument.link_to`.
        """
        place, acquaintance = f"{name}, unit {unit}", Acquaintance(identity)
        return cls(place, _no_port, acquaintance=acquaintance, bus=bus, unit=unit)

    @property
    def heritable(self) -> bool:
        """Whether the next life has anything to take over: no, the port is the bus's."""
        return False

    async def open(self, on_unsolicited: Callable[[bytes], None] = ignore) -> None:  # noqa: ARG002 - there are none
        """Do nothing: the bus has the port open."""
        await trio.lowlevel.checkpoint()

    async def resync(self) -> None:
        """See that the device is there; nothing can be owed, as the bus is in step.

        Raises:
            DeviceAbsent: It does not answer, or the bus is not running.
        """
        async with self._turns:
            if self.in_step:
                return
            try:
                await self.bus().ask(Bus.look_for(self.unit))
            except CommandError as error:
                raise DeviceAbsent(str(error)) from error
            self.suspicion = None

    async def listen(self) -> None:
        """Do nothing until cancelled: the bus listens."""
        await trio.sleep_forever()

    async def exchange(self, request: bytes, accepts: Callable[[bytes], bool] = anything) -> bytes:
        """Have the bus send a request, and return the answer; see `Link.exchange`.

        In a safe state the device is asked even if it is absent.

        Raises:
            DeviceAbsent: It does not answer, or it has not lately, and nothing was sent.
            ProtocolError: What came back is not an answer to this request.
            CommandError: The bus has refused it.
        """
        async with self._turns:
            message = Bus.exchange(self.unit, request, insist=making_safe.get())
            try:
                answer = await self.bus().ask(message)
            except NoAnswer as error:
                raise DeviceAbsent(str(error)) from error
            if not accepts(answer):
                raise self._no_answer(answer, request)
        return answer

    async def _ask(self, request: bytes) -> tuple[Wire, bytes]:
        raise TypeError(f"{self.address}: a bus takes requests that have one answer, not {request!r}")
