"""One connection to a bench: one request, and the lines that answer it."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from labtroupe import errors
from labtroupe.client._records import ErrorRecord
from labtroupe.errors import BenchError, CommandError, LabtroupeError

T = TypeVar("T")

_CHUNK: Final = 65536
_CLASSES: Final = {
    each.code: each
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, LabtroupeError)
}


class Connection:
    """A connection that is to be closed: with it, what was asked is cancelled."""

    def __init__(self, path: Path) -> None:
        """Connect.

        Raises:
            BenchError: Nobody listens there.
        """
        self._bench = path.stem
        self._received = b""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self.close()
            raise BenchError(f"no bench answers at {path}: {error.strerror or error}") from error

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def send(self, op: str, args: Mapping[str, object]) -> None:
        """Send the request.

        Raises:
            BenchError: The bench is gone.
        """
        try:
            self._socket.sendall(json.dumps({"op": op, "args": args}).encode() + b"\n")
        except OSError as error:
            raise self.gone() from error

    def receive(self, patience: float | None = None) -> msgspec.Raw | None:
        """Return the next result or item, ``None`` at the end.

        Args:
            patience: Seconds to wait for it; ``None`` for as long as it takes.

        Raises:
            LabtroupeError: What the bench answers instead, in the class of its code.
            BenchError: The bench is silent for too long, or speaks another language.
        """
        line = self._read_line(patience)
        if line is None:
            return None
        answer = self.decode(msgspec.Raw(line), _Answer)
        if answer.error is not None:
            raise as_error(answer.error)
        return answer.result or answer.item

    def decode(self, raw: msgspec.Raw, wanted: type[T]) -> T:
        """Return what the bench sent as a value of a type.

        Raises:
            BenchError: It is not one, as from a bench of another version.
        """
        try:
            return msgspec.json.decode(raw, type=wanted)
        except msgspec.MsgspecError as error:
            raise BenchError(
                f"{self._bench} does not answer as this labtroupe expects: {error}",
                remedy="Use the labtroupe command of the version that runs the bench.",
            ) from error

    def gone(self) -> BenchError:
        """Return the error that says that the bench ended before the answer."""
        return BenchError(
            f"the bench {self._bench} has gone: it was stopped, or killed",
            remedy="Look at where it ran; start it again with `labtroupe run`.",
        )

    def _read_line(self, patience: float | None) -> bytes | None:
        deadline = None if patience is None else time.monotonic() + patience
        while b"\n" not in self._received:
            data = self._read_some(deadline)
            if not data:
                return None
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        return line

    def _read_some(self, deadline: float | None) -> bytes:
        # At least a moment: a timeout of 0 would make the socket non-blocking.
        self._socket.settimeout(None if deadline is None else max(1e-3, deadline - time.monotonic()))
        try:
            return self._socket.recv(_CHUNK)
        except TimeoutError:
            raise BenchError(
                f"the bench {self._bench} runs, but does not answer",
                remedy="It may still be starting; look at where it runs.",
            ) from None
        except ConnectionResetError:
            return b""


def as_error(record: ErrorRecord) -> LabtroupeError:
    """Return an error as its class, as far as that is one of labtroupe's own."""
    known = _CLASSES.get(record.code, CommandError if record.outcome else LabtroupeError)
    error = known(record.message)
    error.code, error.remedy = record.code, record.remedy
    error.outcome, error.instrument = record.outcome, record.instrument
    vars(error).update(record.facts)
    return error


class _Answer(msgspec.Struct, frozen=True):
    """A line from the bench, in which one of these is."""

    result: msgspec.Raw = msgspec.Raw()
    item: msgspec.Raw = msgspec.Raw()
    error: ErrorRecord | None = None
