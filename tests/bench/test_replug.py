"""Devices that are pulled out and come back: soon, late, elsewhere, or as another one."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
import trio

from labtroupe.bench import Bench, open_bench
from labtroupe.errors import LinkLost, Outcome, Restarted
from labtroupe.kinds import ScpiInstrument
from labtroupe.lifecycle import State

from ._plugs import NOISE, PtyDevice

TABLE = """
[instruments.{name}]
kind = "scpi"
address = "serial:{port}"
identity = "{identity}"
"""
QUERY = ScpiInstrument.query


@attrs.define(eq=False)
class Place:
    """Two ports, a device in each, and the bench that uses them."""

    bench: Bench
    ports: tuple[Path, Path]
    devices: tuple[PtyDevice, PtyDevice]

    def state(self, name: str) -> tuple[State, str]:
        """Return what one is doing, and why."""
        (status,) = self.bench.service.status(name).instruments
        return status.state, status.note

    async def wait(self, name: str, state: State) -> None:
        """Wait until one is in a state."""
        await self.bench._supervisor.wait_state(name, state)


@asynccontextmanager
async def place(folder: Path, *identities: str) -> AsyncGenerator[Place]:
    """Plug in two devices, ``A`` and ``B``, and run a bench with them."""
    ports = folder / "port-a", folder / "port-b"
    (folder / "bench.toml").write_text(
        "".join(
            TABLE.format(name=name, port=port, identity=identity)
            for name, port, identity in zip("ab", ports, identities or ("", ""), strict=True)
        )
    )
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            devices = tuple(PtyDevice(f"Maker,{name},1,1.0", nursery) for name in "AB")
            for device, port in zip(devices, ports, strict=True):
                device.plug(port)
            async with open_bench(folder / "bench.toml") as bench:
                here = Place(bench, ports, (devices[0], devices[1]))
                await here.wait("a", State.RUNNING)
                await here.wait("b", State.RUNNING)
                yield here
            for device, port in zip(devices, ports, strict=True):
                if port.is_symlink():
                    device.pull(port)
            nursery.cancel_scope.cancel()


async def test_back_soon_elsewhere_and_with_noise_is_one_incident(tmp_path: Path) -> None:
    """L12: what waited is carried out, each once; what had begun is not begun again."""
    async with place(tmp_path) as here:
        (device, _), (port, _) = here.devices, here.ports
        a = here.bench.ref("a", ScpiInstrument)
        device.mute_at = "BEGUN?"
        begun = a.send(QUERY("BEGUN?"))
        waiting = [a.send(QUERY(f"W{i}?"), timeout=20) for i in range(5)]
        await trio.sleep(0.2)
        device.pull(port)
        with pytest.raises(LinkLost):
            await begun
        later = [a.send(QUERY(f"L{i}?"), timeout=20) for i in range(5)]
        await trio.sleep(1.0)
        device.plug(port, NOISE)
        assert [await reply for reply in waiting] == [f"to W{i}?" for i in range(5)]
        assert [await reply for reply in later] == [f"to L{i}?" for i in range(5)]
        assert begun.outcome is Outcome.UNKNOWN
        assert device.questions == ["BEGUN?", *(f"W{i}?" for i in range(5)), *(f"L{i}?" for i in range(5))]
        (status,) = here.bench.service.status("a").instruments
        assert status.restarts.lately == 1
        assert here.state("b")[0] is State.RUNNING


@pytest.mark.slow
async def test_back_after_ten_seconds_nothing_old_is_carried_out(tmp_path: Path) -> None:
    """L12, R7, S7: what was asked before the loss is refused, and it is used at once all the same."""
    async with place(tmp_path) as here:
        (device, _), (port, _) = here.devices, here.ports
        a = here.bench.ref("a", ScpiInstrument)
        device.mute_at = "BEGUN?"
        begun, old = a.send(QUERY("BEGUN?")), a.send(QUERY("OLD?"), timeout=60)
        await trio.sleep(0.2)
        device.pull(port)
        with pytest.raises(LinkLost):
            await begun
        with pytest.raises(Restarted):
            await old
        await trio.sleep(10 - 3)
        device.plug(port, NOISE)
        began = trio.current_time()
        await here.wait("a", State.RUNNING)
        assert trio.current_time() - began < 4
        assert await a.ask(QUERY("NEW?")) == "to NEW?"
        assert device.questions == ["BEGUN?", "NEW?"]


@pytest.mark.slow
async def test_devices_that_have_changed_places_are_both_refused(tmp_path: Path) -> None:
    """L8: nothing is said to either but who it is, until each is in its place again."""
    async with place(tmp_path, "Maker,A,*", "Maker,B,*") as here:
        (a, b), (port_a, port_b) = here.devices, here.ports
        a.pull(port_a)
        b.pull(port_b)
        a.plug(port_b)
        b.plug(port_a)
        await trio.sleep(4)
        assert here.state("a")[0] is State.BACKOFF
        assert "'Maker,B,1,1.0' is there, and not 'Maker,A,*'" in here.state("a")[1]
        assert "'Maker,A,1,1.0' is there, and not 'Maker,B,*'" in here.state("b")[1]
        asked = here.bench.ref("a", ScpiInstrument).send(QUERY("MINE?"), timeout=30)
        a.pull(port_b)
        b.pull(port_a)
        await trio.sleep(1.2)
        a.plug(port_a)
        b.plug(port_b)
        assert await asked == "to MINE?"
        assert (a.questions, b.questions) == (["MINE?"], [])


@pytest.mark.slow
async def test_an_impostor_is_refused(tmp_path: Path) -> None:
    """L8, L12: another device at the old place, although nobody has said who it must be."""
    async with place(tmp_path) as here:
        (a, b), (port_a, port_b) = here.devices, here.ports
        b.pull(port_b)
        a.pull(port_a)
        b.plug(port_a)
        await trio.sleep(0.2)
        asked = here.bench.ref("a", ScpiInstrument).send(QUERY("MINE?"), timeout=30)
        await trio.sleep(3)
        assert "and it was 'Maker,A,1,1.0' before" in here.state("a")[1]
        assert b.questions == []
        b.pull(port_a)
        await trio.sleep(1.2)
        a.plug(port_a)
        assert await asked == "to MINE?"
        assert a.questions == ["MINE?"]
