"""What a procedure gets: its bench, its log, and waits that end when it is cancelled."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import TypeVar

import attrs

from labtroupe.channel import Channel
from labtroupe.errors import ChannelClosed
from labtroupe.runs._calls import Calls
from labtroupe.runs._cancellation import Cancellation
from labtroupe.runs._records import Report, encode
from labtroupe.runs._words import plain, words
from labtroupe.sync import Bench

T = TypeVar("T")


@attrs.frozen(eq=False)
class Run:
    """One run of a procedure, as its threads see it; all of them may use it until it is over.

    Once the run is cancelled each method raises `RunCancelled`, and does so again whenever
    it is called, save within `cleanup`.  So do the calls of its bench.

    Attributes:
        bench: The blocking face of the bench: ``run.bench["heater"].temperature()``.
    """

    bench: Bench
    _calls: Calls
    _cancellation: Cancellation
    _channel: Channel[bytes]

    def report(self, name: str, /, **data: object) -> None:
        """Add to the run's log what has happened; does not wait for the event loop, nor for the disk.

        The values are taken as they are now.  What JSON has no word for becomes text.

        Args:
            name: What it is about.
            data: Values that go with it.

        Raises:
            RunCancelled: The procedure has to end; nothing was added.
        """
        self._cancellation.check()
        values = {words(key): plain(each) for key, each in data.items()}
        report = Report(time=time.time(), name=words(name), data=values)
        try:
            self._channel.send(encode(report))
        except ChannelClosed:
            # It has ended since we looked.
            self._cancellation.check()
            raise

    def sleep(self, seconds: float) -> None:
        """Wait; with 0 only look whether the procedure is to go on.

        Raises:
            RunCancelled: The procedure has to end, perhaps before the time is over.
        """
        self._cancellation.wait(seconds)

    def call(self, function: Callable[..., Awaitable[T]], *args: object) -> T:
        """Have an async function done in the event loop, and wait for its result.

        One that cannot be cancelled, as what waits for a thread of trio's, is left behind at the
        end of the run, and goes on for as long as it likes.

        Raises:
            RunCancelled: The procedure has to end; the function was cancelled, or has not begun.
            RuntimeError: This is the thread in which trio runs.
        """
        return self._calls.carry_out(lambda: function(*args))

    def cleanup(self) -> AbstractContextManager[None]:
        """Have the ``with`` block done also if the run was cancelled, within its grace.

        For a ``finally`` that switches something off.
        """
        return self._cancellation.cleanup()
