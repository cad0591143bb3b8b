"""The instrument: an actor that owns a device."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar, Final, TypeVar

import attrs
import trio

from labtroupe.actor import Actor, background, halt_itself, is_halted, publish, times_halted, unless_halted
from labtroupe.errors import DeviceAbsent, DeviceSilent, LinkLost, ProtocolError, sentence
from labtroupe.instrument._acquaintance import Acquaintance, Reattach
from labtroupe.instrument._declared import check_declared
from labtroupe.instrument._link import Link
from labtroupe.instrument._manners import Manners
from labtroupe.instrument._resync import Strategy
from labtroupe.messages import DeviceReturned, Unsolicited
from labtroupe.protocol import Framing, Lines
from labtroupe.transport import Transport

S = TypeVar("S")

_LOOK: Final = "look at the device, and then let the instrument go on"


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

    def __init_subclass__(cls) -> None:
        """Check what a subclass declares.

        Raises:
            TypeError: It cannot be meant.
        """
        super().__init_subclass__()
        check_declared(cls)

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
    def link_to(
        cls,
        address: str,
        connect: Callable[[], Awaitable[Transport]],
        identity: str = "",
        reattach: Reattach = Reattach.ADOPT,
    ) -> Link:
        """Return a closed link that talks as this class declares.

        Args:
            address: Where it leads, for people.
            connect: Opens the transport.
            identity: Who the device must say it is, with ``*`` for anything; empty for whoever is there.
            reattach: What is done when the device comes back.
        """
        manners = Manners(
            framing=cls.framing,
            resync=cls.strategies(),
            spacing=cls.spacing,
            silence=cls.silence,
            busy=cls.busy,
            unsolicited=cls.unsolicited,
        )
        return Link(address, connect, manners, acquaintance=Acquaintance(identity, reattach))

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

    async def has_forgotten(self) -> bool | None:
        """Return whether the device has lost its settings since it was last asked; ``None`` if it cannot say.

        Called whenever the port was opened, after `ask_identity` and before `on_open`; the answer
        to the first is ignored.
        """
        return None

    async def restore(self) -> None:
        """Bring back what was set, in steps that do no harm; see `recall`.

        Called where ``reattach = "restore"``, after `on_open` and before any command, when the
        device has come back, may have lost its settings, and there is something to `recall`.  A halt
        cuts it off.  To raise is a failed start; in the next it is called again.
        """
        raise NotImplementedError(f"{type(self).__name__} does not declare how its device is restored")

    async def reset_device(self) -> None:
        """Put the device into its initial state.

        Called where ``reattach = "reset"``, like `restore`.
        """
        raise NotImplementedError(f"{type(self).__name__} does not declare how its device is reset")

    @classmethod
    def declares(cls, reattach: Reattach) -> bool:
        """Return whether the class has what it takes for this way to deal with a device that comes back."""
        match reattach:
            case Reattach.RESTORE:
                return cls.restore is not Instrument.restore
            case Reattach.RESET:
                return cls.reset_device is not Instrument.reset_device
            case Reattach.ADOPT | Reattach.ASK:
                return True

    def remember(self, settings: object) -> None:
        """Keep what was just set, in this life and those to come, instead of what was kept before.

        Args:
            settings: All that `restore` needs, as one value of a class of your own; ``None`` if nobody
                knows any more what is set.
        """
        self.link.acquaintance.remember(settings, times_halted())

    @property
    def restores(self) -> bool:
        """Whether the bench wants the settings restored when the device comes back."""
        return self.link.acquaintance.reattach is Reattach.RESTORE

    def recall(self, kind: type[S]) -> S | None:
        """Return what was kept last, a value of this class; ``None`` if nothing is."""
        return self.link.acquaintance.recall(kind)

    async def on_open(self) -> None:
        """Say the first words to the device; to raise refuses it.

        Called in every life, when the link is open and in step and before the
        first command.  It must not change the device: it may be in mid-experiment.
        """

    async def on_start(self) -> None:
        """Open the link, if no former life has left it open, get in step, and see to a device that is back.

        Raises:
            Unavailable: Nobody is there, nobody answers, or somebody else holds the port.
        """
        await self._greet()
        await self._reattach()

    async def _greet(self) -> None:
        await self.link.open(self.on_unsolicited)
        try:
            with trio.move_on_after(self.greeting_timeout) as scope:
                await self.link.resync()
                self.link.acquaintance.greet(self.link.address, await self.ask_identity())
                await self._look_what_has_changed()
                await self.on_open()
        except (DeviceSilent, LinkLost, ProtocolError) as error:
            # It never was in step, so nothing has been lost: nobody who answers is there yet.
            raise DeviceAbsent(sentence(error)) from error
        if scope.cancelled_caught:
            raise DeviceAbsent(f"{self.link.address}: open, but no answer within {self.greeting_timeout:g} s")

    async def _look_what_has_changed(self) -> None:
        """Ask the device whether it is as we have left it, if its port was closed meanwhile."""
        known = self.link.acquaintance
        if known.apart:
            known.meet_again(forgotten=await self.has_forgotten())

    async def _reattach(self) -> None:
        """Do what is to be done about a device that has come back; a halted one is left as it is."""
        known, mended = self.link.acquaintance, False
        action = Reattach.ADOPT if is_halted() else known.action(times_halted())
        if known.untold:
            known.untold = False
            publish(lambda name: DeviceReturned(instrument=name, changed=known.changed, action=action))
        match action:
            case Reattach.RESTORE:
                mended = await unless_halted(self.restore)
            case Reattach.RESET:
                mended = await unless_halted(self.reset_device)
            case Reattach.ASK:
                halt_itself(f"returned{', changed' if known.changed else ''}: {_LOOK}")
            case Reattach.ADOPT:
                pass
        known.settle(mended=mended)

    async def on_stop(self) -> None:
        """Close the link."""
        self.link.acquaintance.apart = True
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
