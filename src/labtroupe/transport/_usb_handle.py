"""libusb's transfers on trio: a context for each device, and no threads where they can be helped."""

from __future__ import annotations

import ctypes
import select
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from types import MappingProxyType
from typing import Final, Self

import attrs
import trio

from labtroupe.transport._libusb import Callback, RawTransfer, Time, error_name, pollfds
from labtroupe.transport._threads import call_in_thread

COMPLETED, CANCELLED, STALL = 0, 3, 4
"""Of ``enum libusb_transfer_status``."""

_FAULTS: Final[Mapping[int, str]] = MappingProxyType(
    {
        1: "a transfer failed",
        4: "the device refused a transfer",
        5: "the device is gone",
        6: "it sent too much",
    }
)
"""The others."""

BULK, CONTROL = 2, 0
"""Of ``enum libusb_transfer_type``."""

_NO_DEVICE, _INTERRUPTED = -4, -10
"""Of ``enum libusb_error``."""

_SLICE = 0.05
"""Seconds that a thread waits for events, where there are no descriptors to wait for."""

_CANCEL_LIMIT = 0.5
"""Seconds that a cancelled transfer gets to end; the kernel takes a millisecond."""


@attrs.define(eq=False)
class Transfer:
    """Bytes on their way to or from an endpoint.

    Attributes:
        buffer: What is sent, or room for what comes.
        done: Set when it has ended, however it did.
        status: How it ended; 0 is well.
        length: How many bytes went, also if it did not end well.
    """

    buffer: ctypes.Array[ctypes.c_char]
    raw: ctypes._Pointer[RawTransfer]
    when_done: Callable[[Self], None]
    done: trio.Event = attrs.field(factory=trio.Event, init=False)
    status: int = attrs.field(default=-1, init=False)
    length: int = attrs.field(default=0, init=False)

    @property
    def data(self) -> bytes:
        """What came."""
        return ctypes.string_at(self.buffer, self.length)

    @property
    def fault(self) -> str:
        """What went wrong; ``""`` if nothing did, or it was cancelled."""
        return "" if self.status in {COMPLETED, CANCELLED} else _FAULTS.get(self.status, "a transfer failed")


