"""The far ends of USB, for the tests that every transport passes; only under umockdev."""

from __future__ import annotations

import os

import pytest

from labtroupe.transport import _usb_handle

from ._peers import Peer
from ._usb_bed import Bed, Pipe, Scope


class UsbPipe(Peer):
    """A device with two bulk endpoints."""

    flood = 300_000
    cycles = 30
    # Seven milliseconds of work each time, most of it the bed's.
    endurance = 300
    # Not a path: umockdev 0.17 leaves a socket open for each that is not there.
    absent = "usb://1234:0000"
    address = "usb://1234:5678/SN0001?raw=1"

    def __init__(self) -> None:
        self._bed = Bed(os.environ["UMOCKDEV_DIR"])
        self._device = self._make()
        self._bed.plug(self._device)

    def _make(self) -> Pipe | Scope:
        return Pipe()

    def attach(self) -> None:
        """Do nothing: the cable is there from the start."""

    def send(self, data: bytes) -> None:
        """Send a little to the transport."""
        with self._device.lock:
            self._device.says.extend(data)
            self._device.progress()

    def receive_nowait(self) -> bytes:
        """Return some of what has arrived, or ``b""``."""
        with self._device.lock:
            data = bytes(self._device.heard)
            self._device.heard.clear()
            if not self._device.gone:
                self._device.progress()
        return data

    def unplug(self) -> None:
        """Pull the plug."""
        if not self._device.gone:
            self._bed.unplug(self._device)

    def close(self) -> None:
        """Pull the plug, and leave nothing."""
        self.unplug()
        self._bed.close()


class UsbScope(UsbPipe):
    """A device that speaks USBTMC."""

    speaks_unasked = False
    has_clear = True
    address = "usb://1ab1:04ce/SN0001"

    def _make(self) -> Pipe | Scope:
        scope = Scope(lambda _: b"")
        scope.room = 65536
        return scope

    def send(self, data: bytes) -> None:
        """Have something to say."""
        assert isinstance(self._device, Scope)
        with self._device.lock:
            self._device.answer += data
            self._device.progress()


def _no_pollfds(_lib: object, _context: object) -> list[tuple[int, int]]:
    return []


class _Sliced(UsbPipe):
    """A system on which libusb has no descriptors to wait for."""

    def __init__(self) -> None:
        self._patch = pytest.MonkeyPatch()
        self._patch.setattr(_usb_handle, "pollfds", _no_pollfds)
        super().__init__()

    def close(self) -> None:
        """Pull the plug, and leave nothing."""
        super().close()
        self._patch.undo()


class SlicedPipe(_Sliced):
    """Two bulk endpoints there."""


class SlicedScope(_Sliced, UsbScope):
    """USBTMC there."""
