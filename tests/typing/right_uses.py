"""What a type checker must let pass, with the type it must see; never run."""

from __future__ import annotations

from typing import Annotated, assert_type

import attrs

from labtroupe import (
    Actor,
    ActorRef,
    Bench,
    BenchSpec,
    Change,
    ChildSpec,
    Instrument,
    InstrumentSpec,
    Message,
    Missed,
    Outcome,
    Range,
    Reading,
    Reply,
    State,
    Supervisor,
    Unit,
    background,
    command,
    every,
    reading,
    sync,
)
from labtroupe.connections import ConnectionReport
from labtroupe.kinds import DCPowerSupply, LinkamT95
from labtroupe.sync import OpenBench
from labtroupe.testing import ANY, Double, FakeBench, MakeDouble, Probe, Received, Rule

Celsius = Annotated[float, Range(-196, 600), Unit("degC")]


@attrs.define(eq=False)
class Thermostat(Actor):
    """A plate heater."""

    target: float = 20.0
    rate: float = 10.0

    @command(timeout=2.0, idempotent=True)
    async def temperature(self) -> Annotated[float, Unit("degC")]:
        """Return the plate's temperature."""
        return self.target

    @command
    async def heat(self, celsius: Celsius, *, rate: float = 10.0) -> None:
        """Heat; inside the actor a command is the plain method."""
        self.target, self.rate = celsius, rate
        assert_type(await self.temperature(), float)


@attrs.define(eq=False)
class CarefulThermostat(Thermostat):
    """Overrides commands: with the same arguments, and an answer that is as good."""

    @command
    async def heat(self, celsius: Celsius, *, rate: float = 10.0) -> None:
        """Heat slowly."""
        assert_type(await super().heat(celsius, rate=min(rate, 1.0)), None)

    @command(idempotent=True)
    async def temperature(self) -> int:
        """Return the temperature in whole degrees."""
        return round(await super().temperature())


@attrs.define(eq=False)
class Bath(Thermostat):
    """A heater that looks after itself."""

    @reading
    async def level(self) -> float:
        """Return the level."""
        return await self.power(2)

    @every(1.0, missed=Missed.CATCH_UP)
    @reading(timeout=2.0, fresh_for=5.0)
    async def power(self, channel: int = 1) -> Annotated[float, Unit("W")]:
        """Return the power of one channel."""
        return 10.0 * channel

    @every(60)
    @command(timeout=10.0)
    async def stir(self, turns: int = 3) -> str:
        """Stir."""
        return "stirred" * turns

    @background
    async def watch_level(self) -> None:
        """Watch the level."""
        assert_type(await self.level(), float)
        assert_type(await self.stir(turns=1), str)


@attrs.define(eq=False)
class CarefulBath(Bath):
    """Overrides a reading with a better one, a command with a reading, and a background task."""

    @reading
    async def level(self) -> int:
        """Return the level in whole percent."""
        return round(await super().level())

    @reading
    async def temperature(self) -> float:
        """Return the temperature."""
        return await super().temperature()

    @background
    async def watch_level(self) -> None:
        """Watch it more closely."""
        await super().watch_level()


def messages() -> None:
    """A command that is called on its class makes a message."""
    assert_type(Thermostat.temperature(), Message[float])
    assert_type(Thermostat.heat(40), Message[None])
    assert_type(Thermostat.heat(celsius=40.0, rate=5), Message[None])
    assert_type(CarefulThermostat.temperature(), Message[int])
    any_answer: Message[object] = Thermostat.temperature()
    assert any_answer == Thermostat.temperature()


async def asking(heater: ActorRef[Thermostat]) -> None:
    """An answer has the type that the command declares."""
    assert_type(await heater.ask(Thermostat.temperature()), float)
    assert_type(await heater.ask(Thermostat.temperature(), timeout=1), float)
    reply = assert_type(heater.send(Thermostat.temperature()), Reply[float])
    assert_type(await reply, float)
    assert_type(reply.outcome, Outcome | None)
    assert_type(await heater.send(Thermostat.heat(40.0)), None)
    assert_type(heater.tell(Thermostat.heat(40.0)), None)
    assert_type(heater.state, State)


def asking_and_blocking(bench: sync.Bench) -> None:
    """So it has where no trio is."""
    assert_type(bench.ask("heater", Thermostat.temperature(), timeout=1), float)
    assert_type(bench.ask("heater", Thermostat.heat(40.0)), None)


