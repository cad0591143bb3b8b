"""The watchdog: says where code is that holds up the loop, and with it every instrument."""

from __future__ import annotations

import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Final

import attrs
import trio

from labtroupe.messages import Event, LoopHeldUp

_log: Final = logging.getLogger(__name__)

LIMIT: Final = 1.0
"""Seconds without a step of any other task after which that is reported."""

# How often it looks within the limit.
_LOOKS: Final = 4


@attrs.define(eq=False)
class Watchdog:
    """Watches the loop from a thread, as nobody inside can say anything while it stands.

    It logs the stack at once, and publishes it as an event when the loop goes on.

    Attributes:
        publish: Takes the events.
        limit: Seconds that nobody may hold up the loop.
    """

    publish: Callable[[Event], None]
    limit: float = LIMIT
    _beat: float = attrs.field(factory=time.monotonic, init=False)
    _stack: str = attrs.field(default="", init=False)
    _over: threading.Event = attrs.field(factory=threading.Event, init=False)

    async def run(self) -> None:
        """Watch the loop of this thread, until cancelled."""
        thread = threading.Thread(
            target=self._watch, args=(threading.get_ident(),), name="labtroupe watchdog"
        )
        self._beat = time.monotonic()
        thread.start()
        try:
            while True:
                await trio.sleep(self.limit / _LOOKS)
                before, self._beat = self._beat, time.monotonic()
                if self._stack:
                    self.publish(LoopHeldUp(elapsed=self._beat - before, stack=self._stack))
                    self._stack = ""
        finally:
            self._over.set()
            thread.join()

    def _watch(self, ident: int) -> None:
        seen = 0.0
        while not self._over.wait(self.limit / _LOOKS):
            # Twice the same late beat: once may be a machine that stood still, us included.
            beat = self._beat
            late = time.monotonic() - beat > self.limit
            if late and beat == seen and not self._stack:
                self._stack = "".join(traceback.format_stack(sys._current_frames()[ident]))  # noqa: SLF001 - public in all but name
                _log.error("the loop is held up, and with it every instrument, by:\n%s", self._stack)
            seen = beat if late else 0.0
