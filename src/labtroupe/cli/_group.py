"""The ``labtroupe`` command: its subcommands by name, each imported when it is used."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import click

# Imported one by one, and the summaries kept here, so that `--help` imports none of them.
COMMANDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "run": ("_run", "Run a bench until it is stopped."),
        "check": ("_check", "Find every mistake in a bench's file."),
        "test": ("_test", "Try a driver with all that goes wrong with devices."),
        "new": ("_new", "Write a driver with its simulator and its tests, to begin with."),
        "ports": ("_ports", "Show what is plugged in, and who holds it."),
        "status": ("_status", "Show what the instruments are doing."),
        "tree": ("_tree", "Show which instruments depend on which."),
        "show": ("_show", "Show what an instrument does, and can be asked."),
        "call": ("_call", "Ask an instrument, and print its answer."),
        "connect": ("_connect", "Have instruments connected, and see that they answer."),
        "start": ("_verbs", "Start an instrument that is stopped, has failed, or backs off."),
        "stop": ("_verbs", "Stop an instrument, and those that depend on it."),
        "restart": ("_verbs", "Stop an instrument and start it again."),
        "suspend": ("_verbs", "Let an instrument take no more commands."),
        "resume": ("_verbs", "Let one that is suspended take commands again."),
        "clear": ("_verbs", "Let one carry out again what is in quarantine."),
        "halt": ("_halt", "Halt instruments now, and make them safe."),
        "reset": ("_halt", "Let those that are halted go on."),
        "events": ("_events", "Show what has happened, and what happens."),
        "record": ("_record", "Write down what goes over the wire of an instrument."),
        "fault": ("_fault", "Let something go wrong with a simulated instrument."),
    }
)


class LazyGroup(click.Group):
    """A group of commands that are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - likewise
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"labtroupe.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is meant, or suggest one."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise click.UsageError(f"no such command {args[0]!r}{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - likewise
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="labtroupe", message="%(prog)s %(version)s")
def group() -> None:
    """Keep lab instruments running.

    `labtroupe run bench.toml` keeps the instruments of a bench alive; the other commands
    talk to it from another shell.  Each explains itself: `labtroupe call --help`.
    """
