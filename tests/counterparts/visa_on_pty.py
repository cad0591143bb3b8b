"""A device of pyvisa-sim behind a pty: ``visa_on_pty.py DEVICES.yaml RESOURCE``, which prints its path."""

from __future__ import annotations

import os
import sys
import tty
from typing import Any

import pyvisa


def answer(device: Any) -> bytes:  # noqa: ANN401 - pyvisa has no type for what can write and read
    """Return what the device says now; nothing if it says nothing for 20 ms."""
    try:
        return bytes(device.read_raw())
    except pyvisa.errors.VisaIOError:
        return b""


def main(devices: str, resource: str) -> None:
    """Hand every line on, and its answer back, until the pty is closed."""
    device: Any = pyvisa.ResourceManager(f"{devices}@sim").open_resource(resource)
    device.timeout = 20
    master, slave = os.openpty()
    tty.setraw(slave)
    sys.stdout.write(os.ttyname(slave) + "\n")
    sys.stdout.flush()
    held = b""
    while True:
        *lines, held = (held + os.read(master, 4096)).split(b"\n")
        for line in lines:
            device.write_raw(line + b"\n")
            os.write(master, answer(device))


if __name__ == "__main__":
    main(*sys.argv[1:])
