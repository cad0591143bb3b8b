"""The link of an instrument on a shared bus: it asks the actor that owns the port."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

import attrs
import trio

from labtroupe.actor import ActorRef, making_safe
from labtroupe.errors import CommandError, DeviceAbsent, NoAnswer, bare, sentence
from labtroupe.escape import Escape
from labtroupe.instrument._acquaintance import Acquaintance, Reattach
from labtroupe.instrument._bus import Bus
from labtroupe.instrument._hold import Hold
from labtroupe.instrument._link import Link
from labtroupe.instrument._wire import anything, ignore
from labtroupe.messages import Message
from labtroupe.transport import Transport

R = TypeVar("R")


async def _no_port() -> Transport:
    raise AssertionError("the port is the bus's")


@attrs.define(eq=False)
class BusLink(Link):
    """The way to one device on a bus.

    It asks one thing at a time.  So each link has at most one request in the mailbox of the bus,
    which serves them in the order in which they have come: nobody gets a second turn before all
    others who wait have had one.  In a safe state the device is asked even if it is absent.

    Attributes:
        bus: Returns the ref to the bus, once there is one.
        unit: The address of the device.
    """

    bus: Callable[[], ActorRef[Bus]] = attrs.field(kw_only=True)
    unit: int = attrs.field(kw_only=True)
    # In a transaction, once it is our turn.
    _hold: Hold | None = attrs.field(default=None, init=False)

    @classmethod
    def to(
        cls,
        bus: Callable[[], ActorRef[Bus]],
        unit: int,
        name: str,
        identity: str = "",
        reattach: Reattach = Reattach.ADOPT,
    ) -> BusLink:
        """Return the link to the device at an address of the bus with this name.

        Args:
            bus: Returns the ref to the bus, once there is one.
            unit: The address of the device.
            name: What the bus is called, for people.
            identity: Who the device must say it is; see `Instrument.link_to`.
            reattach: What is done when the device comes back.
        """
        place, acquaintance = f"{name}, unit {unit}", Acquaintance(identity, reattach)
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
                await self._ask_bus(Bus.look_for(self.unit))
            except CommandError as error:
                raise DeviceAbsent(str(error)) from error
            self.suspicion = None

    async def listen(self) -> None:
        """Do nothing until cancelled: the bus listens."""
        await trio.sleep_forever()

    async def exchange(self, request: bytes, accepts: Callable[[bytes], bool] = anything) -> bytes:
        """Have the bus send a request, and return the answer; see `Link.exchange`.

        Raises:
            DeviceAbsent: It does not answer, or it has not lately, and nothing was sent.
            ProtocolError: What came back is not an answer to this request.
            CommandError: The bus has refused it.
        """
        async with self._turns:
            answer = await self._ask_bus(Bus.exchange(self.unit, request, insist=making_safe.get()))
            if not accepts(answer):
                raise self._no_answer(answer, request)
        return answer

    async def exchange_many(
        self,
        request: bytes,
        until: int | Callable[[bytes], bool],
        accepts: Callable[[Sequence[bytes]], bool] = anything,
    ) -> list[bytes]:
        """Have the bus send a request, and return the answer in several frames; see `Link.exchange_many`.

        Raises:
            DeviceAbsent: Not all of an answer has come, or the device has not answered lately, and
                nothing was sent.
            CommandError: The bus has refused it.
        """
        insist = making_safe.get()
        async with self._turns, self._alone() as hold:
            with self._absence():
                return await hold.ask(
                    lambda bus: bus.exchange_many(self.unit, request, until, accepts, insist=insist)
                )

    async def send(self, request: bytes) -> None:
        """Have the bus send a request to which the device does not answer.

        Raises:
            DeviceAbsent: It has not answered lately, and nothing was sent.
            CommandError: The bus has refused it.
        """
        async with self._turns:
            await self._ask_bus(Bus.send(self.unit, request, insist=making_safe.get()))

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[None]:
        """Have the bus for several exchanges, with nobody else's between them; see `Link.transaction`.

        The others on the bus wait meanwhile, for `Bus.longest_hold` at most.

        Raises:
            CommandTimeout: It has lasted longer than that; what has not been sent by then never is.
            CommandError: The bus has refused it.
        """
        # Left by whatever way it leaves nothing suspect: the bus finishes what is on the wire.
        async with self._turns, self._alone():
            yield

    @asynccontextmanager
    async def _alone(self) -> AsyncGenerator[Hold]:
        """Have the bus for oneself in the body; what that raises comes out as it is, in no group."""
        if self._hold is not None:
            yield self._hold
            return
        escape = Escape()
        try:
            async with self._holding() as hold:
                with escape.carry():
                    yield hold
        except* Exception as group:  # noqa: BLE001 - released below
            # Why the bus serves us no more, and so why the body was cancelled.
            escape.error = escape.error or bare(group)
        escape.release()

    @asynccontextmanager
    async def _holding(self) -> AsyncGenerator[Hold]:
        """Have the bus serve us alone in the body, which is cancelled when it does so no more."""
        hold = Hold()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.bus().ask, Bus.serve(hold))
            await hold.begun.wait()
            self._hold = hold
            try:
                yield hold
            finally:
                self._hold = None
                hold.let_go()

    async def _ask_bus(self, message: Message[R]) -> R:
        with self._absence():
            if self._hold is None:
                return await self.bus().ask(message)
            function = message.command.function
            return await self._hold.ask(lambda bus: function(bus, *message.args, **dict(message.kwargs)))

    @contextmanager
    def _absence(self) -> Generator[None]:
        """Say of our own device what the bus says of one of those on it."""
        try:
            yield
        except NoAnswer as error:
            raise DeviceAbsent(f"{self.bus().name}: {sentence(error)}") from error
