"""A device that is late, silent, garbled, split, doubled and talkative, and still never lies.

Each answer has the number of its request in it, which the link's shape check does not look at: so a
wrong answer is noticed by the test, and by nothing else.  The rules of its mischief are those that
a device without tags has to keep for anybody to understand it: it answers in order, no answer is
later than declared, and what comes twice does so without a pause between.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Final

import attrs

Pieces = list[tuple[float, bytes]]
"""Bytes, each some seconds after the ones before."""

KINDS: Final = (b"A", b"B", b"C")
"""Questions that have one line for an answer, each of its own shape."""
PAGES: Final = 3
"""Lines of the answer to ``M``."""


@attrs.frozen
class Mood:
    """How often it does what, from 0 to 1, and how slow it is, in seconds.

    Attributes:
        pace: What an answer usually takes.
        lateness: What it takes at most.
    """

    pace: float = 0.01
    lateness: float = 0.8
    late: float = 0.1
    silent: float = 0.05
    garbled: float = 0.05
    cut: float = 0.03
    doubled: float = 0.05
    noted: float = 0.2
    stray: float = 0.03
    split: float = 0.5


@attrs.define(eq=False)
class Mischief:
    """Such a device; it hears bytes, and says pieces.

    Attributes:
        random: What chooses.
        mood: How often it does what.
        tagged: It repeats the number behind a ``#``, and so may do anything with its answers.
        identities: How often it was asked who it is.
        heard: Requests so far.
    """

    random: Random
    mood: Mood
    tagged: bool = False
    identities: int = 0
    heard: int = 0
    _half: bytes = b""

    def hear(self, data: bytes) -> Pieces:
        """Take bytes, and answer each line that is complete."""
        *requests, self._half = (self._half + data).split(b"\n")
        return [piece for request in requests for piece in self._answer(request)]

    def idle(self) -> Pieces:
        """Say something while nobody asks."""
        return self._pieces(self._note() if self._chance(self.mood.noted) else b"")

    def _answer(self, request: bytes) -> Pieces:
        self.heard += 1
        answer = self._truth(request)
        if self._chance(self.mood.silent):
            return []
        if answer and self._chance(self.mood.garbled):
            at = self.random.randrange(len(answer))
            answer = answer[:at] + b"\xff" + answer[at + 1 :]
        if self._chance(self.mood.cut):
            answer = answer[: self.random.randrange(len(answer) + 1)]
        if self._chance(self.mood.doubled):
            return self._before() + self._twice(answer)
        return self._before() + self._pieces(answer, self._delay())

    def _truth(self, request: bytes) -> bytes:
        """Return the answer without any mischief; nothing to what it does not understand."""
        kind, tail = request[:1], request[1:]
        number, _, tag = tail.partition(b"#")
        end = b"#" + tag + b"\n" if self.tagged else b"\n"
        if request.startswith(b"ID?") and (self.tagged or request == b"ID?"):
            self.identities += 1
            return b"ID %d" % self.identities + end
        if not number.isdigit():
            return b"ERR" + end if request else b""
        if kind == b"M":
            return b"".join(b"m%s.%d" % (number, page) + end for page in range(PAGES))
        return kind.lower() + number + end if kind in KINDS else b""

    def _before(self) -> Pieces:
        """Say something before an answer."""
        said = self._note() if self._chance(self.mood.noted) else b""
        return self._pieces(said + (b"?boot\n" if self._chance(self.mood.stray) else b""))

    def _note(self) -> bytes:
        return b"!%d\n" % self.random.randrange(1000)

    def _twice(self, answer: bytes) -> Pieces:
        """Say it twice; who can tell the two apart only by their time gets them at one time."""
        if self.tagged or not answer:
            return self._pieces(answer, self._delay()) + self._pieces(answer, self._delay())
        at, end = self.random.randrange(len(answer)), self.random.randrange(1, len(answer) + 1)
        middle = answer[at:] + answer[:end]
        gap = self.mood.pace * self.random.random()
        pieces = [(self._delay(), answer[:at]), (gap, middle), (gap, answer[end:])]
        return [piece for piece in pieces if piece[1]]

    def _pieces(self, data: bytes, delay: float = 0.0) -> Pieces:
        """Return it in one piece or in several."""
        if not data:
            return []
        cuts: Sequence[int] = ()
        if self._chance(self.mood.split):
            cuts = sorted(self.random.choices(range(len(data) + 1), k=self.random.randint(1, 3)))
        return [
            (delay if start == 0 else self.mood.pace * self.random.random(), data[start:end])
            for start, end in _spans(cuts, len(data))
        ]

    def _delay(self) -> float:
        if self._chance(self.mood.late):
            return self.random.uniform(self.mood.pace, self.mood.lateness)
        return self.mood.pace * self.random.random()

    def _chance(self, probability: float) -> bool:
        return self.random.random() < probability


def _spans(cuts: Sequence[int], length: int) -> Iterator[tuple[int, int]]:
    """Yield the beginnings and ends of the parts."""
    start = 0
    for end in (*cuts, length):
        if end > start:
            yield start, end
            start = end


def is_note(frame: bytes) -> bool:
    """Return whether the device says it by itself."""
    return frame.startswith(b"!")


_SHAPES: Final = {
    kind: re.compile(shape + rb"(#\d+)?")
    for kind, shape in [
        *((kind, kind.lower() + rb"(\d+)") for kind in KINDS),
        (b"M", rb"m(\d+)\.(\d)"),
        (b"ID?", rb"ID (\d+)"),
    ]
}


def number_in(kind: bytes, frame: bytes) -> int:
    """Return the number in an answer to such a question."""
    found = _SHAPES[kind].fullmatch(frame)
    assert found is not None
    return int(found[1])


def shape_of(kind: bytes) -> Callable[[bytes], bool]:
    """Return the shape check of such a question, which does not look at the number."""
    return lambda frame: _SHAPES[kind].fullmatch(frame) is not None


def are_pages(frames: Sequence[bytes]) -> bool:
    """Return whether the last of these frames has the shape of that line in an answer to ``M``."""
    found = _SHAPES[b"M"].fullmatch(frames[-1])
    return found is not None and int(found[2]) == len(frames) - 1


def same_tag(request: bytes, frame: bytes) -> bool:
    """Return whether a frame has the tag of a request."""
    return frame.rpartition(b"#")[2] == request.rpartition(b"#")[2]


def stamp(request: bytes, number: int) -> bytes:
    """Return a request with its tag."""
    return request + b"#%d" % number
