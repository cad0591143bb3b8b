"""Simulated devices whose messages have a framing."""

from __future__ import annotations

from typing import ClassVar

import attrs
import pytest

from labtroupe.protocol import ChecksummedFrame, Enclosed, Framing, LengthPrefixed, Slip, xor8
from labtroupe.simulation import FramedDevice


@attrs.define(eq=False)
class Counter(FramedDevice):
    """Counts its requests, and forgets them with its power; it has no answer to ``Q``."""

    framing: ClassVar[Framing] = ChecksummedFrame(Enclosed(), xor8)
    patience = 1.0
    count: int = attrs.field(default=0, init=False)

    def answer(self, request: bytes) -> bytes | None:
        """Count."""
        self.count += 1
        return None if request == b"Q" else b"%d %b" % (self.count, request)

    def power_on(self) -> None:
        """Forget."""
        self.count = 0


class Short(Counter):
    """The same with a length before each message."""

    framing = LengthPrefixed(2)


class Slipping(Counter):
    """The same with SLIP."""

    framing = Slip()


@pytest.mark.parametrize("kind", [Counter, Short, Slipping])
@pytest.mark.parametrize("size", [1, 3, 100])
def test_messages_may_come_in_any_pieces(kind: type[Counter], size: int) -> None:
    framing: Framing = kind.framing
    device, answers = kind(), list[bytes]()
    heard = b"".join(map(framing.encode, (b"abc", b"Q", b"de")))
    for at in range(0, len(heard), size):
        answers += device.receive(heard[at : at + size], now=0.0)

    assert answers == [framing.encode(b"1 abc"), framing.encode(b"3 de")]


def test_what_is_no_frame_is_not_heard() -> None:
    device, frame = Counter(), Counter.framing.encode(b"abc")
    wrong = frame[:-1] + bytes([frame[-1] ^ 1])

    assert device.receive(b"garbage" + wrong, now=0.0) == []
    assert device.receive(frame, now=0.0) == [Counter.framing.encode(b"1 abc")]


@pytest.mark.parametrize(("pause", "answered"), [(0.9, 1), (1.1, 0)])
def test_half_a_message_is_forgotten_after_a_while(pause: float, answered: int) -> None:
    device, frame = Short(), Short.framing.encode(b"abc")
    device.receive(frame[:3], now=5.0)

    assert len(device.receive(frame[3:], now=5.0 + pause)) == answered


def test_half_a_message_is_forgotten_with_the_power() -> None:
    device, frame = Short(), Short.framing.encode(b"abc")
    device.receive(frame + frame[:3], now=0.0)
    device.power_cycle(now=0.1)

    assert device.receive(frame, now=0.2) == [Short.framing.encode(b"1 abc")]
