"""The C interface of libusb, as far as it is used."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import itertools
from typing import Protocol, cast

from labtroupe.errors import ConfigError

Callback = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class RawTransfer(ctypes.Structure):
    """``struct libusb_transfer``."""

    _fields_ = (
        ("dev_handle", ctypes.c_void_p),
        ("flags", ctypes.c_uint8),
        ("endpoint", ctypes.c_ubyte),
        ("type", ctypes.c_ubyte),
        ("timeout", ctypes.c_uint),
        ("status", ctypes.c_int),
        ("length", ctypes.c_int),
        ("actual_length", ctypes.c_int),
        ("callback", Callback),
        ("user_data", ctypes.c_void_p),
        ("buffer", ctypes.c_void_p),
        ("num_iso_packets", ctypes.c_int),
    )


class _Pollfd(ctypes.Structure):
    """``struct libusb_pollfd``."""

    _fields_ = (("fd", ctypes.c_int), ("events", ctypes.c_short))


class Time(ctypes.Structure):
    """``struct timeval``."""

    _fields_ = (("tv_sec", ctypes.c_long), ("tv_usec", ctypes.c_long))


class _PyusbBackend(Protocol):
    """What is used of pyusb."""

    lib: ctypes.CDLL


def load() -> ctypes.CDLL:
    """Return libusb, as pyusb has found it.

    Raises:
        ConfigError: One of the two is not installed.
    """
    try:
        # Imported when the first device is opened: a bench without one needs neither.
        module = importlib.import_module("usb.backend.libusb1")
    except ImportError as error:
        raise ConfigError("pyusb is not installed", remedy="`pip install 'labtroupe[usb]'`") from error
    backend = cast("_PyusbBackend | None", module.get_backend())
    if backend is None:
        raise ConfigError("libusb is not installed", remedy="`sudo apt install libusb-1.0-0`, or the like.")
    # The same library with argument types of our own: pyusb's are for its own structures.  Both
    # attributes are documented, in spite of their names.
    lib = ctypes.CDLL(backend.lib._name, handle=backend.lib._handle)  # noqa: SLF001
    lib.libusb_alloc_transfer.restype = ctypes.POINTER(RawTransfer)
    lib.libusb_get_pollfds.restype = ctypes.POINTER(ctypes.POINTER(_Pollfd))
    lib.libusb_get_device_list.restype = ctypes.c_ssize_t
    lib.libusb_error_name.restype = ctypes.c_char_p
    return lib


def open_device(
    bus: int, number: int, undo: contextlib.ExitStack
) -> tuple[ctypes.CDLL, ctypes.c_void_p, ctypes.c_void_p]:
    """Return the library, a context, and a handle of the device that has a ``number`` on a ``bus``.

    Raises:
        OSError: It cannot be opened; says why.
        ConfigError: libusb is not installed.
    """
    lib = load()
    context, device = ctypes.c_void_p(), ctypes.c_void_p()
    _check(lib, lib.libusb_init(ctypes.byref(context)))
    undo.callback(lib.libusb_exit, context)
    devices = ctypes.POINTER(ctypes.c_void_p)()
    count = lib.libusb_get_device_list(context, ctypes.byref(devices))
    _check(lib, min(count, 0))
    try:
        for at in range(count):
            each = ctypes.c_void_p(devices[at])
            if (lib.libusb_get_bus_number(each), lib.libusb_get_device_address(each)) == (bus, number):
                _check(lib, lib.libusb_open(each, ctypes.byref(device)))
                undo.callback(lib.libusb_close, device)
                return lib, context, device
    finally:
        lib.libusb_free_device_list(devices, 1)
    raise OSError("LIBUSB_ERROR_NO_DEVICE")


def claim_interface(
    lib: ctypes.CDLL, device: ctypes.c_void_p, number: int, undo: contextlib.ExitStack
) -> None:
    """Take possession of an interface, if need be from a driver of the kernel, which gets it back.

    Raises:
        OSError: It cannot be had; says why.
    """
    lib.libusb_set_auto_detach_kernel_driver(device, 1)
    _check(lib, lib.libusb_claim_interface(device, number))
    undo.callback(lib.libusb_release_interface, device, number)


def pollfds(lib: ctypes.CDLL, context: ctypes.c_void_p) -> list[tuple[int, int]]:
    """Return the descriptors that a context waits for, each with the events of `select.poll`.

    There are none where the system waits for devices by other means.
    """
    found = lib.libusb_get_pollfds(context)
    if not found:
        return []
    pointers = itertools.takewhile(bool, (found[at] for at in itertools.count()))
    descriptors = [(each.contents.fd, each.contents.events) for each in pointers]
    lib.libusb_free_pollfds(found)
    return descriptors


def error_name(lib: ctypes.CDLL, error: int) -> str:
    """Return the name of an error of libusb, such as ``LIBUSB_ERROR_BUSY``."""
    name: bytes = lib.libusb_error_name(error)
    return name.decode()


def _check(lib: ctypes.CDLL, error: int) -> None:
    if error:
        raise OSError(error_name(lib, error))
