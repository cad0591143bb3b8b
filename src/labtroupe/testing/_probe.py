"""The probe: waits for what doubles are asked, and says what is different."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

import trio

from labtroupe.errors import UnknownCommandError
from labtroupe.messages import Command, Message, accepted_commands
from labtroupe.testing._double import Double
from labtroupe.testing._pairing import Pairing
from labtroupe.testing._received import Received
from labtroupe.testing._rule import Rule
from labtroupe.testing._violations import Violated, difference

DEFAULT_WITHIN: Final = 5.0
"""Seconds within which what is expected has to come, where nobody says otherwise."""

Expected = Message[Any] | Command[..., Any]
"""A message, or a command with any arguments."""


class Probe:
    """Sees what doubles are asked from now on, and waits for what is to come.

    ::

        probe = Probe(heater)
        nursery.start_soon(application)
        await probe.expect(LinkamT95.ramp(40.0), within=2)
        await probe.expect_nothing(within=10)

    A message has come when its turn has, and the double begins to answer it.
    """

    def __init__(self, *doubles: Double[Any]) -> None:
        self._accepted = {each for double in doubles for each in accepted_commands(double.stands_for)}
        self._unseen = deque[Received]()
        self._news = trio.lowlevel.ParkingLot()
        for double in doubles:
            double.part.listeners.append(self._note)

    async def expect(self, *expected: Expected, within: float = DEFAULT_WITHIN) -> list[Received]:
        """Wait for messages that have to come next, in this order, and return what came.

        Args:
            expected: Messages, or commands with any arguments.
            within: Seconds until the last of them.

        Raises:
            Violated: Something else came, or not all of it in time.
            UnknownCommandError: None of the doubles has such a command.
        """
        return await self._expect(expected, within, any_order=False)

    async def expect_in_any_order(
        self, *expected: Expected, within: float = DEFAULT_WITHIN
    ) -> list[Received]:
        """Wait for messages that have to come next, in whatever order; as `expect` does."""
        return await self._expect(expected, within, any_order=True)

    async def expect_nothing(self, *, within: float = DEFAULT_WITHIN) -> None:
        """Wait, and see that nothing comes for so many seconds.

        Raises:
            Violated: Something came.
        """
        with trio.move_on_after(within):
            received = await self._wait_next()
            raise Violated(f"nothing was expected within {within:g} s, and this came:\n    {received}")

    async def _expect(
        self, expected: tuple[Expected, ...], within: float, *, any_order: bool
    ) -> list[Received]:
        rules, came = [self._rule(each) for each in expected], list[Received]()
        pairs = Pairing(len(rules), lambda thing, rule: rules[rule].matches(came[thing].message))
        with trio.move_on_after(within):
            while len(came) < len(rules):
                came.append(await self._wait_next())
                last = len(came) - 1
                if not (pairs.add(last) if any_order else pairs.meets(last, last)):
                    break
            else:
                return came
        if not any_order:
            pairs.taken.update((each, each) for each in range(len(came)) if pairs.meets(each, each))
        order = " in any order" if any_order else ""
        shown = difference(_wanted(rules, came, pairs.taken), [repr(each.message) for each in came])
        raise Violated(f"not what was expected (-){order} within {within:g} s, but this (+):\n{shown}")

    def _rule(self, what: Expected) -> Rule[Any]:
        rule = Rule.of(what)
        if rule.command not in self._accepted:
            raise UnknownCommandError(f"{what!r} is not a command of any of the doubles")
        return rule

    def _note(self, received: Received) -> None:
        self._unseen.append(received)
        self._news.unpark()

    async def _wait_next(self) -> Received:
        while not self._unseen:
            await self._news.park()
        return self._unseen.popleft()


def _wanted(rules: Sequence[Rule[Any]], came: Sequence[Received], met: Mapping[int, int]) -> list[str]:
    """Return what was expected: first what was met, as it came, so that this is no difference."""
    by_arrival = sorted(met, key=lambda rule: met[rule])
    missed = (rule for rule in range(len(rules)) if rule not in met)
    return [repr(came[met[rule]].message) for rule in by_arrival] + [repr(rules[rule]) for rule in missed]
