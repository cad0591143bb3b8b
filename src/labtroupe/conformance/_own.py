"""What a driver notes in fields of its own, and whether it takes for done what was cut off."""

from __future__ import annotations

import enum
from collections.abc import Mapping

import attrs

from labtroupe.actor import Actor
from labtroupe.conformance._finding import Shortfall
from labtroupe.messages import Message

_FIX = "Note what is set when the device has acknowledged it, and not before: it may be cut off."
Plain = bool | int | float | str | enum.Enum


def own(driver: Actor | None) -> Mapping[str, Plain]:
    """Return the fields of a driver that have plain values; none of one that is not there."""
    if driver is None:
        return {}
    names = [*(each.name for each in attrs.fields(type(driver))), *getattr(driver, "__dict__", ())]
    values = {name: getattr(driver, name, None) for name in names}
    return {name: value for name, value in values.items() if isinstance(value, Plain)}


def see_not_noted(
    message: Message[object],
    before: Mapping[str, Plain],
    cut_off: Mapping[str, Plain],
    done: Mapping[str, Plain],
) -> None:
    """Raise `Shortfall` if a field is the same after a message was cut off as after it was done.

    Of numbers and texts, only those that the message has: others may count or name what was asked.
    """
    arguments = [*message.args, *(value for _, value in message.kwargs)]
    said = [each for each in arguments if isinstance(each, Plain)]
    for name, value in done.items():
        is_state = isinstance(value, bool | enum.Enum) or value in said
        if is_state and value != before.get(name) and value == cut_off.get(name):
            raise Shortfall(f"{message!r} was cut off, and its {name} is {value!r} already", _FIX)
