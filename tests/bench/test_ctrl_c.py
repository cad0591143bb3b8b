"""Ctrl-C is for the body of a bench, whatever task it meets."""

from __future__ import annotations

import os
import signal
import threading

import attrs
import pytest
import trio

from labtroupe import Instrument, Message, State, background, command
from labtroupe.kinds import ScpiInstrument
from labtroupe.testing import FakeBench
from labtroupe.transport import claims

TEXT = f"""
[instruments.busy]
kind = "{__name__}:Busy"
address = "sim:scpi"
[instruments.other]
kind = "scpi"
address = "sim:scpi"
"""


@attrs.define(eq=False)
class Busy(Instrument):
    """Is at work when Ctrl-C comes."""

    in_background: trio.Event = attrs.field(factory=trio.Event, init=False)

    @command
    async def work(self) -> None:
        """Have it pressed in the task of the commands."""
        signal.raise_signal(signal.SIGINT)

    @command
    async def loop(self) -> None:
        """Have it pressed while the loop is held up."""
        timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        try:
            while True:
                pass
        finally:
            timer.join()

    @command
    async def go_on(self) -> None:
        """Have it pressed in the other task."""
        self.in_background.set()

    @background
    async def beside(self) -> None:
        """Press it."""
        await self.in_background.wait()
        signal.raise_signal(signal.SIGINT)

    @command
    async def clean_up(self) -> str:
        """Do what the body needs in the end."""
        return "clean"


@pytest.mark.parametrize("message", [Busy.work(), Busy.loop(), Busy.go_on()], ids=repr)
def test_ctrl_c_in_the_code_of_an_instrument_comes_out_of_the_body(
    fake_bench: FakeBench, message: Message[None]
) -> None:
    """SC-1, S2: bare; the body can clean up, with that one in its next life and others as before."""
    seen: list[object] = []

    async def main() -> None:
        async with fake_bench(TEXT) as bench:
            busy, other = bench.ref("busy", Busy), bench.ref("other", ScpiInstrument)
            await bench.connect()
            try:
                busy.tell(message)
                await trio.sleep(20)
            finally:
                with trio.CancelScope(shield=True, relative_deadline=10):
                    seen.append(other.state)
                    seen.append(await busy.ask(Busy.clean_up(), timeout=5))

    with pytest.raises(KeyboardInterrupt):
        trio.run(main)

    assert seen == [State.RUNNING, "clean"]
    assert claims() == {}
