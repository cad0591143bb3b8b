"""One simulated device in a rack, or several on one bus, with the cable and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs
import trio

from labtroupe.errors import ArgumentError, CommandError
from labtroupe.simulation._bus import SimulatedBus
from labtroupe.simulation._cable import Cable
from labtroupe.simulation._device import SimulatedDevice
from labtroupe.simulation._faults import FLOOD_INTERVAL, OUTAGES, Faults
from labtroupe.simulation._menu import FAULTS, Fault
from labtroupe.simulation._voice import Outlet, Voice


@attrs.define(eq=False)
class Slot:
    """Keeps a device talking with whoever opens its port.

    Attributes:
        device: What speaks.
        cable: What carries it.
        power: Cancelled to end it, by nothing else.
    """

    device: SimulatedDevice
    cable: Cable
    # Shielded: while a bench is being cancelled, its instruments still bring their devices into a
    # safe state, and want answers.  Bounded by whoever cancels this scope.
    power: trio.CancelScope = attrs.field(factory=lambda: trio.CancelScope(shield=True), init=False)
    _faults: Faults = attrs.field(factory=Faults, init=False)
    _outlet: Outlet = attrs.field(init=False)
    # Of each device on a bus by its address; of the only device there is, of no address.
    _voices: Mapping[int | None, Voice] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Give each device a voice."""
        self._outlet = Outlet(self.cable, self._settle)
        self.cable.on_clear = self._clear
        if isinstance(self.device, SimulatedBus):
            units = self.device.units
            self._voices = {each: Voice(self._outlet, Faults(), [self._faults]) for each in units}
        else:
            self._voices = {None: Voice(self._outlet, self._faults)}

    def faults(self, unit: int | None = None) -> tuple[Fault, ...]:
        """Return the faults that are on now: of all, or of one of the devices on a bus alone."""
        voice = self._voices.get(unit)
        faults = self._faults if unit is None else Faults() if voice is None else voice.faults
        return faults.current(trio.current_time())

    def inject(self, fault: str, arguments: Sequence[str], unit: int | None = None) -> None:
        """Begin or end a fault of all, or of one of the devices on a bus; it has taken effect on return.

        Raises:
            CommandError: There is no such device on the bus.
            ArgumentError: There is no such fault, or it takes other values.
        """
        faults = self._faults if unit is None else self._voice(unit).faults
        kind = FAULTS.get(fault)
        if unit is not None and kind is not None and kind.of_all:
            raise ArgumentError(
                f"one device on a bus cannot have the fault {fault} alone",
                remedy="Let the bus itself have this fault.",
            )
        self.device.check_fault(fault)
        faults.inject(fault, arguments, trio.current_time())
        self._settle()

    def say(self, data: bytes) -> None:
        """Have the device, on a bus one of them, say something by itself, after all that it is to say."""
        next(iter(self._voices.values())).say(data, 0.0)

    async def run(self) -> None:
        """Serve until ``power`` is cancelled; what the device raises comes out here, with the port closed."""
        with self.power:
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self.cable.run, self._hear)
                    for voice in self._voices.values():
                        nursery.start_soon(voice.run)
                    nursery.start_soon(self._flood)
                    await self._change_in_time()
            finally:
                self.cable.close()

    def _voice(self, unit: int) -> Voice:
        if not isinstance(self.device, SimulatedBus):
            raise CommandError(
                "what simulates its bus cannot tell the devices on it apart",
                remedy="Derive it from `labtroupe.simulation.SimulatedBus`.",
            )
        if unit not in self._voices:
            units = ", ".join(map(str, sorted(self.device.units))) or "none"
            raise CommandError(
                f"no device {unit} is simulated on its bus", remedy=f"Those that are: {units}."
            )
        return self._voices[unit]

    def _clear(self) -> None:
        """Forget what was asked, and is not answered yet."""
        self.device.device_clear()
        for voice in self._voices.values():
            voice.forget()
        self._outlet.changed.unpark_all()

    def _power_cycle(self, unit: int | None) -> None:
        """Let all, or one of the devices on a bus, forget what a power cycle does."""
        if unit is None:
            self.device.power_cycle(trio.current_time())
        elif isinstance(self.device, SimulatedBus):
            self.device.switch_on(unit)
        for voice in self._voices.values() if unit is None else [self._voices[unit]]:
            voice.forget()

    def _all_faults(self) -> Iterator[tuple[int | None, Faults]]:
        """Yield the faults of all, and those of each device on a bus with its address."""
        yield None, self._faults
        yield from ((unit, voice.faults) for unit, voice in self._voices.items() if unit is not None)

    def _settle(self) -> None:
        """Make the cables and the device what the faults say, and have those look again who wait."""
        now, cable, faults = trio.current_time(), self.cable, self._faults
        for unit, each in self._all_faults():
            begun = each.begun(now)
            # Also one that is over already, as it may be where something has held up the loop.
            if unit is None and not OUTAGES.isdisjoint(begun):
                cable.unplug()
            if "power-cycle" in begun:
                self._power_cycle(unit)
            if "replug" in begun:
                cable.move()
        if faults.out(now):
            cable.unplug()
        else:
            cable.plug()
        cable.refuse(refused=faults.has("refuse", now))
        cable.slow_down(faults.delay("slow-drain", now))
        self.device.disguised = faults.has("wrong-identity", now)
        if isinstance(self.device, SimulatedBus):
            units = self.device.units
            self.device.unplugged = {each for each in units if self._voices[each].faults.out(now)}
        self._outlet.changed.unpark_all()

    async def _change_in_time(self) -> None:
        while True:
            now = trio.current_time()
            with trio.move_on_at(min(each.next_change(now) for _, each in self._all_faults())):
                await self._outlet.changed.park()
            self._settle()

    def _hear(self, data: bytes) -> None:
        """Let the device hear ``data``, up to where a fault begins, and then the rest."""
        while data and not self._faults.out(trio.current_time()):
            before = int(min(len(data), *(each.until_heard() for _, each in self._all_faults())))
            self._answer(data[:before])
            data = data[before:]
            now = trio.current_time()
            begun = [each.count(now, heard=before) for _, each in self._all_faults()]
            if any(begun):
                self._settle()

    def _answer(self, data: bytes) -> None:
        """Let the device hear ``data``, and its answers be sent one after the other when they are ready."""
        device, now = self.device, trio.current_time()
        if self._faults.has("echo", now):
            next(iter(self._voices.values())).say(data, 0.0)
        for latency, answer in device.respond(data, now):
            speaker = device.speaker(answer) if isinstance(device, SimulatedBus) else None
            self._voices[speaker].say(answer, latency)

    async def _flood(self) -> None:
        while True:
            if line := self._faults.flood(trio.current_time()):
                # Never waits for room: what nobody reads in time is lost.
                self.cable.send_now(line)
                await trio.sleep(FLOOD_INTERVAL)
            else:
                await self._outlet.changed.park()
