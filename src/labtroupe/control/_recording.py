"""What goes over the wire of an instrument, live, as the parts of a tape."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Final

import attrs
import trio

from labtroupe.control._snapshot import InstrumentInfo
from labtroupe.errors import ArgumentError, BenchError
from labtroupe.instrument import Direction, FlightRecorder
from labtroupe.tapes import VERSION, TapeFrame, TapeHeader

_WAITING: Final = 10_000
"""Frames that may wait for whoever writes them down: some seconds of the fastest device."""


@attrs.define(eq=False)
class Recording:
    """Lets anybody listen to the wires of a bench."""

    _infos: Mapping[str, InstrumentInfo]
    _recorders: Mapping[str, FlightRecorder]
    # Returns the name of an instrument, or raises.
    _known: Callable[[str], str]

    async def record(self, name: str) -> AsyncGenerator[TapeHeader | TapeFrame]:
        """Yield what the tape says of itself, and from then on every frame, without end.

        It goes on over restarts of the instrument.  What is on the tape has been sent or was tried to
        be, and has been received.

        Raises:
            UnknownInstrumentError: There is none of this name.
            ArgumentError: It has no wire of its own, but that of its bus.
            BenchError: The caller was too slow, and frames are lost.
        """
        recorder = self._recorder(self._known(name))
        start, late = trio.current_time(), False
        send, receive = trio.open_memory_channel[TapeFrame](_WAITING)

        def listen(direction: Direction, data: bytes) -> None:
            nonlocal late
            try:
                send.send_nowait(_frame(trio.current_time() - start, direction, data))
            except trio.WouldBlock:
                late = True

        recorder.listeners.append(listen)
        try:
            yield self._header(name)
            while not late:
                yield await receive.receive()
        finally:
            recorder.listeners.remove(listen)
            send.close()
            receive.close()
        raise BenchError(
            f"{name}: the tape ends here: it could not be written as fast as the device speaks",
            remedy="Write it to a faster disk.",
        )

    def _recorder(self, name: str) -> FlightRecorder:
        recorder = self._recorders.get(name)
        if recorder is None:
            raise ArgumentError(
                f"{name} has no wire of its own",
                remedy=f"Record its bus; it is at {self._infos[name].address}.",
            )
        return recorder

    def _header(self, name: str) -> TapeHeader:
        info, now = self._infos[name], dt.datetime.now(dt.UTC)
        return TapeHeader(
            tape=VERSION,
            instrument=name,
            kind=info.kind,
            address=info.address,
            time=now.isoformat(timespec="milliseconds"),
            program=f"labtroupe {importlib.metadata.version('labtroupe')}",
        )


def _frame(at: float, direction: Direction, data: bytes) -> TapeFrame:
    text = data.decode("latin-1")
    at = round(at, 6)
    return TapeFrame(at, sent=text) if direction is Direction.SENT else TapeFrame(at, received=text)
