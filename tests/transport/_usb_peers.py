"""The far ends of USB, for the tests that every transport passes; only under umockdev."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from typing import ClassVar, Self

import pytest

from labtroupe.testing import DoubleVia
from labtroupe.transport import _usb_handle

from ._peers import Double


class UsbDouble(Double):
    """A device with two bulk endpoints."""

    via: ClassVar[DoubleVia] = "usb"
    flood = 300_000
    cycles = 30
    # Seven milliseconds of work each time, most of it the bed's.
    endurance = 300
    # Not a path: umockdev 0.17 leaves a socket open for each that is not there.
    absent = "usb://1234:0000"


class UsbtmcDouble(UsbDouble):
    """A device that speaks USBTMC."""

    via = "usbtmc"
    speaks_unasked = False
    has_clear = True


def _no_pollfds(_lib: object, _context: object) -> list[tuple[int, int]]:
    return []


class _Sliced(UsbDouble):
    """A system on which libusb has no descriptors to wait for."""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncGenerator[Self]:
        """Be there in the body."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_usb_handle, "pollfds", _no_pollfds)
            async with super().running():
                yield self


class SlicedUsbDouble(_Sliced):
    """Two bulk endpoints there."""


class SlicedUsbtmcDouble(_Sliced, UsbtmcDouble):
    """USBTMC there."""
