"""Tables and trees for people; apart, because rich takes longer to import than JSON to print."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from labtroupe.cli._output import STATE_COLOURS, on_terminal
from labtroupe.cli._printable import printable

# Where there is no terminal nothing is cut or wrapped: the reader is a program, or a file.
_ENDLESS: Final = 10_000


class Node(NamedTuple):
    """A line of a tree: its words, and what hangs below it."""

    words: Sequence[str]
    children: Sequence[Node] = ()


def print_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table without lines; only its last column is wrapped."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for head in heads:
        table.add_column(head, no_wrap=head is not heads[-1], overflow="fold")
    for row in rows:
        table.add_row(*map(_cell, row))
    _print(table)


def print_tree(root: Node) -> None:
    """Print a tree."""
    _print(_branch(root))


def _branch(node: Node) -> Tree:
    tree = Tree(Text("  ").join(map(_cell, node.words)), guide_style="bright_black")
    tree.children.extend(map(_branch, node.children))
    return tree


def _cell(text: str) -> Text:
    return Text(printable(text), style=STATE_COLOURS.get(text, ""))


def _print(what: RenderableType) -> None:
    console = Console(width=None if on_terminal() else _ENDLESS, highlight=False)
    with console.capture() as printed:
        console.print(what)
    # rich fills up the last column with blanks.
    print("\n".join(line.rstrip() for line in printed.get().splitlines()))
