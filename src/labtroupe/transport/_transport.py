"""What every transport does: bytes to and from one device."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    # They need each other: an address opens its transport, a transport knows its address.
    from labtroupe.transport._address import Address


class Transport(abc.ABC):
    """An open connection to one device; it carries bytes and knows nothing of messages.

    One task sends and one receives at a time; they may be two.  After `aclose` the methods
    raise `trio.ClosedResourceError`.  Once the connection has broken they raise `LinkLost`;
    it still has to be closed.  Nothing is ever retried.
    """

    address: Address
    """Where it leads; every `LinkLost` names it."""

    @abc.abstractmethod
    async def send(self, data: bytes) -> None:
        """Send all of ``data``: return when the operating system has taken it.

        Cancelled or broken, an unknown part of it may have been sent; cancelled before it was
        called, none.  It gives way to other tasks only if it has to wait: in an exchange, waiting
        for the answer does that.

        Raises:
            LinkLost: The connection broke.
            trio.BusyResourceError: Another task is sending.
            trio.ClosedResourceError: The transport is closed, or was while this waited.
        """

    @abc.abstractmethod
    async def receive(self) -> bytes:
        """Wait until there is input and return it: at least one byte.

        Always a checkpoint.  Cancelled, it has taken nothing: what is there is the next call's.

        Raises:
            LinkLost: The connection broke.
            trio.BusyResourceError: Another task is receiving.
            trio.ClosedResourceError: The transport is closed, or was while this waited.
        """

    @abc.abstractmethod
    def receive_nowait(self) -> bytes:
        """Return the input that is there now, or ``b""``; long input comes in several pieces.

        Raises:
            LinkLost: The connection broke.
            trio.ClosedResourceError: The transport is closed.
        """

    async def receive_unasked(self) -> bytes:
        """Wait for input that nobody has asked for, and return it; see `receive`.

        Another method because on some buses a device says nothing unless the host asks it to, and
        takes it for a mistake to be asked while it has nothing to say.
        """
        return await self.receive()

    async def clear(self) -> bool:
        """Clear the device, where the bus has a message for it that overtakes the data.

        It drops its input, its output, and what it was about to answer; our input is dropped too.
        Cancelled, an unknown part of that has happened.

        Returns:
            Whether it was done; false where the bus has no such message, as on a serial port, or the
            device refused.

        Raises:
            LinkLost: The connection broke.
            trio.ClosedResourceError: The transport is closed, or was while this waited.
        """
        await trio.lowlevel.checkpoint()
        return False

    @abc.abstractmethod
    async def aclose(self) -> None:
        """Close it, and give up its claim; closing it again does nothing.

        Waits shortly until what was sent has left, unless cancelled.  Takes 2 s at the very
        most: what hangs longer than that is left to end by itself, and keeps its claim until then.
        """
