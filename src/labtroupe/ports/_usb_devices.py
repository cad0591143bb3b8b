"""The USB devices there are, as Linux describes them below ``/sys``; none of them is asked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from labtroupe.ports._port import Identity, Port

_DEVICES = "/sys/bus/usb/devices"

_HUB = "09"
"""The class of devices that are hubs, those in the host included."""


def usb_devices() -> Sequence[Port]:
    """Return the USB devices that are no hubs, sorted by where they are plugged in.

    It takes a fraction of a millisecond for each: with many, call it in a thread.
    """
    try:
        folders = sorted(Path(_DEVICES).iterdir())
    except OSError:
        # There is no USB, or this is no Linux.
        return []
    # With a colon in its name it is an interface of a device.
    return [device for folder in folders if ":" not in folder.name for device in _read(folder)]


def _read(folder: Path) -> Iterator[Port]:
    # It may be unplugged meanwhile.
    with contextlib.suppress(OSError, ValueError):
        if _text(folder, "bDeviceClass") != _HUB:
            yield Port(
                f"/dev/bus/usb/{int(_text(folder, 'busnum')):03}/{int(_text(folder, 'devnum')):03}",
                " ".join(filter(None, (_optional(folder, "manufacturer"), _optional(folder, "product")))),
                Identity(
                    vid=_text(folder, "idVendor"),
                    pid=_text(folder, "idProduct"),
                    serial_number=_optional(folder, "serial"),
                    location=folder.name,
                ),
            )


def _text(folder: Path, name: str) -> str:
    return (folder / name).read_text(errors="replace").strip()


def _optional(folder: Path, name: str) -> str:
    with contextlib.suppress(OSError):
        return _text(folder, name)
    return ""


def usb_descriptors(device: Port) -> tuple[bytes, int]:
    """Return all descriptors of a device, and which configuration of it is in use; 0 for none.

    Raises:
        OSError: It was unplugged meanwhile.
    """
    folder = Path(_DEVICES, device.identity.location)
    configuration = _text(folder, "bConfigurationValue")
    return (folder / "descriptors").read_bytes(), int(configuration or 0)
