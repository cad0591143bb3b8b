"""The blocking face of a bench, wherever that runs."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

from labtroupe.client import Operator
from labtroupe.errors import LabtroupeError
from labtroupe.messages import Message
from labtroupe.records import InstrumentStatus, ReadingStatus
from labtroupe.sync._instrument import Instrument, make_instrument
from labtroupe.sync._table import html_table, text_table

R = TypeVar("R")

_HEAD: Final = ("instrument", "kind", "state", "readings", "note")


class Bench(Operator):
    """A bench whose instruments are asked by plain calls that block.

    All threads may use it at once.  Ctrl-C in a call cancels at the bench what the call has
    asked for, and the bench goes on.  In a thread in which trio runs each call
    raises `RuntimeError`, as it would hold up that run.

    Attributes:
        name: The bench's name.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def ask(self, name: str, message: Message[R], *, timeout: float | None = None) -> R:
        """Send ``message`` to an instrument and return its answer, of the type its command declares.

        Args:
            name: The instrument.
            message: What to do, as made by calling a command on its class: ``LinkamT95.temperature()``.
            timeout: Seconds it may take; the command's own where not given.

        Raises:
            UnknownInstrumentError: The bench has none of this name.
            CommandError: It was not carried out; ``outcome`` says what may have happened.
            LinkError: The connection to the device broke on the way.
            BenchError: The bench went away on the way; ``outcome`` is unknown.
        """

    def ask_by_name(
        self,
        name: str,
        command: str,
        args: Sequence[object],
        kwargs: Mapping[str, object],
        timeout: float | None,
    ) -> object:
        """Ask an instrument for a command by its name, as ``bench[name].command(...)`` does."""
        return self._unmarked(self.call_as("ask", name, command, args, kwargs, timeout).value)

    def _unmarked(self, value: object) -> object:
        """Return an answer as it was before it took the way it came."""
        return value

    def readings(self, name: str) -> Mapping[str, ReadingStatus]:
        """Return the last answers that are kept of an instrument, by name; asks it for nothing.

        Raises:
            UnknownInstrumentError: The bench has none of this name.
        """
        (status,) = self.status(name).instruments
        return {each.name: each for each in status.readings}

    def __getitem__(self, name: str) -> Instrument:
        """Return an instrument, with its commands as methods.

        Raises:
            UnknownInstrumentError: The bench has none of this name.
        """
        return make_instrument(self.ask_by_name, self.describe(name))

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the instruments."""
        return iter(self._names())

    def __len__(self) -> int:
        """Return how many instruments it has."""
        return len(self._names())

    def __contains__(self, name: object) -> bool:
        """Return whether it has an instrument of this name."""
        return name in self._names()

    def _names(self) -> list[str]:
        return [each.name for each in self.status().instruments]

    def _ipython_key_completions_(self) -> list[str]:
        return self._names()

    def __repr__(self) -> str:
        """Return how its instruments stand, a line for each."""
        try:
            return text_table(f"<bench {self.name}>", self._rows())
        except (LabtroupeError, RuntimeError) as error:
            return f"<bench {self.name}: {error}>"

    def _repr_html_(self) -> str:
        """Return the same as a table, for notebooks."""
        try:
            return html_table(f"bench {self.name}", _HEAD, self._rows())
        except (LabtroupeError, RuntimeError) as error:
            return html_table(f"bench {self.name}: {error}", (), ())

    def _rows(self) -> list[tuple[str, ...]]:
        return [_row(each) for each in self.status().instruments]


@contextmanager
def explaining() -> Generator[None]:
    """Note on an error what became of the command and what to do, for who reads a traceback."""
    # In a `finally` it is what the user's own code has raised.
    before = sys.exception()
    try:
        yield
    except LabtroupeError as error:
        if error.__cause__ is None:
            # Whatever else was being handled when it was made is ours.
            error.__context__, error.__suppress_context__ = before, before is None
        outcome = f"outcome: {error.outcome}" if error.outcome is not None else ""
        for note in filter(None, [outcome, error.remedy]):
            if note not in getattr(error, "__notes__", ()):
                error.add_note(note)
        raise


def refuse_in_trio() -> None:
    """Raise `RuntimeError` in a thread in which trio runs, which a blocking call would hold up."""
    # Where nobody has imported it, it does not run.
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        raise RuntimeError(
            "trio runs in this thread, and a call that blocks would hold it up; "
            "ask the refs of the bench: await ref.ask(...)"
        )


def _row(each: InstrumentStatus) -> tuple[str, ...]:
    kind = f"{each.kind} (sim)" if each.simulated else each.kind
    good = (
        f"{reading.name} {reading.value} {reading.unit}".rstrip()
        for reading in each.readings
        if reading.quality == "good" and isinstance(reading.value, float | int | str)
    )
    return each.name, kind, str(each.state), ", ".join(good), each.note
