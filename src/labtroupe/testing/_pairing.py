"""Which of several expectations each of several things meets, where each may meet but one."""

from __future__ import annotations

from collections.abc import Callable

import attrs


@attrs.define(eq=False)
class Pairing:
    """Gives each thing that comes an expectation of its own, as long as there is a way to.

    What came before may get another one for that: of ``heat(ANY)`` and ``heat(1.0)`` the first
    ``heat(1.0)`` may take either, as long as nobody knows what comes next.

    Attributes:
        count: How many expectations there are.
        meets: Whether a thing meets an expectation, by their numbers.
        taken: The expectations that are met, each with what meets it.
    """

    count: int
    meets: Callable[[int, int], bool]
    taken: dict[int, int] = attrs.field(factory=dict[int, int], init=False)

    def add(self, thing: int) -> bool:
        """Return whether there is an expectation for one more thing, which has taken it then."""
        # Kuhn's way: to any expectation that is free, over those who can be asked to take another one.
        asker: dict[int, int] = {}
        asked = [thing]
        for one in asked:
            for each in range(self.count):
                if each not in asker and self.meets(one, each):
                    asker[each] = one
                    if each not in self.taken:
                        self._hand_over(each, asker)
                        return True
                    asked.append(self.taken[each])
        return False

    def _hand_over(self, free: int, asker: dict[int, int]) -> None:
        """Let all on the way to a free expectation move up by one."""
        by_thing = {thing: each for each, thing in self.taken.items()}
        place: int | None = free
        while place is not None:
            thing = self.taken[place] = asker[place]
            place = by_thing.get(thing)
