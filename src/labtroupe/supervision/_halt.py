"""Halting many actors at once, and what has become of their safe states."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import trio

from labtroupe.actor import Cell, Latch
from labtroupe.records import SafetyReport


async def halt_all(cells: Sequence[Cell], latch: Latch) -> Sequence[SafetyReport]:
    """Latch all of them before this first waits, then bring them into their safe states in their order.

    Returns:
        A report for each, in the order of ``cells``.  That takes no longer than the
        timeouts of the safe states, one after the other where their order differs.
    """
    waves = list(_in_order(cells))
    for wave in waves:
        for cell in wave:
            cell.halt(latch, hold=wave is not waves[0])
    reports: dict[str, SafetyReport] = {}
    try:
        for wave in waves:
            async with trio.open_nursery() as nursery:
                for cell in wave:
                    cell.release()
                    nursery.start_soon(_report, cell, reports)
    finally:
        # Whoever gives up waiting for one wave does not keep the next from being safe.
        for cell in cells:
            cell.release()
    return [reports[cell.name] for cell in cells]


async def _report(cell: Cell, reports: dict[str, SafetyReport]) -> None:
    reports[cell.name] = await cell.wait_safe()


def _in_order(cells: Sequence[Cell]) -> Iterator[Sequence[Cell]]:
    def order(cell: Cell) -> int:
        return int(cell.actor_type.safe_state_order)

    for _, wave in groupby(sorted(cells, key=order), key=order):
        yield list(wave)
