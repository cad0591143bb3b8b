"""The quarantine: commands that crash their actor again and again are not carried out any more."""

from __future__ import annotations

from collections.abc import Collection

import attrs


@attrs.define(eq=False)
class Quarantine:
    """Counts which commands have crashed an actor, and keeps out those that do it each time.

    Attributes:
        after: How many crashes in a row it takes.
        crashes: The crashes in a row of each command that has crashed it the last time.
    """

    after: float
    crashes: dict[str, int] = attrs.field(factory=dict[str, int], init=False)

    @property
    def commands(self) -> Collection[str]:
        """The names of the commands that are kept out."""
        return {name for name, crashes in self.crashes.items() if crashes >= self.after}

    def note_crash(self, command: str) -> bool:
        """Count a crash, and return whether the command is kept out from now on."""
        self.crashes[command] = self.crashes.get(command, 0) + 1
        return command in self.commands

    def note_done(self, command: str) -> None:
        """Forget the crashes of a command that was carried out."""
        self.crashes.pop(command, None)

    def clear(self) -> None:
        """Let all in again, and forget their crashes."""
        self.crashes.clear()
