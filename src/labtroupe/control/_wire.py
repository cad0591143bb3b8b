"""The lines that go over a bench's socket: JSON, one object per line.

A client sends one request and reads until the end: one ``result`` or
``error``, or for a stream one ``item`` after the other.  To close the
connection, its sending half included, cancels what was asked for.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

import attrs
import msgspec

from labtroupe.errors import LabtroupeError, sentence
from labtroupe.messages import Event

# Of each error.
_SAID: Final = frozenset({"code", "remedy", "instrument", "outcome"})


class Request(msgspec.Struct, forbid_unknown_fields=True):
    """What a client asks for: the name of an operation and its arguments by name."""

    op: str
    args: dict[str, Any] = {}


def decode_request(line: bytes) -> Request:
    """Read a request.

    Raises:
        LabtroupeError: It is not one.
    """
    try:
        return msgspec.json.decode(line, type=Request)
    except msgspec.DecodeError as error:
        raise LabtroupeError(
            f"not a request: {error}", remedy="Use the labtroupe command of this version."
        ) from None


def encode_result(result: object) -> bytes:
    """Return the line that answers a request."""
    return _line({"result": to_json(result)})


def encode_item(item: object) -> bytes:
    """Return the line for one item of a stream."""
    return _line({"item": to_json(item)})


def encode_error(error: LabtroupeError) -> bytes:
    """Return the line that says why there is no answer."""
    return _line(
        {
            "error": {
                "code": error.code,
                "message": sentence(error),
                "instrument": error.instrument,
                "remedy": error.remedy,
                "outcome": error.outcome,
                "facts": to_json({name: vars(error)[name] for name in _facts(error)}),
            }
        }
    )


def _facts(error: LabtroupeError) -> Iterator[str]:
    """Yield the names of what an error says of its own; NaN stands for what it does not know."""
    for name, value in vars(error).items():
        unknown = isinstance(value, float) and math.isnan(value)
        if name not in _SAID and not name.startswith("_") and not unknown:
            yield name


def to_json(value: object) -> Any:  # noqa: ANN401 - JSON is what it is
    """Return a value in the types of JSON; what JSON cannot say becomes text.

    NaN and the infinities become ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``,
    because a reading that is not a number must not be read as none at all.
    """
    if isinstance(value, Event):
        fields = attrs.asdict(value)
        return _finite(
            msgspec.to_builtins({"kind": value.kind, "text": value.text} | fields, enc_hook=_plain)
        )
    if attrs.has(type(value)):
        # In the order of its declaration: msgspec would take the alphabet's.
        value = attrs.asdict(cast("attrs.AttrsInstance", value))
    return _finite(msgspec.to_builtins(value, enc_hook=_plain))


def _plain(value: object) -> object:
    """Return what msgspec does not know: numpy's numbers and arrays as those of Python, all else as text."""
    to_list = getattr(value, "tolist", None)
    return to_list() if callable(to_list) else str(value)


def _finite(value: Any) -> Any:  # noqa: ANN401 - JSON is what it is
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in cast("Sequence[Any]", value)]
    return value


def _line(body: Mapping[str, object]) -> bytes:
    return json.dumps(body, allow_nan=False).encode() + b"\n"
