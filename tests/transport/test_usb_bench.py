"""A bench with an instrument on USB, under umockdev; test_umockdev.py runs this."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, cast

import pytest
import trio

from labtroupe import open_bench
from labtroupe.errors import CommandTimeout, LinkLost
from labtroupe.kinds import DCPowerSupply, OutputStatus
from labtroupe.simulation import SimulatedDevice, make_device
from labtroupe.testing import byte_double
from labtroupe.testing._usb import Bed, Scope

PAGE: Final = Path(__file__).parents[2] / "docs/how-to/be-the-device.md"


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    """Describe a bench with a supply."""
    path = tmp_path / "bench.toml"
    path.write_text(
        '[instruments.psu]\nkind = "dc-power-supply"\naddress = "USB::0x1209::0x0001::SN0001::INSTR"\n'
    )
    return path


def supply(device: SimulatedDevice) -> Scope:
    """Give a simulated supply a USB socket."""
    return Scope(lambda message: b"".join(device.receive(message, time.monotonic())))


async def test_an_instrument_is_used_over_usb_and_found_again(bed: Bed, bench: Path) -> None:
    """L12: under another number, by a VISA resource string."""
    device = make_device("dc-power-supply")
    scope = supply(device)
    with trio.fail_after(20):
        async with open_bench(bench) as running:
            psu = running.ref("psu", DCPowerSupply)
            bed.plug(scope)
            await psu.ask(DCPowerSupply.set_voltage(2.5), timeout=10)
            bed.unplug(scope)
            with pytest.raises(LinkLost, match=r"the device is gone$"):
                await psu.ask(DCPowerSupply.status())
            again = supply(device)
            again.number, again.location = 9, "1-9"
            bed.plug(again)
            status = await psu.ask(DCPowerSupply.status(), timeout=10)

    assert isinstance(status, OutputStatus)
    assert any(b"VOLT 2.5" in message for message in scope.messages)


async def test_the_snippet_of_the_page_about_doubles_runs() -> None:
    text = PAGE.read_text().partition("## Behind USB")[2]
    block = re.search(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert block is not None
    names: dict[str, object] = {"byte_double": byte_double, "trio": trio}
    exec(block[1], names)  # noqa: S102 - ours
    test = cast("Callable[[], Awaitable[None]]", names["test_it_is_found_again_at_another_usb_port"])
    with trio.fail_after(20):
        await test()


async def test_an_idle_instrument_is_left_in_peace(bed: Bed, bench: Path) -> None:
    """L7: a device that is asked although it has nothing to say notes an error, or beeps."""
    scope = supply(make_device("dc-power-supply"))
    bed.plug(scope)
    with trio.fail_after(20):
        async with open_bench(bench) as running:
            psu = running.ref("psu", DCPowerSupply)
            await psu.ask(DCPowerSupply.status(), timeout=10)
            before = len(scope.tags)
            await trio.sleep(0.3)

            assert len(scope.tags) == before


async def test_callers_that_leave_too_early_get_nobody_a_wrong_answer(bed: Bed, bench: Path) -> None:
    """L1, L2: the answer that comes too late is cleared away with the device's own means."""
    scope = supply(make_device("dc-power-supply"))
    bed.plug(scope)
    wrong: list[tuple[float, str]] = []
    late = 0
    with trio.fail_after(30):
        async with open_bench(bench) as running:
            psu = running.ref("psu", DCPowerSupply)
            await psu.ask(DCPowerSupply.status(), timeout=10)
            for number in range(40):
                volts = number / 10
                await psu.ask(DCPowerSupply.set_voltage(volts))
                scope.silent = True
                try:
                    await psu.ask(DCPowerSupply.query("VOLT?"), timeout=0.005 + number / 4000)
                except CommandTimeout:
                    late += 1
                # Now it comes, to nobody.
                with scope.lock:
                    scope.silent = False
                    scope.progress()
                answer = await psu.ask(DCPowerSupply.query("VOLT?"))
                if float(answer) != volts:
                    wrong.append((volts, answer))

    assert late == 40
    assert wrong == []
    assert scope.cleared >= 40
