"""Plain bytes over the bulk endpoints of a USB device."""

from __future__ import annotations

from contextlib import suppress

import attrs
import trio

from labtroupe.errors import LinkLost
from labtroupe.transport._usb_handle import COMPLETED, Transfer
from labtroupe.transport._usb_transport import UsbTransport

_PIECE = 16384
"""Bytes in one transfer; a multiple of every packet size, so that a device cannot send more."""

_ROOM = 65536
"""Bytes of input that are kept; the device has to keep the rest until somebody takes them."""

_STALE = 0.02
"""Seconds after the opening in which what comes is an answer to somebody else."""


@attrs.define(eq=False)
class BulkTransport(UsbTransport):
    """Bytes as they are; it always reads, so that it sees what comes unasked, and when the device goes."""

    _reading: bool = attrs.field(default=False, init=False)

    async def greet(self) -> None:
        """Drop what the device has kept for whoever spoke to it before."""
        self._read()
        await trio.sleep(_STALE)
        self._input.clear()

    def receive_nowait(self) -> bytes:
        """See `Transport.receive_nowait`."""
        data = super().receive_nowait()
        # If the device has gone, whoever uses it next is told; these bytes came before.
        with suppress(LinkLost):
            self._read()
        return data

    async def _send(self, data: bytes) -> None:
        for at in range(0, len(data), _PIECE):
            await self._put(data[at : at + _PIECE])

    async def _ask(self) -> bool:
        return False

    def _read(self) -> None:
        if not self._reading and len(self._input) < _ROOM:
            self._begin(self._interface.bulk_in, _PIECE, self._arrived)
            self._reading = True

    def _arrived(self, transfer: Transfer) -> None:
        self._reading = False
        self._input += transfer.data
        self._fault = self._fault or transfer.fault
        if transfer.status == COMPLETED and not self._closed:
            # Whoever uses it next is told.
            with suppress(LinkLost):
                self._read()
