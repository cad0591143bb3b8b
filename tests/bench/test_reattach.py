"""Simulated devices that are unplugged or switched off, and come back."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from labtroupe import Bench, open_bench
from labtroupe.bench._latches import latch_path
from labtroupe.errors import CommandRefused, CommandTimeout, Halted
from labtroupe.instrument import Direction
from labtroupe.kinds import DCPowerSupply, LinkamT95, Mode
from labtroupe.lifecycle import State
from labtroupe.messages import DeviceReturned
from labtroupe.records import InstrumentStatus
from labtroupe.testing import FakeBench

TABLE = """
[instruments.{name}]
kind = "{kind}"
address = "sim:{kind}"
reattach = "{reattach}"
backoff = {{ first = 0.1 }}
"""


def bench_of(*names: str, kind: str = "dc-power-supply", more: str = "") -> str:
    """Return a bench with an instrument for each name, which says how it deals with a return."""
    tables = (TABLE.format(name=name, kind=kind, reattach=name.partition("-")[0]) + more for name in names)
    return "".join(tables)


@asynccontextmanager
async def on_ports(folder: Path, text: str) -> AsyncGenerator[Bench]:
    """Open a bench whose simulated devices are behind ports of the system, in real time."""
    (folder / "bench.toml").write_text(text)
    async with open_bench(folder / "bench.toml") as bench:
        yield bench


async def said(bench: Bench) -> list[DeviceReturned]:
    """Return what was said of returns so far."""
    async with aclosing(bench.service.events()) as events:
        return [event async for event in events if isinstance(event, DeviceReturned)]


async def returns(bench: Bench, *fault: str) -> dict[str, tuple[bool | None, str]]:
    """Have a fault with each device, and return what is said of each when it is back."""
    names, before = [each.name for each in bench.config.instruments], len(await said(bench))
    for name in names:
        bench.service.inject(name, fault[0], fault[1:])
    with trio.fail_after(30):
        while len(found := (await said(bench))[before:]) < len(names):  # noqa: ASYNC110 - it never ends
            await trio.sleep(0.02)
        for name in names:
            await bench._supervisor.wait_settled(name)
    return {event.instrument: (event.changed, event.action) for event in found}


def status(bench: Bench, name: str) -> InstrumentStatus:
    """Return how one stands."""
    return bench.service.status(name).instruments[0]


async def set_up(bench: Bench, name: str) -> None:
    """Have a supply give 5 V."""
    psu = bench.ref(name, DCPowerSupply)
    await psu.ask(DCPowerSupply.set_current(0.7))
    await psu.ask(DCPowerSupply.set_voltage(5.0))
    await psu.ask(DCPowerSupply.switch(on=True))


async def test_supplies_that_were_switched_off(fake_bench: FakeBench, virtual_clock: MockClock) -> None:
    """L11: each way to deal with them, over the real wire."""
    async with fake_bench(bench_of("adopt", "restore", "reset", "ask", more="restore_rate = 50\n")) as bench:
        for name in ("adopt", "restore", "reset", "ask"):
            await set_up(bench, name)
        assert await returns(bench, "power-cycle", "0.2") == {
            "adopt": (True, "adopt"),
            "restore": (True, "restore"),
            "reset": (True, "reset"),
            "ask": (True, "ask"),
        }

        on = {
            name: (await bench.ref(name, DCPowerSupply).ask(DCPowerSupply.status())).on
            for name in ("adopt", "restore", "reset")
        }
        assert on == {"adopt": False, "restore": True, "reset": False}
        restored = bench.ref("restore", DCPowerSupply)
        assert await restored.ask(DCPowerSupply.query("VOLT?;CURR?")) == "5.0000;0.7000"
        with pytest.raises(Halted, match="returned, changed"):
            await bench.ref("ask", DCPowerSupply).ask(DCPowerSupply.status())
        assert [status(bench, name).changed is not None for name in ("adopt", "restore", "reset", "ask")] == [
            True,
            False,
            False,
            True,
        ]


@pytest.mark.slow
async def test_supplies_that_were_unplugged(tmp_path: Path) -> None:
    """L11: they go on as they were, without anybody having to decide that."""
    async with on_ports(tmp_path, bench_of("adopt", "restore", "ask")) as bench:
        for name in ("adopt", "restore", "ask"):
            await set_up(bench, name)
        assert set((await returns(bench, "unplug", "0.2")).values()) == {(False, "adopt")}

        for name in ("adopt", "restore", "ask"):
            assert (await bench.ref(name, DCPowerSupply).ask(DCPowerSupply.status())).on


async def test_a_voltage_is_brought_back_in_steps(fake_bench: FakeBench, virtual_clock: MockClock) -> None:
    """L11: and what was asked meanwhile waits for that, and is carried out once."""
    async with fake_bench(bench_of("restore", more="restore_rate = 10\n")) as bench:
        await set_up(bench, "restore")
        psu = bench.ref("restore", DCPowerSupply)
        bench.service.inject("restore", "power-cycle", ["0.1"])
        await bench._supervisor.wait_state("restore", State.BACKOFF)
        assert await psu.ask(DCPowerSupply.query("VOLT?"), timeout=10) == "5.0000"

        actor = bench._supervisor.member("restore").actor
        assert isinstance(actor, DCPowerSupply)
        sent = b"".join(
            frame.data for frame in actor.link.recorder.frames if frame.direction is Direction.SENT
        )
        told = re.findall(rb"^(?:VOLT|OUTP|CURR).*$", sent.rpartition(b"*ESR?")[2], re.MULTILINE)
        volts = [b"VOLT 0", b"OUTP ON", b"VOLT?", *(b"VOLT %d.0000" % step for step in (1, 2, 3, 4, 5))]
        assert told == [b"CURR 0.7000", b"OUTP?", *volts, b"VOLT?"]


async def test_what_the_supply_was_told_last_is_what_counts(
    fake_bench: FakeBench, virtual_clock: MockClock
) -> None:
    """L11, S9: an output that was switched off, by whomever, stays off; what nobody knows is not set."""
    offs = {
        "restore-a": DCPowerSupply.switch(on=False),
        "restore-b": DCPowerSupply.write("OUTP OFF"),
        "restore-c": DCPowerSupply.reset(),
    }
    async with fake_bench(bench_of(*offs)) as bench:
        for name, off in offs.items():
            await set_up(bench, name)
            await bench.ref(name, DCPowerSupply).ask(off)
        assert await returns(bench, "power-cycle", "0.1") == {
            "restore-a": (True, "restore"),
            "restore-b": (True, "adopt"),
            "restore-c": (True, "adopt"),
        }
        for name in offs:
            assert not (await bench.ref(name, DCPowerSupply).ask(DCPowerSupply.status())).on


async def test_what_was_cut_off_is_not_known(fake_bench: FakeBench, virtual_clock: MockClock) -> None:
    """L11: nobody can say what it was to be; what the device has refused it has not done."""
    async with fake_bench(bench_of("restore-a", "restore-b", more="max_current = 9.0\n")) as bench:
        for name in ("restore-a", "restore-b"):
            await set_up(bench, name)
        bench.service.inject("restore-a", "mute")
        with pytest.raises(CommandTimeout):
            await bench.ref("restore-a", DCPowerSupply).ask(DCPowerSupply.set_voltage(1.0), timeout=0.1)
        bench.service.inject("restore-a", "clear")
        with pytest.raises(CommandRefused):
            await bench.ref("restore-b", DCPowerSupply).ask(DCPowerSupply.set_current(9.0))

        assert await returns(bench, "power-cycle", "0.1") == {
            "restore-a": (True, "adopt"),
            "restore-b": (True, "restore"),
        }


@pytest.mark.slow
async def test_an_output_that_is_seen_to_be_off_is_not_for_us_to_switch_on(tmp_path: Path) -> None:
    """L11: somebody has done that, or the protection; what else was set is set again."""
    async with on_ports(tmp_path, bench_of("restore")) as bench:
        psu = bench.ref("restore", DCPowerSupply)
        await psu.ask(DCPowerSupply.query("CURR:PROT:STAT ON;*OPC?"))
        await set_up(bench, "restore")
        await psu.ask(DCPowerSupply.set_current(0.1))
        while not (await psu.ask(DCPowerSupply.status())).tripped:  # noqa: ASYNC110 - it has no events
            await trio.sleep(0.01)
        assert await returns(bench, "power-cycle", "0.1") == {"restore": (True, "restore")}
        assert not (await psu.ask(DCPowerSupply.status())).on
        assert await psu.ask(DCPowerSupply.query("VOLT?")) == "5.0000"


async def test_a_stage_goes_on_with_its_ramp(fake_bench: FakeBench, virtual_clock: MockClock) -> None:
    """L11: a controller cannot say that it was switched off, but it stands still."""
    async with fake_bench(bench_of("restore", kind="linkam-t95")) as bench:
        stage = bench.ref("restore", LinkamT95)
        await stage.ask(LinkamT95.ramp(100.0, 30.0))
        assert await returns(bench, "unplug", "0.1") == {"restore": (False, "adopt")}
        assert await returns(bench, "power-cycle", "0.1") == {"restore": (True, "restore")}
        assert (await stage.ask(LinkamT95.status())).mode is Mode.HEATING


async def test_a_person_decides_in_the_next_process_too(fake_bench: FakeBench) -> None:
    """L11, S10: nobody else lets go of it, and the device is still left as it is."""
    async with fake_bench(bench_of("ask")) as bench:
        await set_up(bench, "ask")
        await returns(bench, "power-cycle", "0.1")
        with trio.fail_after(5):
            while not latch_path(bench.name).exists():  # noqa: ASYNC110 - another thread writes it
                await trio.sleep(0.01)
    async with fake_bench(bench_of("ask")) as bench:
        await bench._supervisor.wait_settled("ask")
        latch = status(bench, "ask").latch
        assert latch is not None
        assert latch.reason.startswith("returned, changed")
        assert (latch.confirmed, latch.note) == (False, "it is left as it is")
        assert status(bench, "ask").state is State.HALTED
        await bench.service.reset(["ask"], "looked")
        assert not (await bench.ref("ask", DCPowerSupply).ask(DCPowerSupply.status())).on
