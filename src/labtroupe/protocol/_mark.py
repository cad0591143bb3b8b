"""Bytes that mark where something begins or ends."""

from __future__ import annotations

from typing import Final

import attrs

_SUCH_AS: Final = b"\r\n"


def is_mark(_: object, field: attrs.Attribute[bytes], value: object) -> None:
    r"""Validate a field.

    Raises:
        ValueError: It has no bytes, but for example the text ``"\n"``.
    """
    if not (isinstance(value, bytes) and value):
        raise ValueError(f"{field.name} is one byte or more, such as {_SUCH_AS!r}, not {value!r}")
