"""The instrument: an actor that owns a device."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

import attrs
import trio

from labtroupe.actor import Actor, background, publish
from labtroupe.errors import DeviceAbsent, DeviceSilent, LinkLost, ProtocolError, sentence
from labtroupe.instrument._acquaintance import Acquaintance
from labtroupe.instrument._link import Link
from labtroupe.instrument._manners import Manners
from labtroupe.instrument._resync import Strategy
from labtroupe.messages import Unsolicited
from labtroupe.protocol import Framing, Lines
from labtroupe.transport import Transport


@attrs.define(eq=False)
class Instrument(Actor):
    r"""The base of all instruments: opens its link, and keeps it in step between commands.

    A subclass declares how its device talks, and its commands::

        @attrs.define(eq=False)
        class Thermometer(Instrument):
            framing = Lines(b"\r\n")
            resync = (Barrier(b"ID", lambda answer: answer.startswith(b"TH")),)

            @command(idempotent=True)
            async def temperature(self) -> float:
                return float(await self.link.query("T?"))

    Fields it adds are the settings of its table in ``bench.toml``.

    Attributes:
        link: The way to the device; opened before `on_open`, closed after the last command.
    """

    framing: ClassVar[Framing] = Lines()
    """How requests become bytes, and bytes answers."""
    resync: ClassVar[Sequence[Strategy]] = ()
    """How to get in step again after an exchange that was cut off: what is tried, in this order."""
    spacing: ClassVar[float] = 0.0
    """Seconds that the device needs between the end of an exchange and the next request."""
    silence: ClassVar[float] = math.inf
    """Seconds without a byte, while an answer is awaited, after which the device does not answer at all."""
    busy: ClassVar[Callable[[bytes], bool] | None] = None
    """Whether a frame says that the device is still at work: no answer, but no silence either."""
    unsolicited: ClassVar[Callable[[bytes], bool] | None] = None
    """Whether a frame is one that the device sends by itself; see `on_unsolicited`."""
    greeting_timeout: ClassVar[float] = 5.0
    """Seconds from opening the link within which the device must have answered."""
    simulation: ClassVar[str] = ""
    """The ``sim:`` address of what stands in for the device where the whole bench is simulated.

    Empty for nothing.  In that of a bus, ``{units}`` stands for the addresses on it.
    """
    marks_its_acts: ClassVar[bool] = True

    stale_after: ClassVar[float] = 30.0
    grace: ClassVar[float] = 3.0

    link: Link

    @property
    def suspicion(self) -> str | None:
        """Why an answer may still come that belongs to nobody; ``None`` if the link is in step."""
        return self.link.suspicion

    @property
    def heritable(self) -> bool:
        """Whether the next life can go on with the open port."""
        return self.link.heritable

    def inherit(self, former: Actor) -> None:
        """Go on with the open port of a former life."""
        if isinstance(former, Instrument):
            self.link.take_over(former.link)

    @classmethod
    def link_to(cls, address: str, connect: Callable[[], Awaitable[Transport]], identity: str = "") -> Link:
        """Return a closed link that talks as this class declares.

        Args:
            address: Where it leads, for people.
            connect: Opens the transport.
            identity: Who the device must say it is, with ``*`` for anything; empty for whoever is there.
        """
        manners = Manners(
            framing=cls.framing,
            resync=cls.strategies(),
            spacing=cls.spacing,
            silence=cls.silence,
            busy=cls.busy,
            unsolicited=cls.unsolicited,
        )
        return Link(address, connect, manners, acquaintance=Acquaintance(identity))

    @classmethod
    def strategies(cls) -> Sequence[Strategy]:
        """Return how to get in step again: what is declared, unless a base knows something itself."""
        return cls.resync

    async def ask_identity(self) -> str:
        """Return who the device says it is, such as the answer to ``*IDN?``; empty if it cannot say.

        Called in every life before `on_open`, so that nothing else is said to a device that is not
        the one it has to be, or not the one of the life before.
        """
        return ""

    async def on_open(self) -> None:
        """Say the first words to the device; to raise refuses it.

        Called in every life, when the link is open and in step and before the
        first command.  It must not change the device: it may be in mid-experiment.
        """

    async def on_start(self) -> None:
        """Open the link, if no former life has left it open, and get in step.

        Raises:
            Unavailable: Nobody is there, nobody answers, or somebody else holds the port.
        """
        await self.link.open(self.on_unsolicited)
        try:
            with trio.move_on_after(self.greeting_timeout) as scope:
                await self.link.resync()
                self.link.acquaintance.greet(self.link.address, await self.ask_identity())
                await self.on_open()
        except (DeviceSilent, LinkLost, ProtocolError) as error:
            # It never was in step, so nothing has been lost: nobody who answers is there yet.
            raise DeviceAbsent(sentence(error)) from error
        if scope.cancelled_caught:
            raise DeviceAbsent(f"{self.link.address}: open, but no answer within {self.greeting_timeout:g} s")

    async def on_stop(self) -> None:
        """Close the link."""
        await self.link.aclose()

    def on_unsolicited(self, frame: bytes) -> None:
        """Take a frame that the device has sent by itself; publishes it as an event, unless overridden.

        Called as soon as it has come, also in the middle of an exchange, so it must return at once.
        To raise ends the exchange, and this life.
        """
        text = frame.decode("ascii", "backslashreplace")
        publish(lambda name: Unsolicited(instrument=name, frame=text))

    @background
    async def _listen(self) -> None:
        """Listen while there is nothing to do, so that a pulled cable is noticed before it is needed.

        Raises:
            LinkLost: The connection broke.
        """
        await self.link.listen()

    async def recover(self) -> None:
        """Bring the link in step again.

        Raises:
            LinkLost: It cannot be done, so the link must be opened anew.
        """
        await self.link.resync()
