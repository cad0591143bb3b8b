"""A shared bus: an actor that owns the port, and the links of the instruments that ask it."""

from __future__ import annotations

import abc
import math
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Annotated, ClassVar, TypeVar

import attrs
import trio

from labtroupe.actor import publish
from labtroupe.errors import ArgumentError, DeviceSilent, LinkLost, NoAnswer, ProtocolError, sentence
from labtroupe.instrument._attendance import Attendance
from labtroupe.instrument._hold import Hold, harmless
from labtroupe.instrument._instrument import Instrument
from labtroupe.instrument._resync import Quiet, Strategy
from labtroupe.instrument._tag import Tag
from labtroupe.messages import AttendanceChanged, Range, Unit, command

R = TypeVar("R")


@attrs.define(eq=False)
class Bus(Instrument, abc.ABC):
    """The base of all shared buses: owns the port, and asks one device after the other.

    A subclass declares how frames look, and in `address_in` which device one is for or from: devices
    on a bus do not wait for one another, so their answers have to be told apart.

    A device that does not answer is absent for a while: what is asked of it is refused at once.
    Then one request may try it again.  So it costs those that are there very little.

    Attributes:
        answer_timeout: Seconds within which a whole answer must have come.
        probe_every: Seconds that an address which was silent is left alone.
        lateness: Seconds after which no device on the bus answers any more.
        turnaround: Seconds that devices need after a request to all of them.
        longest_hold: Seconds for which one instrument may have the bus for itself.
    """

    gap: ClassVar[float] = 0.05
    """Seconds without a byte after which a frame that was begun does not go on."""

    answer_timeout: Annotated[float, Range(0.01, 60.0), Unit("s")] = 0.5
    probe_every: Annotated[float, Range(0.0), Unit("s")] = 10.0
    # It is waited for within `greeting_timeout`.
    lateness: Annotated[float, Range(0.0, 4.0), Unit("s")] = 1.0
    # "Modbus over Serial Line" V1.02, 2.4.1: typically 100 to 200 ms.
    turnaround: Annotated[float, Range(0.0, 60.0), Unit("s")] = 0.1
    # Half of what a safe state may take, which may have to wait for it.
    longest_hold: Annotated[float, Range(0.01, 60.0), Unit("s")] = 1.0
    _attendance: Attendance = attrs.field(
        default=attrs.Factory(lambda self: Attendance(self.probe_every), takes_self=True), init=False
    )

    @classmethod
    def strategies(cls) -> Sequence[Strategy]:
        """Return how to get in step: no noise, and no answer of another device than was asked."""
        return cls.resync or (
            Quiet(cls.gap),
            Tag(lambda request, answer: cls.address_in(request) == cls.address_in(answer), lateness=0.0),
        )

    @staticmethod
    @abc.abstractmethod
    def address_in(frame: bytes) -> bytes:
        """Return the part of a request or an answer that says which device it is for or from.

        Must not raise, whatever comes.
        """

    @abc.abstractmethod
    def sign_of_life(self, unit: int) -> bytes:
        """Return a request that does no harm, and that any device at this address answers somehow."""

    async def has_forgotten(self) -> bool | None:
        """Return that nothing is lost: a bus has no settings, and those on it speak for themselves."""
        return False

    async def on_open(self) -> None:
        """Wait until nothing comes any more of what was asked in a former life, or by somebody else."""
        await trio.sleep(self.lateness)

    # Not interruptible, like all that is said on a bus: an impatient caller would leave an answer
    # behind that is still to come, and nobody could say whether the device is silent.  It is over
    # soon, as `answer_timeout` says.
    @command(timeout=math.inf, interruptible=False)
    async def exchange(self, unit: int, request: bytes, *, insist: bool = False) -> bytes:
        """Ask the device at an address, and return its answer.

        Args:
            unit: The address.
            request: What to send, without framing; it is for this address.
            insist: Ask it even if it is absent.

        Raises:
            NoAnswer: There was none, or nothing sensible; or the device is absent, and was not asked.
            ArgumentError: It cannot be sent as one request, or is for another address.
            LinkLost: The connection broke.
        """
        self._check_address(unit, request)
        return await self._ask(unit, partial(self.link.exchange, request), insist=insist)

    @command(timeout=math.inf, interruptible=False)
    async def send(self, unit: int, request: bytes, *, insist: bool = False) -> None:
        """Send the device at an address a request to which it does not answer.

        Raises:
            NoAnswer: It is absent, and nothing was sent.
            ArgumentError: It cannot be sent as one request, or is for another address.
            LinkLost: The connection broke.
        """
        self._check_address(unit, request)
        await self._wait_askable(unit, insist=insist)
        await self._send(request)

    @command(timeout=math.inf, interruptible=False)
    async def broadcast(self, request: bytes) -> None:
        """Send all devices a request to which none answers, and give them `turnaround` to act on it.

        Args:
            request: What to send, without framing; it is for the address to which all listen.

        Raises:
            LinkLost: The connection broke.
        """
        await self._send(request)
        await trio.sleep(self.turnaround)

    @command(timeout=math.inf, interruptible=False)
    async def serve(self, hold: Hold) -> None:
        """Serve one instrument alone until it lets go, for `longest_hold` at most.

        Raises:
            CommandTimeout: It has not let go in time; what it has begun is finished.
        """
        await hold.serve(self, self.longest_hold)

    async def exchange_many(
        self,
        unit: int,
        request: bytes,
        until: int | Callable[[bytes], bool],
        accepts: Callable[[Sequence[bytes]], bool],
        *,
        insist: bool,
    ) -> list[bytes]:
        """Return an answer in several frames; see `Link.exchange_many`.  For those who hold the bus.

        All of them must have come within `answer_timeout`.

        Raises:
            LabtroupeError: Those of `exchange`.
        """
        self._check_address(unit, request)
        end = harmless(until) if callable(until) else until
        talk = partial(self.link.exchange_many, request, end, harmless(accepts))
        return await self._ask(unit, talk, insist=insist)

    @command(timeout=math.inf, interruptible=False, idempotent=True)
    async def look_for(self, unit: int) -> None:
        """See that there is a device at an address.

        Raises:
            NoAnswer: Nobody answers there.
            LinkLost: The connection broke.
        """
        await self.exchange(unit, self.sign_of_life(unit))

    def _check_address(self, unit: int, request: bytes) -> None:
        """Raise an error unless a request is for this address; the answer would not be its device's."""
        if self.address_in(request) != self.address_in(self.sign_of_life(unit)):
            raise ArgumentError(
                f"{request!r} is not for unit {unit}", remedy="Put the address of the unit into the request."
            )

    async def _wait_askable(self, unit: int, *, insist: bool) -> None:
        """Return if a device may be asked; one that is absent only if one insists, and then in time."""
        absence = self._attendance.of(unit)
        if absence is None:
            return
        now, next_try = trio.current_time(), self._attendance.next_try(absence)
        if insist:
            await trio.sleep_until(absence.owing_until)
        elif now < next_try:
            raise NoAnswer(f"unit {unit}: {absence.why}; it is asked again in {next_try - now:.1f} s")

    async def _ask(self, unit: int, talk: Callable[[], Awaitable[R]], *, insist: bool) -> R:
        """Have one exchange, and be in step after it, whatever the device does."""
        await self._wait_askable(unit, insist=insist)
        began, silent = trio.current_time(), True
        why = f"no answer within {self.answer_timeout:g} s"
        try:
            with trio.move_on_after(self.answer_timeout):
                answer = await talk()
                self._note_answer(unit)
                return answer
        except DeviceSilent as error:
            why = sentence(error)
        except ProtocolError as error:
            why, silent = sentence(error), False
        finally:
            # Whatever the way out, with a byte sent and no answer, one may still come.
            owing_until = trio.current_time() + self.lateness
            if not self.link.in_step:
                self._note_cut_off(unit, why, owing_until)
        await self.link.resync()
        if silent:
            self._attendance.note_silence(unit, why, owing_until, began, trio.current_time())
        raise NoAnswer(f"unit {unit}: {why}")

    async def _send(self, request: bytes) -> None:
        with trio.move_on_after(self.answer_timeout) as sending:
            await self.link.send(request)
        if sending.cancelled_caught:
            raise LinkLost(f"{request!r} could not be sent within {self.answer_timeout:g} s")

    def _note_answer(self, unit: int) -> None:
        if self._attendance.of(unit) is not None:
            publish(lambda name: AttendanceChanged(instrument=name, unit=unit))
        self._attendance.note_answer(unit)

    def _note_cut_off(self, unit: int, why: str, owing_until: float) -> None:
        if self._attendance.of(unit) is None:
            publish(lambda name: AttendanceChanged(instrument=name, unit=unit, reason=why))
        self._attendance.note_cut_off(unit, why, owing_until)


@attrs.define(eq=False)
class Addressed(Instrument):
    """The base of instruments that may be one of several on a bus; alone on a port, they work as well.

    Attributes:
        unit: The address of its device.
    """

    unit: int
