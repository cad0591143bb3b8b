"""The kind for DC power supplies against pyvisa-sim behind a pty: its parser, its limits, its error queue."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from labtroupe import open_bench
from labtroupe.errors import CommandRefused, CommandTimeout
from labtroupe.kinds import DCPowerSupply, Identity, OutputStatus

HERE = Path(__file__).parent


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Path]:
    """Run pyvisa-sim, and write a bench with its supply."""
    command = [sys.executable, str(HERE / "visa_on_pty.py"), str(HERE / "supply.yaml"), "ASRL1::INSTR"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as simulator:  # noqa: S603 - our own words
        assert simulator.stdout is not None
        path = tmp_path / "bench.toml"
        path.write_text(
            f"""
            [instruments.psu]
            kind = "dc-power-supply"
            address = "serial:{simulator.stdout.readline().strip()}"
            """
        )
        try:
            yield path
        finally:
            simulator.kill()


@pytest.mark.slow
async def test_it_reads_sets_and_is_refused(bench: Path) -> None:
    """R3: a refusal is in the device's own words, and the next command is not blamed for it."""
    with trio.fail_after(30):
        async with open_bench(bench) as running:
            psu = running.ref("psu", DCPowerSupply)
            identity = await psu.ask(DCPowerSupply.identity(), timeout=15)
            assert identity == Identity("Pretend", "PSU-1", "42", "1.0")
            await psu.ask(DCPowerSupply.set_voltage(2.5))
            assert await psu.ask(DCPowerSupply.query("VOLT?")) == "2.500"
            with pytest.raises(CommandRefused, match="-113"):
                await psu.ask(DCPowerSupply.set_voltage(9.0))
            assert await psu.ask(DCPowerSupply.query("VOLT?")) == "2.500"
            assert await psu.ask(DCPowerSupply.status()) == OutputStatus(
                on=True, voltage=4.99, current=0.25, tripped=False
            )


@pytest.mark.slow
async def test_callers_that_leave_too_early_get_nobody_a_wrong_answer(bench: Path) -> None:
    """L1, L2: each reading is what it was set to; the simulator needs 20 ms for what has no answer."""
    with trio.fail_after(50):
        async with open_bench(bench) as running:
            psu = running.ref("psu", DCPowerSupply)
            await psu.ask(DCPowerSupply.identity(), timeout=15)
            life = running.service.status("psu").instruments[0].life
            for i in range(12):
                await psu.ask(DCPowerSupply.set_voltage(1 + i / 10))
                with pytest.raises(CommandTimeout):
                    await psu.ask(DCPowerSupply.set_voltage(5.0), timeout=0.001 * i + 0.001)
                await psu.ask(DCPowerSupply.set_voltage(2 + i / 10))
                assert await psu.ask(DCPowerSupply.query("VOLT?")) == f"{2 + i / 10:.3f}"
            assert running.service.status("psu").instruments[0].life == life
