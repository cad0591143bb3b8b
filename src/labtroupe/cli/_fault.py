"""``labtroupe fault``: let something go wrong with a simulated instrument."""

from __future__ import annotations

from collections.abc import Sequence

import click

from labtroupe.cli._options import Output, bench_option, connect, output_option
from labtroupe.cli._output import print_json, print_json_lines

# A copy of `FAULTS` and `OPTIONS` of `labtroupe.simulation`, which imports trio; a test compares them.
_KINDS = """\b
The kinds of faults:
  unplug [SECONDS]            The cable is out; it goes back by itself after SECONDS.
  plug                        The cable goes back in.
  replug [SECONDS]            The cable is out, and after SECONDS (1 s) goes back in elsewhere.
  power-cycle [SECONDS]       The device is switched off, and on again after SECONDS (1 s).
  refuse [SECONDS]            The port is somebody else's for all who open it.
  mute [SECONDS]              The device hears and acts, but its answers are lost.
  late DELAY [SECONDS]        Each answer comes DELAY later.
  split PAUSE [SECONDS]       Each answer comes byte by byte, PAUSE apart.
  garbled [SECONDS]           One byte of each answer is another one.
  duplicate [SECONDS]         Each answer comes twice.
  noise [SECONDS]             Some bytes of garbage come before each answer.
  echo [SECONDS]              All that the device hears comes back before the answer.
  flood [SECONDS]             The device sends lines of garbage without pause.
  slow-drain PAUSE [SECONDS]  The device takes one byte each PAUSE.
  wrong-identity [SECONDS]    The device says that it is another one.
  clear                       Every fault ends, and the cable goes back in.

\b
What may be said of those that last:
  after=SECONDS  It begins that much later.
  heard=BYTES    It begins when the device has heard so many bytes more.
  said=BYTES     It begins when the device has said so many bytes more.
  times=COUNT    It is done to so many answers only.
  chance=SHARE   It is done to each answer with this probability, above 0 to 1.
  seed=NUMBER    Where chance begins (0): the same one, the same answers."""


# A negative duration is a wrong value, not an option.
@click.command(epilog=_KINDS, context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("kind")
@click.argument("args", nargs=-1)
@output_option
@bench_option
def fault(name: str, kind: str, args: Sequence[str], output: Output, bench: str | None) -> None:
    """Let something go wrong with the simulated instrument NAME, and print the faults now in force.

    Times are written like `5s`, `300ms`, `2min` or `1.5`: `labtroupe fault heater unplug 5s`,
    and options like `times=1`: `labtroupe fault heater garbled times=1`.
    """
    faults = connect(bench).inject(name, kind, args)
    match output:
        case Output.JSON:
            print_json({"instrument": name, "faults": faults})
        case Output.JSONL:
            print_json_lines([{"instrument": name, "faults": faults}])
        case Output.TABLE:
            print(f"{name}: {', '.join(faults) or 'no faults'}")
