"""COBS: frames of any bytes, stuffed so that the only zeros are their ends."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import cast

import attrs
from attrs.validators import ge

from labtroupe.errors import ConfigError, ProtocolError
from labtroupe.protocol._lines import Lines
from labtroupe.protocol._mapped import MappedDecoder
from labtroupe.protocol._shown import shown


@attrs.frozen
class Cobs:
    """Consistent overhead byte stuffing, each frame followed by a zero.

    After S. Cheshire and M. Baker, "Consistent Overhead Byte Stuffing", IEEE/ACM Transactions on
    Networking 7 (1999) 159.  After garbage it is in order from the next frame on.  Needs the extra
    ``labtroupe[cobs]``; without it, a `ConfigError` says so.

    Attributes:
        max_length: The most bytes a frame may have on the wire, its zero not counted.
    """

    max_length: int = attrs.field(default=4096, kw_only=True, validator=ge(1))

    def __attrs_post_init__(self) -> None:
        """See that the extra is installed."""
        _library()

    def encode(self, request: bytes) -> bytes:
        """Return ``request`` as a frame; for an empty one the zero alone, with which half a frame is none."""
        return (cast("bytes", _library().encode(request)) if request else b"") + b"\0"

    def decoder(self) -> MappedDecoder:
        """Return a new decoder; it holds less than the longest frame and what was fed last (L6)."""
        return MappedDecoder(Lines(b"\0", max_length=self.max_length).decoder(), _unwrap)


def _unwrap(frame: bytes) -> bytes | None:
    """Return what is in a frame; nothing for what is between two zeros."""
    cobs = _library()
    try:
        return cast("bytes", cobs.decode(frame)) if frame else None
    except cobs.DecodeError as error:
        raise ProtocolError(f"no COBS frame, as {error}: {shown(frame)}") from error


def _library() -> ModuleType:
    try:
        return importlib.import_module("cobs.cobs")
    except ImportError as error:
        raise ConfigError("Cobs needs what is not installed: pip install 'labtroupe[cobs]'") from error
