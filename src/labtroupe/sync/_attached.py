"""The blocking face of a bench that runs in another process."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from typing import TypeVar, cast

import msgspec

from labtroupe.client import Client, EventRecord, find_bench, find_only_bench, from_exact
from labtroupe.errors import BenchError, LabtroupeError, Outcome
from labtroupe.messages import Message
from labtroupe.sync._bench import Bench, explaining, refuse_in_trio

R = TypeVar("R")
T = TypeVar("T")


def attach(bench: str | None = None) -> Bench:
    """Return the blocking face of a bench that `labtroupe run` runs.

    Args:
        bench: Its name, or the path of its socket; otherwise LABTROUPE_BENCH, or the
            only one running, as on the command line.

    Raises:
        BenchError: It does not run; or none is named, and none or several run.
    """
    refuse_in_trio()
    wanted = bench or os.environ.get("LABTROUPE_BENCH")
    client = Client(find_bench(wanted) if wanted else find_only_bench())
    return Attached(client.status().bench, client)


class Attached(Bench):
    """A bench that runs in another process."""

    def __init__(self, name: str, client: Client) -> None:
        super().__init__(name)
        self._client = client

    def ask(self, name: str, message: Message[R], *, timeout: float | None = None) -> R:
        """Send ``message`` to an instrument and return its answer, of the type its command declares."""
        command = message.command
        limit = command.timeout if timeout is None else timeout
        value = self.ask_by_name(name, command.name, message.args, dict(message.kwargs), limit)
        declared = cast("type[R]", command.returns.annotation)
        try:
            return msgspec.convert(value, declared, from_attributes=True)
        except (msgspec.ValidationError, TypeError) as error:
            raise BenchError(
                f"{name}: {command.name} was done, and answers {value!r}, not as {command!r} says: {error}",
                remedy="Use the class, in the version, that the bench has for this instrument.",
            ) from None

    def _unmarked(self, value: object) -> object:
        """Return an answer as it was before it became JSON."""
        return from_exact(value)

    def events(self, *, follow: bool = False, instrument: str | None = None) -> Generator[EventRecord]:
        """Yield the events the bench remembers, and with ``follow`` those that come."""
        refuse_in_trio()
        return self._client.events(follow=follow, instrument=instrument)

    def ask_bench(
        self,
        op: str,
        args: Mapping[str, object],
        result_type: type[T],
        *,
        patience: float | None = None,
        lost: Outcome | None = None,
    ) -> T:
        """Have the bench carry out an operation of its control service."""
        refuse_in_trio()
        with explaining():
            try:
                return self._client.ask_bench(op, args, result_type, patience=patience, lost=lost)
            except LabtroupeError as error:
                # How it came over the socket is of interest to nobody.
                error.with_traceback(None)
                raise
