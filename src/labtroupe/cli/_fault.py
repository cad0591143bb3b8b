"""``labtroupe fault``: let something go wrong with a simulated instrument."""

from __future__ import annotations

from collections.abc import Sequence

import click

from labtroupe.cli._options import Output, bench_option, connect, output_option
from labtroupe.cli._output import print_json, print_json_lines

# A copy of `labtroupe.simulation.FAULTS`, which imports trio; a test compares them.
_KINDS = """\b
The kinds of faults:
  unplug [SECONDS]       The cable is out; it goes back by itself after SECONDS.
  plug                   The cable goes back in.
  mute [SECONDS]         The device hears and acts, but its answers are lost.
  late DELAY [SECONDS]   Each answer comes DELAY later.
  noise [SECONDS]        Some bytes of garbage come before each answer.
  flood [SECONDS]        The device sends lines of garbage without pause.
  power-cycle [SECONDS]  The device is switched off, and on again after SECONDS (1 s).
  clear                  Every fault ends, and the cable goes back in."""


# A negative duration is a wrong value, not an option.
@click.command(epilog=_KINDS, context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("kind")
@click.argument("args", nargs=-1)
@output_option
@bench_option
def fault(name: str, kind: str, args: Sequence[str], output: Output, bench: str | None) -> None:
    """Let something go wrong with the simulated instrument NAME, and print the faults now in force.

    Times are written like `5s`, `300ms`, `2min` or `1.5`: `labtroupe fault heater unplug 5s`.
    """
    faults = connect(bench).inject(name, kind, args)
    match output:
        case Output.JSON:
            print_json({"instrument": name, "faults": faults})
        case Output.JSONL:
            print_json_lines([{"instrument": name, "faults": faults}])
        case Output.TABLE:
            print(f"{name}: {', '.join(faults) or 'no faults'}")