@attrs.define(eq=False)
class Handle:
    """An open device.

    Attributes:
        lib: The library.
        context: Its context, for this device alone: else somebody else could complete our transfers.
        device: Its handle of the device.
    """

    lib: ctypes.CDLL
    context: ctypes.c_void_p
    device: ctypes.c_void_p
    gone: bool = attrs.field(default=False, init=False)
    # Parked in it is who waits for something to happen.
    activity: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot, init=False)
    _transfers: dict[int, Transfer] = attrs.field(factory=dict[int, Transfer], init=False)
    # Appended to within libusb, where nothing may be raised.
    _ended: list[int] = attrs.field(factory=list[int], init=False)
    _waiter: select.epoll = attrs.field(factory=select.epoll, init=False)
    _pumping: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    _pumped: trio.Event = attrs.field(factory=trio.Event, init=False)
    _callback: object = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._callback = Callback(self._ended.append)

    def start(self) -> None:
        """Begin to handle events; from here on `stop` is due."""
        descriptors = pollfds(self.lib, self.context)
        for fd, events in descriptors:
            self._waiter.register(fd, events)
        wait = self._wait_readable if descriptors else self._wait_slice
        # Of the system, because no transfer's task may end it.
        trio.lowlevel.spawn_system_task(self._pump, wait)

    async def stop(self) -> None:
        """Cancel what is under way, and handle no more events; bounded."""
        with trio.CancelScope(shield=True, relative_deadline=_CANCEL_LIMIT):
            for transfer in list(self._transfers.values()):
                self.cancel(transfer)
            for transfer in list(self._transfers.values()):
                await transfer.done.wait()
        self._pumping.cancel()
        with trio.CancelScope(shield=True):
            await self._pumped.wait()
        self._waiter.close()

    def submit(
        self,
        endpoint: int,
        data: bytes | int,
        when_done: Callable[[Transfer], None],
        *,
        kind: int = BULK,
    ) -> Transfer:
        """Begin to send ``data``, or to receive as many bytes at most.

        Raises:
            OSError: It could not be begun; says why.
        """
        buffer = ctypes.create_string_buffer(data, data if isinstance(data, int) else len(data))
        raw = self.lib.libusb_alloc_transfer(0)
        raw.contents.dev_handle = self.device
        raw.contents.endpoint, raw.contents.type = endpoint, kind
        raw.contents.buffer, raw.contents.length = ctypes.addressof(buffer), len(buffer)
        raw.contents.callback = self._callback
        if error := self.lib.libusb_submit_transfer(raw):
            self.lib.libusb_free_transfer(raw)
            raise OSError(error_name(self.lib, error))
        transfer = Transfer(buffer, raw, when_done)
        self._transfers[ctypes.addressof(raw.contents)] = transfer
        return transfer

    async def wait_done(self, transfer: Transfer) -> None:
        """Wait until a transfer has ended; cancelled, end it first, so that its length is right."""
        try:
            await transfer.done.wait()
        except trio.Cancelled:
            await self.end(transfer)
            raise

    async def end(self, transfer: Transfer) -> None:
        """End a transfer; what has arrived until then counts."""
        self.cancel(transfer)
        with trio.CancelScope(shield=True, relative_deadline=_CANCEL_LIMIT):
            await transfer.done.wait()

    async def clear_halt(self, endpoint: int) -> None:
        """Let an endpoint go on, and begin to count packets anew."""
        # The kernel asks the device, and waits up to 5 s for its answer.
        await call_in_thread(lambda _: self.lib.libusb_clear_halt(self.device, endpoint), ExitStack())

    def cancel(self, transfer: Transfer) -> None:
        """Begin to end a transfer."""
        if not transfer.done.is_set():
            # An error says that it has ended by itself.
            self.lib.libusb_cancel_transfer(transfer.raw)

    async def _pump(self, wait: Callable[[], Awaitable[None]]) -> None:
        try:
            with self._pumping:
                while True:
                    await wait()
                    while self._ended:
                        self._settle(self._transfers.pop(self._ended.pop(0)))
                    self.activity.unpark_all()
        finally:
            self._pumped.set()

    async def _wait_readable(self) -> None:
        """Wait for the descriptors, and handle what has happened."""
        await trio.lowlevel.wait_readable(self._waiter.fileno())
        for fd, events in self._waiter.poll(0):
            # Unplugged; it would go on to say so for ever.
            if events & select.EPOLLERR:
                self._waiter.unregister(fd)
                self.gone = True
        self._handle_events(0)

    async def _wait_slice(self) -> None:
        """Wait in a thread for what happens, and handle it there; shortly, as it cannot be cancelled."""

        def wait(_: ExitStack) -> None:
            self._handle_events(_SLICE)
            # Of a device that has nothing to do nobody else says that it has gone.
            if self.lib.libusb_get_configuration(self.device, ctypes.byref(ctypes.c_int())) == _NO_DEVICE:
                self.gone = True

        if self.gone:
            # libusb would say so at once, for ever.
            await trio.sleep(_SLICE)
        await call_in_thread(wait, ExitStack())

    def _handle_events(self, seconds: float) -> None:
        time = Time(0, int(seconds * 1e6))
        error = self.lib.libusb_handle_events_timeout_completed(self.context, ctypes.byref(time), None)
        if error not in {0, _INTERRUPTED}:
            self.gone = True

    def _settle(self, transfer: Transfer) -> None:
        transfer.status = transfer.raw.contents.status
        transfer.length = transfer.raw.contents.actual_length
        self.lib.libusb_free_transfer(transfer.raw)
        transfer.done.set()
        transfer.when_done(transfer)
