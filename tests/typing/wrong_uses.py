"""What a type checker must refuse, each on the line that says why; never run."""

from __future__ import annotations

import attrs

from labtroupe import (
    Actor,
    ActorRef,
    Bench,
    BenchSpec,
    InstrumentSpec,
    Reply,
    State,
    background,
    command,
    every,
    reading,
    sync,
)
from labtroupe.kinds import LinkamT95
from labtroupe.testing import Double, Probe


@attrs.define(eq=False)
class Thermostat(Actor):
    """A plate heater."""

    @command(timeout=2.0, idempotent=True)
    async def temperature(self) -> float:
        """Return the plate's temperature."""
        return 20.0

    @command
    async def heat(self, celsius: float, *, rate: float = 10.0) -> None:
        """Heat."""

    @command
    async def name(self) -> str:
        """Return a name."""
        return await self.temperature()  # error: inside the actor, too, the answer is a float

    @command  # error: a command is async
    def cool(self) -> None:
        """Cool."""

    @command(retries=3)  # error: no such option
    async def stir(self) -> None:
        """Stir."""


@attrs.define(eq=False)
class OtherThermostat(Thermostat):
    """Overrides commands such that who knows only the base is misled."""

    @command
    async def heat(self, fahrenheit: str) -> None:  # error: other arguments
        """Heat."""

    @command
    async def temperature(self) -> str:  # error: another answer
        """Return the temperature in words."""
        return "hot"


@attrs.define(eq=False)
class Bath(Actor):
    """Looks after itself, wrongly."""

    @reading
    async def level(self) -> float:
        """Return the level."""
        return 0.5

    @reading  # error: a reading is async
    def flow(self) -> float:
        """Return the flow."""
        return 1.0

    @reading(idempotent=False)  # error: a reading always is
    async def power(self) -> float:
        """Return the power."""
        return 10.0

    @every(1.0)  # error: only commands can be periodic
    async def stir(self) -> None:
        """Stir."""

    @every("often")  # error: a period is a number
    @command
    async def drain(self) -> None:
        """Drain."""

    @every(1.0, missed="later")  # error: no such policy
    @command
    async def fill(self) -> None:
        """Fill."""

    @background  # error: a background task is async
    def watch(self) -> None:
        """Watch."""

    @background  # error: nobody gives it an argument
    async def follow(self, target: float) -> None:
        """Follow."""


@attrs.define(eq=False)
class Pump(Actor):
    """Something else."""

    @command
    async def flow(self) -> float:
        """Return the flow."""
        return 1.0


def messages() -> None:
    """Arguments are checked where the message is made."""
    Thermostat.heat("warm")  # error: wrong type of argument
    Thermostat.heat()  # error: missing argument
    Thermostat.heat(40.0, 5.0)  # error: rate goes by name
    Thermostat.heat(40.0, speed=5.0)  # error: unknown argument
    Thermostat.heat(40.0, rate=None)  # error: wrong type of keyword argument
    Thermostat.temperature(1)  # error: one argument too many
    Thermostat.freeze()  # error: unknown command
    Thermostat.heat(40.0).args = ()  # error: a message is frozen
    _heating: str = Thermostat.heat(40.0)  # error: a message is no text


async def asking(heater: ActorRef[Thermostat]) -> None:
    """Only messages can be asked, and an answer has its type."""
    await Thermostat.heat(40.0)  # error: a message does nothing by itself
    _text: str = await heater.ask(Thermostat.temperature())  # error: the answer is a float
    _number: int = await heater.ask(Thermostat.heat(40.0))  # error: there is no answer
    _reply: Reply[str] = heater.send(Thermostat.temperature())  # error: the reply is one of a float
    await heater.ask(Thermostat.temperature)  # error: a command is no message yet
    await heater.ask("temperature")  # error: a name is no message
    await heater.ask(Thermostat.temperature(), 5.0)  # error: the timeout goes by name
    await heater.tell(Thermostat.heat(40.0))  # error: nothing comes back to wait for
    heater.tell(40.0)  # error: a value is no message
    heater.ask(Thermostat.heat(40.0))  # error: asked, and not awaited
    heater.name = "plate"  # error: a ref is frozen


