"""What is made of answers on the way: other bytes, or too many."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

_NOISE_LIMIT: Final = 8


def garbage(rng: random.Random, count: int) -> bytes:
    """Return bytes as a wrong baud rate makes them: none is ASCII, none ends a line."""
    return bytes(rng.randrange(0x80, 0x100) for _ in range(count))


def _garble(answer: bytes, dice: random.Random) -> bytes:
    """Return an answer with one byte changed."""
    at = dice.randrange(len(answer))
    return answer[:at] + bytes([answer[at] ^ dice.randrange(1, 0x100)]) + answer[at + 1 :]


SPOILED: Final[Mapping[str, Callable[[bytes, random.Random], bytes]]] = MappingProxyType(
    {
        "garbled": _garble,
        "noise": lambda answer, dice: garbage(dice, dice.randint(1, _NOISE_LIMIT)) + answer,
    }
)
"""What some faults make of an answer, by name, in the order in which they do."""
