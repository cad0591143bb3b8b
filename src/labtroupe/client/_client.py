"""One running bench, as seen from another process."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import msgspec

from labtroupe.client._connection import Connection
from labtroupe.client._operator import PATIENCE, Operator
from labtroupe.client._records import EventRecord
from labtroupe.errors import BenchError, Outcome
from labtroupe.tapes import TapeFrame, TapeHeader

T = TypeVar("T")


class Client(Operator):
    """A running bench, reached through its control socket.

    Every question is a connection of its own.  To leave a method early, as Ctrl-C does,
    closes it, and the bench cancels what was asked.

    Attributes:
        path: Its control socket.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def events(self, *, follow: bool = False, instrument: str | None = None) -> Generator[EventRecord]:
        """Yield the events the bench remembers, and with ``follow`` those that come."""
        with closing(Connection(self.path)) as connection:
            connection.send("events", {"follow": follow, "instrument": instrument})
            while (item := connection.receive(None if follow else PATIENCE)) is not None:
                fields = connection.decode(item, dict[str, object])
                yield msgspec.structs.replace(connection.decode(item, EventRecord), fields=fields)
            if follow:
                raise connection.gone()

    def record(self, name: str) -> Generator[TapeHeader | TapeFrame]:
        """Yield the parts of a tape of what goes over the wire of an instrument, from now on.

        The first is its header; when it is there, all that follows is recorded.  To close the generator
        ends it.

        Raises:
            UnknownInstrumentError: There is none of this name.
            ArgumentError: It has no wire of its own, but that of its bus.
            BenchError: The bench has gone away, or the caller was too slow.
        """
        with closing(Connection(self.path)) as connection:
            connection.send("record", {"name": name})
            wanted: type[TapeHeader | TapeFrame] = TapeHeader
            patience: float | None = PATIENCE
            while (item := connection.receive(patience)) is not None:
                yield connection.decode(item, wanted)
                wanted, patience = TapeFrame, None
            raise connection.gone()

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
        with closing(Connection(self.path)) as connection:
            connection.send(op, args)
            try:
                result = connection.receive(patience)
                if result is None:
                    raise connection.gone()
            except BenchError as error:
                error.outcome = lost
                raise
            return connection.decode(result, result_type)
