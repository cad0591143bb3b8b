"""Runs as many random histories as one likes, until one of them breaks a rule.

python tests/histories/soak.py --histories 100000 [--seed N] [--minutes M]

Prints how far it is.  A violation is cut down to its shortest script first, which
takes a minute or two; then the script and the record are printed, with the seed
that finds it again, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from pathlib import Path

if not __package__:
    # Run as a script: the modules beside it are those of the package that pytest makes of them.
    sys.path.insert(0, str(Path(__file__).parents[1]))
    __package__ = "histories"

from hypothesis import HealthCheck, Phase, given, seed, settings

from ._check import check
from ._draw import histories
from ._script import History

# Histories of one seed; Hypothesis remembers all of them, to draw none twice.
BATCH = 500


def run_batch(number: int, size: int) -> str:
    """Run the histories of one seed, and return what is wrong with the shortest that breaks a rule."""

    @seed(number)
    @settings(
        max_examples=size,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        report_multiple_bugs=False,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(histories())
    def run(history: History) -> None:
        check(history)

    try:
        run()
    except AssertionError as error:
        return str(error)
    except Exception:  # noqa: BLE001 - whatever it is, it was not foreseen
        return traceback.format_exc()
    return ""


def say(text: str) -> None:
    """Print, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Run batch after batch, and return the exit code."""
    parser = argparse.ArgumentParser(description="Run random histories until one breaks a rule.")
    parser.add_argument("--histories", type=int, default=100_000, help="how many")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**9, help="of the first batch")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="for how long at the most")
    options = parser.parse_args()
    began, done, number = time.monotonic(), 0, options.seed
    while done < options.histories and time.monotonic() < began + 60 * options.minutes:
        size = min(BATCH, options.histories - done)
        if wrong := run_batch(number, size):
            say(f"{wrong}\n\nAfter {done} histories; again with --seed {number} --histories {size}")
            return 1
        done, number = done + size, number + 1
        say(f"{done} histories, {time.monotonic() - began:.0f} s; next seed {number}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
