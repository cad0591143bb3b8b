"""Who is connected, and who is not and why: the same in Python, on the command line and over its socket."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import msgspec

from labtroupe.lifecycle import State

# Seconds; what was lost earlier is told with its date.
_DAY = 86400


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the connection to one instrument.

    Attributes:
        name: The instrument.
        connected: Whether it runs, so that its device has answered in this life, and so has all it
            depends on; and has just proved it, where that was asked for.
        state: What it is doing.
        simulated: Whether there is a simulated device at the other end.
        since: Since when it has not been running, in seconds since 1970 (UTC); ``None`` if it is.
        reason: Why it is not, in words.
        attempts: Starts in a row that have failed.
        depends_on: The instruments that must be running while it is.
    """

    name: str
    connected: bool
    state: State
    simulated: bool
    since: float | None
    reason: str
    attempts: int
    depends_on: tuple[str, ...]

    def __str__(self) -> str:
        """Return it in one line."""
        name = f"{self.name} (sim)" if self.simulated else self.name
        attempts = f" ({self.attempts} attempts)" if self.attempts > 1 else ""
        reason = f": {self.reason}" if self.reason else ""
        return f"{name}: {self.state}{self._since}{attempts}{reason}"

    @property
    def _since(self) -> str:
        if self.since is None:
            return ""
        form = "%H:%M:%S" if time.time() - self.since < _DAY else "%Y-%m-%d %H:%M"
        return f", not connected since {time.strftime(form, time.localtime(self.since))}"


class ConnectionReport(msgspec.Struct, frozen=True):
    """Who of a bench is connected at one moment.

    Attributes:
        bench: The bench's name.
        connections: Those asked for, and whatever they depend on, each after that.
    """

    bench: str
    connections: tuple[Connection, ...]

    @property
    def connected(self) -> bool:
        """Whether all are."""
        return not self.missing

    @property
    def missing(self) -> Sequence[Connection]:
        """Those that are not connected."""
        return [each for each in self.connections if not each.connected]

    @property
    def causes(self) -> Sequence[Connection]:
        """Those of the missing for which it is their own fault: all they depend on is connected."""
        missing = {each.name for each in self.missing}
        return [each for each in self.missing if not missing.intersection(each.depends_on)]

    def __str__(self) -> str:
        """Return it as a tree: each one that is missing below the first of the missing that it needs."""
        count, total = len(self.connections) - len(self.missing), len(self.connections)
        return "\n".join([f"{self.bench}: {count} of {total} connected", *self._branches(self.causes, "  ")])

    def _branches(self, missing: Sequence[Connection], indent: str) -> Iterator[str]:
        for each in missing:
            yield f"{indent}{each}"
            yield from self._branches(self._below(each.name), f"{indent}  ")

    def _below(self, name: str) -> Sequence[Connection]:
        """Return those of the missing whose first missing dependency this is."""
        missing = [each.name for each in self.missing]
        return [
            each
            for each in self.missing
            if next((needed for needed in each.depends_on if needed in missing), None) == name
        ]
