"""A device that follows a script: it expects certain bytes, and says others; no I/O, no clock."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Self

import attrs

from labtroupe.simulation._device import SimulatedDevice

# Bytes of a piece that a report shows around the first difference.
_SHOWN = 60


class ScriptBroken(AssertionError):
    """Something else was said to a device than its script has, or less, or at another time."""

    def __init__(self, report: str, line: str) -> None:
        super().__init__(report)
        self._line = line

    def __repr__(self) -> str:
        """Return it in one line."""
        return self._line


def differing(where: str, expected: bytes, got: bytes, later: str = "") -> ScriptBroken:
    """Return the error that says what differs, and where, and which later part it is if it is one."""
    pairs = zip(expected, got, strict=False)
    at = next((at for at, (one, other) in enumerate(pairs) if one != other), min(len(expected), len(got)))
    begin = max(0, at - _SHOWN // 2)
    shown = [repr(text[begin : begin + _SHOWN]) if text else "nothing" for text in (expected, got)]
    # Below the first character that differs, behind a `b` and a quote.
    caret = " " * (len("  expected: ") + len(repr(expected[begin:at])) - 1) + "^"
    report = [f"{where}:", f"  expected: {shown[0]}", f"  got:      {shown[1]}", f"{caret} byte {at}"]
    return ScriptBroken(
        "\n".join([*report, *([f"  which is {later}"] if later else [])]),
        f"{where}: expected {shown[0]}, got {shown[1]}",
    )


def _switch(given: bool | str) -> bool:  # noqa: FBT001 - a converter's only argument
    """Return a switch, which may come as text from an address."""
    words = {"1": True, "0": False}
    if isinstance(given, str) and given not in words:
        raise ValueError(f"strict is 0 or 1, not {given!r}")
    return words[given] if isinstance(given, str) else given


def _check_bytes(given: object) -> None:
    if not isinstance(given, bytes):
        raise TypeError(f"a script is of bytes, such as b'T?', and {given!r} is none")


@attrs.frozen
class Step:
    """What is expected, and what is said then.

    Attributes:
        request: The bytes that are expected.
        answers: What is said, each some seconds after the one before; ``None`` for the device's latency.
        where: Which part of the script this is, for people.
    """

    request: bytes
    answers: Sequence[tuple[float | None, bytes]]
    where: str


@attrs.define(eq=False)
class Script(SimulatedDevice):
    r"""A device that follows a script.

    ::

        device = Script().expect(b"ID?\r", b"LINKAM\r").expect(b"T\r", b"23.4\r").expect(b"E\r")

    A strict one takes exactly this, once and in this order, in any number of pieces; anything else
    breaks it.  A lenient one takes each part at any time and any number of times, and does not mind
    what it does not know.  One with several answers to the same request gives them in turn.  A power
    cycle begins either anew.

    Attributes:
        strict: Whether it is.
        heard: All that was said to it.
    """

    strict: bool = attrs.field(default=True, converter=_switch, kw_only=True)
    heard: bytes = attrs.field(default=b"", init=False)
    _steps: list[Step] = attrs.field(factory=list[Step], init=False)
    # Of each request the steps that it is in: a long tape has few, each many times.
    _numbers: dict[bytes, list[int]] = attrs.field(factory=dict[bytes, list[int]], init=False)
    # The first step that is not done; of a lenient one, the first to look at.
    _next: int = attrs.field(default=0, init=False)
    _unfinished: bytes = attrs.field(default=b"", init=False)

    @property
    def title(self) -> str:
        """What a report calls the script."""
        return "the script"

    def expect(self, request: bytes, *answers: bytes) -> Self:
        """Add a part to the script: these bytes are expected, and these answers then given in turn.

        Raises:
            TypeError: One of them is no bytes.
            ValueError: It expects nothing.
        """
        where = f"step {len(self._steps) + 1} of the script"
        return self._add(Step(request, [(None, answer) for answer in answers], where))

    def _add(self, step: Step) -> Self:
        for each in (step.request, *(answer for _, answer in step.answers)):
            _check_bytes(each)
        if not step.request:
            raise ValueError("a script cannot expect nothing")
        self._numbers.setdefault(step.request, []).append(len(self._steps))
        self._steps.append(step)
        return self

    def power_on(self) -> None:
        """Begin the script anew."""
        self._next, self._unfinished = 0, b""

    def device_clear(self) -> None:
        """Forget half a request."""
        self._unfinished = b""

    def check_done(self) -> None:
        """Raise if something is still expected.

        Raises:
            ScriptBroken: It is; a lenient one expects nothing.
        """
        if self.strict and self._next < len(self._steps):
            step = self._steps[self._next]
            raise differing(step.where, step.request, self._unfinished)

    def respond(self, data: bytes, now: float) -> Sequence[tuple[float, bytes]]:
        """Go on in the script.

        Raises:
            ScriptBroken: These bytes are not in a strict script, or not here.
        """
        self.advance(now)
        self.heard += data
        self._unfinished += data
        answers: list[tuple[float, bytes]] = []
        while self._unfinished and (step := self._take()) is not None:
            self.check_time(step, now)
            answers += ((self.latency if after is None else after, answer) for after, answer in step.answers)
        return answers

    def hear(self, data: bytes) -> Sequence[bytes]:
        """Go on in the script, without its times."""
        return [answer for _, answer in self.respond(data, self._clock or 0.0)]

    def check_time(self, step: Step, now: float) -> None:
        """Check that a step is done at ``now`` as the script has it; one without times does not care."""

    def _take(self) -> Step | None:
        """Return the step that the bytes so far complete, which are gone then; ``None`` for none yet."""
        if not self.strict:
            return self._take_any()
        if self._next == len(self._steps):
            raise differing(f"after the end of {self.title}", b"", self._unfinished)
        step = self._steps[self._next]
        common = min(len(step.request), len(self._unfinished))
        if step.request[:common] != self._unfinished[:common]:
            rest = self._steps[self._next :]
            later = (each.where for each in rest if self._unfinished.startswith(each.request))
            raise differing(step.where, step.request, self._unfinished, next(later, ""))
        return self._done(self._next) if common == len(step.request) else None

    def _take_any(self) -> Step | None:
        while self._unfinished:
            complete = [each for each in self._numbers if self._unfinished.startswith(each)]
            if complete:
                ahead = min((self._next_of(each) - self._next) % len(self._steps) for each in complete)
                return self._done((self._next + ahead) % len(self._steps))
            if any(request.startswith(self._unfinished) for request in self._numbers):
                return None
            self._unfinished = self._unfinished[1:]
        return None

    def _next_of(self, request: bytes) -> int:
        """Return the number of the next step with this request, after the last one again the first."""
        numbers = self._numbers[request]
        return numbers[bisect_left(numbers, self._next) % len(numbers)]

    def _done(self, number: int) -> Step:
        step = self._steps[number]
        self._next = number + 1
        self._unfinished = self._unfinished[len(step.request) :]
        return step
