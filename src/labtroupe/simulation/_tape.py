"""A device that says again what one has said whose traffic is on a tape."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import attrs

from labtroupe.simulation._script import Script, ScriptBroken, Step
from labtroupe.tapes import TapeFile, read_tape


@attrs.frozen
class TapeStep(Step):
    """A step that is on a tape.

    Attributes:
        pause: Seconds from what is before it on the tape, in either direction.
    """

    pause: float


@attrs.define(eq=False)
class Tape(Script):
    """A device that replays a tape of `labtroupe record`.

    A strict one expects what was sent, byte by byte and in this order; a lenient one may be asked for
    anything on the tape at any time.  Each answer takes as long as it did.  What the device has said
    before it was told anything is left out.  A power cycle begins the tape anew.

    Attributes:
        path: The tape.
        within: Seconds by which what is expected may be too early or too late; any time will do, if
            it is not given.
    """

    path: Path = attrs.field(converter=Path)
    # Nothing would be too late for NaN.
    within: float = attrs.field(
        default=math.inf, converter=float, validator=attrs.validators.ge(0.0), kw_only=True
    )
    # When what is before the next step is over, once there is such a thing.
    _last: float | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        """Read the tape, and switch it on."""
        for step in _steps(self.path.name, read_tape(self.path)):
            self._add(step)
        super().__attrs_post_init__()

    @property
    def title(self) -> str:
        """Its name."""
        return self.path.name

    def power_on(self) -> None:
        """Begin anew."""
        super().power_on()
        self._last = None

    def check_time(self, step: Step, now: float) -> None:
        """Check that a step is done when the tape has it.

        Raises:
            ScriptBroken: It is too early or too late.
        """
        if isinstance(step, TapeStep):
            pause = step.pause if self._last is None else now - self._last
            if abs(pause - step.pause) > self.within:
                line = f"{step.where}: {step.request!r} came after {pause:.3g} s, and not {step.pause:.3g} s"
                raise ScriptBroken(line, line)
            self._last = now + sum(after or 0.0 for after, _ in step.answers)


def _steps(name: str, tape: TapeFile) -> Iterator[Step]:
    """Yield each frame that was sent, with those that were received until the next one."""
    step: TapeStep | None = None
    before = 0.0
    for number, frame in tape.frames:
        pause, before = frame.at - before, frame.at
        if frame.sent:
            if step is not None:
                yield step
            step = TapeStep(frame.data, (), f"line {number} of {name}", pause)
        elif step is not None:
            step = attrs.evolve(step, answers=(*step.answers, (pause, frame.data)))
    if step is not None:
        yield step
