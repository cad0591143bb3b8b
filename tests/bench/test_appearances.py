"""A device that appears is used at once, whatever is left of the pause."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from labtroupe.bench import open_bench
from labtroupe.kinds import LinkamT95
from labtroupe.lifecycle import State
from labtroupe.simulation import LinkamStage
from labtroupe.testing import byte_double

BENCH = """
[instruments.stage]
kind = "linkam-t95"
address = "serial:{port}"
backoff = {{ first = 60.0, longest = 60.0 }}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A bench whose device is not there yet."""
    path = tmp_path / "bench.toml"
    path.write_text(BENCH.format(port=tmp_path / "port"))
    return path


async def test_a_device_that_appears_is_used_at_once(tmp_path: Path, file: Path) -> None:
    """S7, OA-18: the pause of a minute is cut short, and nothing is restarted for it."""
    with trio.fail_after(10):
        async with byte_double(LinkamStage(), via="pty") as double, open_bench(file) as bench:
            stage = bench.ref("stage", LinkamT95)
            await bench._supervisor.wait_state("stage", State.BACKOFF)
            await trio.sleep(0.2)
            (tmp_path / "port").symlink_to(double.address.removeprefix("serial:").partition("?")[0])
            await bench._supervisor.wait_state("stage", State.RUNNING)
            assert await stage.ask(LinkamT95.temperature()) < 100
