"""Running the menu: each check in a run of trio of its own, on a clock that never waits."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Final, cast

import attrs
import trio
from trio.testing import MockClock

from labtroupe.conformance._card import Card, Result, Verdict
from labtroupe.conformance._check import Check
from labtroupe.conformance._finding import NotDeclared, Shortfall
from labtroupe.conformance._menu import CHECKS
from labtroupe.conformance._subject import Subject
from labtroupe.conformance._threads import PATIENCE, WaitForThreads
from labtroupe.conformance._trial import Ground
from labtroupe.conformance._unawaited import noting_unawaited
from labtroupe.errors import sentence

# Turns of trio's loop without a byte or a tick of its clock, after which somebody turns it without end.
_MOST_TURNS: Final = 5_000
# Real seconds that a check may take, and that it gets to end when it was given up.
_MOST_SECONDS: Final = 30.0
_LAST_SECONDS: Final = 0.5
# Real seconds that one step of the code may take.
_BLOCKED_SECONDS: Final = 3.0
# Seconds of the trial's clock.
_MOST_VIRTUAL: Final = 100_000.0

_STUCK: Final = "its code does not end when it is cancelled"
_UNSTICK: Final = (
    "Never catch `trio.Cancelled`, shield nothing without a deadline, and let what is done in a thread end "
    f"within {PATIENCE:g} s. Then try again: the other checks need it."
)
_SLOW: Final = f"its code blocks, or works for more than {_MOST_SECONDS:g} s"
_SPEED_UP: Final = (
    "Wait with `await trio.sleep(...)`, never with `time.sleep`, and for bytes with `self.link`. Then try "
    "again: the other checks need it."
)

_NO_EXIT: Final = "Never end the program from a driver: let it raise an error, or return."
_AWAIT: Final = "Write `await` before the call: without it nothing is done."


def run_card(
    subject: Subject, *, checks: Sequence[Check] = CHECKS, on_result: Callable[[Result], None] | None = None
) -> Card:
    """Try a driver, and return its card.

    Takes some seconds, and no time of the devices': each check runs in a thread of its own, in which the
    clock is moved on whenever there is nothing to do.  The port is in memory.

    Args:
        subject: The driver.
        checks: What to try.
        on_result: Told each result as soon as it is known.
    """
    results: list[Result] = []
    for result in _try_all(subject, checks):
        results.append(result)
        if on_result is not None:
            on_result(result)
    return Card(subject.name, subject.device, repr(subject.probe), tuple(results))


def _try_all(subject: Subject, checks: Sequence[Check]) -> Iterator[Result]:
    why_not = ""
    for check in checks:
        if why_not:
            yield Result(check.name, check.promise, Verdict.NOT_TRIED, why_not)
            continue
        run = _Run(check, Ground(subject))
        yield (result := run.result())
        if run.stuck:
            why_not = run.stuck
        elif check is CHECKS[0] and result.verdict is Verdict.FAILS:
            why_not = f"{check.name} fails"


@attrs.define(eq=False)
class _Run:
    """One check, tried once."""

    check: Check
    ground: Ground
    _error: BaseException | None = attrs.field(default=None, init=False)
    _note: str = attrs.field(default="", init=False)
    _over: threading.Event = attrs.field(factory=threading.Event, init=False)
    _token: trio.lowlevel.TrioToken | None = attrs.field(default=None, init=False)
    _slow: bool = attrs.field(default=False, init=False)
    _treadmill: _Treadmill = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Have its loop watched."""
        self._treadmill = _Treadmill(self.ground, self._give_up)

    @property
    def stuck(self) -> str:
        """Why the card ends with this check; empty if it does not."""
        return (_SLOW if self._slow else _STUCK) if self.ground.stuck.is_set() else ""

    def result(self) -> Result:
        """Try it, and return what was found."""
        with noting_unawaited() as unawaited:
            found = self._found()
        if unawaited and found.verdict is Verdict.HOLDS:
            return attrs.evolve(found, verdict=Verdict.FAILS, note=unawaited[0], fix=_AWAIT)
        return found

    def _found(self) -> Result:
        thread = threading.Thread(target=self._work, name=f"check {self.check.name}", daemon=True)
        thread.start()
        if not self._is_over_in_time():
            self._slow, self.ground.place = True, self._place_in(thread)
            if self._token is not None:
                with suppress(trio.RunFinishedError):
                    self._token.run_sync_soon(self._give_up)
        thread.join(_LAST_SECONDS)
        if thread.is_alive():
            # Nobody can end it.  It is left behind, and does nothing more if it turned without end.
            self.ground.stuck.set()
        check, error = self.check, self._error
        if self.stuck:
            place = f": {self.ground.place}" if self.ground.place else ""
            fix = _SPEED_UP if self._slow else _UNSTICK
            return Result(check.name, check.promise, Verdict.FAILS, f"{self.stuck}{place}", fix)
        if error is None:
            return Result(check.name, check.promise, Verdict.HOLDS, self._note)
        if isinstance(error, NotDeclared):
            return Result(check.name, check.promise, Verdict.NOT_DECLARED, str(error), error.fix)
        if isinstance(error, Shortfall):
            return Result(check.name, check.promise, Verdict.FAILS, str(error), error.fix or check.fix)
        seen = sentence(error, self.ground.subject.instrument_type)
        fix = check.fix if isinstance(error, Exception) else _NO_EXIT
        return Result(check.name, check.promise, Verdict.FAILS, seen, fix)

    def _is_over_in_time(self) -> bool:
        """Wait for it, but not for long if trio's loop does not turn any more."""
        give_up, turned = time.monotonic() + _MOST_SECONDS, -1
        while not self._over.wait(_BLOCKED_SECONDS):
            if self._treadmill.turned == turned or time.monotonic() >= give_up:
                return False
            turned = self._treadmill.turned
        return True

    def _work(self) -> None:
        clock = MockClock(autojump_threshold=0)
        try:
            trio.run(self._main, clock=clock, instruments=[self._treadmill, WaitForThreads(clock)])
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is what was found
            self._error = _innermost(error)
        finally:
            self._over.set()

    async def _main(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        # So that Python knows where a coroutine was made that nobody awaits.
        sys.set_coroutine_origin_tracking_depth(1)
        with trio.move_on_after(_MOST_VIRTUAL) as scope:
            self._note = await self.check.run(self.ground)
        if scope.cancelled_caught:
            raise Shortfall(f"it was not done within {_MOST_VIRTUAL:g} s")

    def _place_in(self, thread: threading.Thread) -> str:
        frame = sys._current_frames().get(thread.ident or 0)  # noqa: SLF001 - documented all the same
        return self.ground.subject.place(reversed([*traceback.walk_stack(frame)])) if frame else ""

    def _give_up(self) -> None:
        self.ground.abandon()
        self._over.set()


def _innermost(error: BaseException) -> BaseException:
    """Return the one error inside nested groups of one, also one that ends a program."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    group = cast("BaseExceptionGroup[BaseException]", error)
    return _innermost(group.exceptions[0]) if len(group.exceptions) == 1 else group


@attrs.define(eq=False)
class _Treadmill(trio.abc.Instrument):
    """Notices that trio's loop turns and turns, and nothing happens; stops it if even that is no help.

    Code that catches each cancellation cannot be ended from outside.

    Attributes:
        ground: What happens.
        on_runaway: Told of it.
        turned: How often it has turned at all.
    """

    ground: Ground
    on_runaway: Callable[[], None]
    turned: int = 0
    _seen: object = None
    _turns: int = 0

    def before_io_wait(self, timeout: float) -> None:  # noqa: ARG002 - that it is short is known
        self.turned += 1
        seen = (trio.current_time(), self.ground.traffic)
        self._turns = self._turns + 1 if seen == self._seen else 0
        self._seen = seen
        if self._turns == _MOST_TURNS:
            self.on_runaway()
        elif self._turns > 2 * _MOST_TURNS:
            threading.Event().wait()