async def by_proxy(heater: ActorRef[Thermostat]) -> None:
    """The proxy has the commands and their types."""
    assert_type(await heater.proxy.temperature(), float)
    assert_type(await heater.proxy.heat(40.0, rate=5.0), None)


async def a_ref_to_a_subclass_is_one_to_its_base(careful: ActorRef[CarefulThermostat]) -> None:
    """What can be asked of every thermostat can be asked of a careful one."""
    await asking(careful)
    assert_type(await careful.proxy.temperature(), int)


def supervised() -> ActorRef[Thermostat]:
    """The ref has the class that was asked for."""
    supervisor = Supervisor([ChildSpec(name="heater", factory=Thermostat, actor_type=Thermostat)])
    return supervisor.ref("heater", Thermostat)


async def a_bench_in_python(bench: BenchSpec, running: Bench) -> None:
    """What a function describes has its class everywhere."""

    @bench.instrument
    def heater() -> InstrumentSpec[LinkamT95]:
        return InstrumentSpec(LinkamT95, "sim:linkam-t95", connect="on-demand", mailbox=3)

    @bench.instrument
    def psu(heater: InstrumentSpec[LinkamT95]) -> InstrumentSpec[DCPowerSupply]:
        return InstrumentSpec(DCPowerSupply, "sim:scpi", depends_on=[heater], max_voltage=3.0)

    bench.group("both", strategy="one_for_all", members=[heater, psu])
    assert_type(heater(), InstrumentSpec[LinkamT95])
    assert_type(running.ref(heater), ActorRef[LinkamT95])
    assert_type(await running.ref(heater).ask(LinkamT95.temperature()), float)


def periodic_work_and_readings_are_commands() -> None:
    """With the arguments and the answers that they declare."""
    assert_type(Bath.level(), Message[float])
    assert_type(Bath.power(channel=2), Message[float])
    assert_type(Bath.stir(2), Message[str])


async def looking(bath: ActorRef[Bath], careful: ActorRef[CarefulBath]) -> None:
    """A reading has the type of the answer."""
    found = assert_type(bath.reading(Bath.power), Reading[float])
    assert_type(found.value, float | None)
    assert_type(found.age, float)
    assert_type(careful.reading(CarefulBath.level), Reading[int])
    assert_type(careful.reading(Bath.level), Reading[float])
    assert_type(await bath.wait_until(Bath.level, lambda level: level.is_integer()), float)
    assert_type(await bath.wait_state(State.RUNNING), None)
    async for value in bath.values(Bath.level):
        assert_type(value, float)
    async for change in bath.watch():
        assert_type(change, Change)


async def slow_stir(turns: int) -> str:
    """Stir."""
    return "stirred" * turns


async def doubles(make_double: MakeDouble, fake_bench: FakeBench) -> None:
    """A double answers with what its class declares."""
    double = assert_type(make_double(Bath), Double[Bath])
    assert_type(double.when(Bath.level()).reply(0.5, 1), Rule[float])
    assert_type(double.when(Bath.level).delay(1.0).hang(), Rule[float])
    assert_type(double.expect(Bath.heat(ANY, rate=ANY), times=2).reply(None), Rule[None])
    double.when(Bath.level).calls(lambda: 0.5)
    double.when(Bath.stir).calls(slow_stir)
    double.starting.raises(OSError("off")).reply(None)
    async with fake_bench({"bath": double}) as bench:
        assert_type(bench, Bench)
    with fake_bench({"bath": double}) as blocking:
        assert_type(blocking, OpenBench)
    assert_type(await Probe(double).expect(Bath.level, Bath.stir(2), within=1), list[Received])


@attrs.define(eq=False)
class Stage(Instrument):
    """An instrument."""


@attrs.frozen
class Pair:
    """Two refs by name."""

    heater: ActorRef[Stage]
    bath: ActorRef[Stage]


async def connecting(bench: Bench, pair: Pair) -> None:
    """Whom a bench is to connect goes by name, by ref, or in an object of the user's."""
    found = bench.refs(Pair)
    assert_type(found, Pair)
    assert_type(found.heater, ActorRef[Stage])
    assert_type(await bench.connect("a", pair.heater, pair, force=True), ConnectionReport)
    assert_type(await bench.ensure_connected(pair, other=pair.bath), ConnectionReport)
    assert_type(bench.connections().causes[0].since, float | None)
