"""Ways to get a suspect link in step again."""

from __future__ import annotations

import abc
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import attrs
import trio
from attrs.validators import ge, gt

if TYPE_CHECKING:
    # They need each other: a wire has manners, which have strategies, which work on a wire.
    from labtroupe.instrument._wire import Wire


class Strategy(abc.ABC):
    """A way to get a suspect link in step again, with a time limit of its own.

    Attributes:
        lateness: Seconds after which the device answers no more, as far as that is declared.
    """

    lateness: float = 0.0

    @abc.abstractmethod
    async def attempt(self, wire: Wire) -> str | None:
        """Try it, and return ``None`` if it worked; else why not, or nothing where it is not for this port.

        After it has worked, no answer to anything that was sent before may be taken for that to
        another request; a strategy that knows that none can come at all settles the debts of the wire.

        Raises:
            LinkLost: The connection broke, so that nothing else needs to be tried.
        """


def _are_bytes(_: object, field: attrs.Attribute[bytes], value: object) -> None:
    if not isinstance(value, bytes):
        raise TypeError(f"the {field.name} of a barrier is bytes, such as b'*OPC?', not {value!r}")


@attrs.frozen
class Barrier(Strategy):
    """A query whose answer cannot be mistaken for that to any other query.

    It is sent, and whatever comes is dropped until its answer does.  As devices
    answer in order, nothing that was asked earlier comes later.

    If this very query was cut off before, the answers to both look alike.  Then
    the link waits until nothing has come for as long as the device has just been
    late, if there is still one to come, and ``lateness`` seconds more.

    Attributes:
        query: The request, without terminator.
        accepts: Whether an answer is one to this query.
        lateness: Seconds after which this device, if well, answers no more.
        budget: Seconds from sending the query within which something must answer it; if not given,
            twice ``lateness``, and at least 2 s.
    """

    query: bytes = attrs.field(validator=_are_bytes)
    accepts: Callable[[bytes], bool]
    lateness: float = attrs.field(default=1.0, validator=ge(0))
    budget: float = attrs.field(
        # It may have to be as late as that twice: what was asked before is answered first.
        default=attrs.Factory(lambda self: max(2.0, 2 * self.lateness), takes_self=True),
        validator=gt(0),
    )

    async def attempt(self, wire: Wire) -> str | None:
        """Send the query, and drop everything until it is answered.

        If others like it are owed, ours is the last answer: the one after which
        nothing comes for as long as the device has been seen to be late.
        """
        wire.drop_input()
        wait_until = trio.current_time() + self.budget
        with trio.move_on_at(wait_until) as sending:
            await wire.send(self.query, wire.encode(self.query))
        if sending.cancelled_caught:
            return f"{self.query!r} could not be sent within {self.budget:g} s"
        alike = deque(wire.debts.alike(self.query))
        answered, mistakable = False, wire.debts.doubtful or len(alike) > 1
        # Until it has settled them: what was given up in the middle cannot be counted on.
        wire.debts.doubtful = mistakable
        while mistakable or not answered:
            with trio.move_on_at(wait_until) as quiet:
                await self._drop_until_answered(wire)
            if quiet.cancelled_caught:
                break
            answered, now = True, trio.current_time()
            wait_until = now + self.lateness
            if alike:
                first = alike.popleft()
                wire.debts.owed.remove(first)
                if alike:  # The next may be as late as this one was.
                    wait_until = max(wait_until, alike[0].sent_at + now - first.sent_at + self.lateness)
        if not answered:
            return f"no answer to {self.query!r} within {self.budget:g} s"
        wire.debts.settle()
        return None

    async def _drop_until_answered(self, wire: Wire) -> None:
        while not self.accepts(await wire.receive_anything()):
            pass


@attrs.frozen
class DeviceClear(Strategy):
    """The bus's own message for "forget all that": the device drops its input and its output.

    USBTMC has one; serial ports and sockets have not, and leave it to the next strategy.

    Attributes:
        budget: Seconds that it may take.
    """

    budget: float = attrs.field(default=2.0, validator=gt(0))

    async def attempt(self, wire: Wire) -> str | None:
        """Clear the device."""
        with trio.move_on_after(self.budget):
            return None if await wire.clear_device() else ""
        return f"no device clear within {self.budget:g} s"


@attrs.frozen
class Quiet(Strategy):
    """To wait until the device can have nothing more to say.

    Attributes:
        lateness: Seconds after which this device answers no more, whatever it was asked.
        budget: Seconds within which it must have been quiet so long; if not given, four times that.
    """

    lateness: float = attrs.field(validator=gt(0))
    budget: float = attrs.field(
        default=attrs.Factory(lambda self: 4 * self.lateness, takes_self=True), validator=gt(0)
    )

    async def attempt(self, wire: Wire) -> str | None:
        """Wait, with everything dropped that comes."""
        wire.drop_input()
        with trio.move_on_after(self.budget):
            await wire.end_half_command()
            while not await self._is_quiet(wire):
                pass
            wire.debts.settle()
            return None
        return f"it was not quiet for {self.lateness:g} s within {self.budget:g} s"

    async def _is_quiet(self, wire: Wire) -> bool:
        with trio.move_on_after(self.lateness):
            await wire.receive_anything()
            # One by one, the short frames of a flood would take all the time there is.
            wire.drop_input()
            return False
        # Half a frame, which came meanwhile.
        return not wire.drop_input()


async def try_all(strategies: Sequence[Strategy], wire: Wire) -> str | None:
    """Try strategies in their order until one works, and return why none has, or ``None`` if one has.

    Raises:
        LinkLost: The connection broke.
    """
    failures: list[str] = []
    for strategy in strategies:
        failure = await strategy.attempt(wire)
        if failure is None:
            return None
        failures.append(failure)
    return "; ".join(filter(None, failures)) or "no way to get in step is declared"
