"""``python -m tests.benchmarks``: measures what docs/explanation/performance.md tells of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from . import _cores
from ._harness import Result, measure
from ._page import PAGE, with_report
from ._report import Circumstances, Report, lines_of, write_json
from ._rows import ROWS


@click.command(epilog="\b\nRows:\n" + "\n".join(f"  {row.name:20}{row.title}" for row in ROWS.values()))
@click.argument("rows", nargs=-1, type=click.Choice(list(ROWS)), metavar="[ROW]...")
@click.option("--rounds", default=7, show_default=True, help="Samples of each contender.")
@click.option("--free", is_flag=True, help="Use all cores, where otherwise all is pinned to one.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write all samples there, too.")
@click.option("--page", is_flag=True, help="Put the tables into docs/explanation/performance.md, too.")
def main(rows: Sequence[str], rounds: int, file: Path | None, *, free: bool, page: bool) -> None:
    """Measure labtroupe against baselines, in rounds in which each has its turn.

    All rows, or those that are named.
    """
    circumstances = Circumstances.now(pinned_to=None if free else _cores.pin(), rounds=rounds)
    click.echo(circumstances)
    results: list[Result] = []
    for name in rows or ROWS:
        results.append(measure(ROWS[name], rounds=rounds))
        click.echo("\n".join(lines_of(results[-1])))
    report = Report(circumstances, results)
    if file is not None:
        write_json(report, file)
    if page:
        PAGE.write_text(with_report(PAGE.read_text(), report))


if __name__ == "__main__":
    main()