async def by_proxy(heater: ActorRef[Thermostat]) -> None:
    """The proxy is as strict."""
    _text: str = await heater.proxy.temperature()  # error: the answer is a float
    await heater.proxy.heat("warm")  # error: wrong type of argument
    await heater.proxy.freeze()  # error: unknown command
    await heater.proxy.flow()  # error: a command of another class
    heater.proxy.heat(40.0)  # error: asked, and not awaited


async def looking(bath: ActorRef[Bath], heater: ActorRef[Thermostat]) -> None:
    """Only readings can be looked at, and a value has its type."""
    heater.reading(Thermostat.temperature)  # error: a command that is no reading
    bath.reading(Bath.level())  # error: a message is no reading
    bath.reading("level")  # error: a name is no reading
    _level: float = bath.reading(Bath.level)  # error: the value is in it
    _value: float = bath.reading(Bath.level).value  # error: there may be none yet
    bath.reading(Bath.level).value = 1.0  # error: a reading is frozen
    _text: str = await bath.wait_until(Bath.level, lambda level: level > 1)  # error: the value is a float
    await bath.wait_until(Bath.level, lambda level: level.upper() == "")  # error: a float has no such method
    await bath.wait_until(Bath.level, 40.0)  # error: a value is no condition
    await bath.wait_state("running")  # error: a word is no state
    bath.wait_state(State.RUNNING)  # error: nobody waits for it
    for _ in bath.values(Bath.level):  # error: it takes an async for
        pass
    for _ in bath.watch():  # error: it takes an async for
        pass


async def doubles(double: Double[Thermostat]) -> None:
    """An answer of a script has the type that the command declares."""
    double.when(Thermostat.temperature()).reply("hot")  # error: the answer is a float
    double.when(Thermostat.temperature).reply(None)  # error: there is an answer
    double.when(Thermostat.heat(40.0)).reply(40.0)  # error: there is no answer
    double.expect(Thermostat.temperature).delay(1.0).reply(1.0, "hot")  # error: each of them is a float
    double.when(Thermostat.temperature).calls(lambda: "hot")  # error: what is returned is a float
    double.when(Thermostat.heat("warm"))  # error: wrong type of argument to expect
    double.when("temperature")  # error: a name is no message to expect
    double.expect(Thermostat.temperature(), 2)  # error: how often goes by name
    double.starting.reply(1)  # error: a start has no answer
    Double(Thermostat.temperature)  # error: a double stands for a class
    Probe(double).expect(Thermostat.heat(40.0))  # error: expected, and not awaited


def refs(heater: ActorRef[Thermostat], actor: ActorRef[Actor]) -> None:
    """A ref says for which class it is."""
    _pump: ActorRef[Pump] = heater  # error: a thermostat is no pump
    _thermostat: ActorRef[Thermostat] = actor  # error: not every actor is a thermostat


def connecting(bench: Bench) -> None:
    """To be connected is waited for."""
    bench.connect("heater")  # error: nobody waits for it


def asking_and_blocking(bench: sync.Bench) -> None:
    """Blocking calls have types too."""
    _text: str = bench.ask("heater", Thermostat.temperature())  # error: the answer is a float
    bench.ask("heater", "temperature")  # error: a name is no message


def a_bench_in_python(bench: BenchSpec, heater: InstrumentSpec[LinkamT95]) -> None:
    """A function that describes an instrument says what it describes, in the words of a table."""
    InstrumentSpec(LinkamT95, "sim:linkam-t95", connect="lazy")  # error: no such way to connect
    InstrumentSpec(LinkamT95, "sim:linkam-t95", mailbox="3")  # error: a text is no number
    InstrumentSpec(LinkamT95, bus=heater)  # error: a heater is no bus
    InstrumentSpec("linkam-t95", "sim:linkam-t95")  # error: the name of a kind is no class
    bench.instrument(lambda: 3)  # error: it describes nothing
    bench.group("all", strategy="all", members=[])  # error: no such strategy
