"""A USB device's descriptors: which of its interfaces carries bytes, over which endpoints."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

_CONFIGURATION, _INTERFACE, _ENDPOINT = 2, 4, 5
"""The kinds of descriptors that matter (USB 2.0, table 9-5)."""

_HEAD = 2
"""Bytes that each begins with: its length and its kind."""

_BULK = 2
_TRANSFER_TYPE = 0x03
_IN = 0x80

_USBTMC = (0xFE, 0x03)
"""Class and subclass (USBTMC 1.0, table 43)."""


@attrs.frozen
class BulkInterface:
    """An interface with a bulk endpoint in each direction.

    Attributes:
        number: Its number in the device.
        usbtmc: Whether it speaks the protocol for test and measurement devices.
        bulk_in: The endpoint that is read.
        bulk_out: The endpoint that is written.
    """

    number: int
    usbtmc: bool
    bulk_in: int
    bulk_out: int


_LENGTHS = {_CONFIGURATION: 9, _INTERFACE: 9, _ENDPOINT: 7}
"""Bytes that a descriptor has at least (USB 2.0, 9.6)."""


def bulk_interfaces(descriptors: bytes, configuration: int) -> list[BulkInterface]:
    """Return the interfaces that carry bytes in one configuration of a device.

    Args:
        descriptors: That of the device and those of all its configurations, one after the other.
        configuration: The value of the one that is in use.
    """
    found: list[BulkInterface] = []
    for header, endpoints in _interfaces(descriptors, configuration):
        bulk = [end[2] for end in endpoints if end[3] & _TRANSFER_TYPE == _BULK]
        inputs, outputs = [end for end in bulk if end & _IN], [end for end in bulk if not end & _IN]
        # Other than its first setting an interface has only when asked.
        if inputs and outputs and header[3] == 0:
            found.append(BulkInterface(header[2], (header[5], header[6]) == _USBTMC, inputs[0], outputs[0]))
    return found


def _interfaces(descriptors: bytes, configuration: int) -> list[tuple[bytes, list[bytes]]]:
    """Return each interface of a configuration with its endpoints."""
    found: list[tuple[bytes, list[bytes]]] = []
    in_use = False
    for each in _split(descriptors):
        if len(each) < _LENGTHS.get(each[1], 0):
            continue  # Cut short, or a device that does not know how.
        if each[1] == _CONFIGURATION:
            in_use = each[5] == configuration
        elif in_use and each[1] == _INTERFACE:
            found.append((each, []))
        elif in_use and each[1] == _ENDPOINT and found:
            found[-1][1].append(each)
    return found


def _split(descriptors: bytes) -> Iterator[bytes]:
    """Cut descriptors apart; each begins with its length."""
    at = 0
    while at + _HEAD <= len(descriptors) and (length := descriptors[at]) >= _HEAD:
        yield descriptors[at : at + length]
        at += length
