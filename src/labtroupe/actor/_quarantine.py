"""The quarantine: commands that crash their actor again and again are not carried out any more."""

from __future__ import annotations

from collections import Counter

import attrs


@attrs.define(eq=False)
class Quarantine:
    """Counts which commands have crashed an actor, and keeps out those that do it each time.

    Attributes:
        after: How many crashes in a row it takes.
        commands: The names of the commands that are kept out.
    """

    after: float
    commands: set[str] = attrs.field(factory=set[str], init=False)
    _crashes: Counter[str] = attrs.field(factory=Counter[str], init=False)

    def note_crash(self, command: str) -> bool:
        """Count a crash, and return whether the command is kept out from now on."""
        self._crashes[command] += 1
        if self._crashes[command] < self.after:
            return False
        self.commands.add(command)
        return True

    def note_done(self, command: str) -> None:
        """Forget the crashes of a command that was carried out."""
        if self._crashes:
            self._crashes.pop(command, None)

    def clear(self) -> None:
        """Let all in again, and forget their crashes."""
        self.commands.clear()
        self._crashes.clear()
