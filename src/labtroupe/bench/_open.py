"""A running bench: from its description to a tree of instruments."""

from __future__ import annotations

import random
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import cast

import trio

from labtroupe.actor import ActorRef
from labtroupe.bench._appearances import watch_for_devices
from labtroupe.bench._bench import Bench
from labtroupe.bench._config import BenchConfig, InstrumentConfig
from labtroupe.bench._latches import LatchKeeper
from labtroupe.bench._load import BenchSource, load_bench
from labtroupe.bench._reminder import remind_of_missing
from labtroupe.bench._requiring import requiring
from labtroupe.bench._simulated import make_simulated
from labtroupe.bench._simulated_bench import simulated
from labtroupe.control import Feed, InstrumentInfo, Service
from labtroupe.errors import RestartLimitError
from labtroupe.escape import Escape
from labtroupe.instrument import Bus, BusLink, FlightRecorder, Instrument, Link, Reattach
from labtroupe.messages import DeviceReturned, Event, SimulationCrashed
from labtroupe.policy import Group, Strategy
from labtroupe.simulation import Rack
from labtroupe.supervision import ChildSpec, Member, Supervisor, Watchdog
from labtroupe.transport import Address, SimAddress, open_transport

FindBus = Callable[[str], ActorRef[Bus]]
"""Returns the ref to a bus by its name."""

Work = Callable[[], Awaitable[None]]
"""What runs until it is cancelled."""


def _wait(_: Sequence[Member]) -> None:
    """Wait for those that do not stop."""


@asynccontextmanager
async def open_bench(  # noqa: PLR0913 - all but the first have defaults and go by name
    bench: BenchSource,
    *,
    simulate: bool = False,
    require: str | Collection[str] | None = (),
    await_required: bool = True,
    on_wedged: Callable[[Sequence[Member]], None] = _wait,
    chance: random.Random | None = None,
) -> AsyncGenerator[Bench]:
    """Run a bench for as long as the body lasts.

    The body begins when all required instruments are running; the others may
    still be starting, and what is asked of them waits.  On the way out, by
    whatever way, the instruments are stopped in order and their ports closed.
    What the body raises comes out as it is, in no group.

    What was halted when the bench last ran is halted still, until it is reset.

    Args:
        bench: What describes it: a file, a module, a `BenchSpec`, or what has been read from one.
        simulate: Put a simulated device in place of each real one, and ``.sim`` after its name.
        require: Names of instruments that are required, whatever the file says; ``None`` for all of them.
        await_required: Begin the body at once if false, to watch the required ones start.
        on_wedged: Called when only instruments are left that do not stop; to return is to wait for them.
        chance: Where the jitter of backoffs comes from; seed it for a repeatable run.

    Raises:
        ConfigError: The file has mistakes; the error names all of them.
        UnknownInstrumentError: One of those to require does not exist.
        BenchError: Nobody can say what is halted.
        RestartLimitError: A required one did not start, or restarting a critical one did not help.
    """
    config = simulated(load_bench(bench)) if simulate else load_bench(bench)
    config = requiring(config, require)
    awaited = [each.name for each in config.instruments if each.policy.required and await_required]
    async with _opened(config, awaited, on_wedged, chance or random.Random()) as running:  # noqa: S311 - jitter
        yield running


@asynccontextmanager
async def _opened(
    config: BenchConfig,
    awaited: Sequence[str],
    on_wedged: Callable[[Sequence[Member]], None],
    chance: random.Random,
) -> AsyncGenerator[Bench]:
    feed = Feed()
    latches = LatchKeeper.of(config.name, feed.publish)

    def publish(event: Event) -> None:
        feed.publish(event)
        if isinstance(event, DeviceReturned) and event.action is Reattach.ASK:
            # It halts itself with this.
            latches.keep()

    with tempfile.TemporaryDirectory(prefix="labtroupe-") as ports:

        def report_crash(name: str, _: Exception) -> None:
            feed.publish(SimulationCrashed(instrument=name, reason=rack.why_crashed(name)))

        rack = Rack(Path(ports), on_crash=report_crash)
        async with rack.running():
            addresses = dict(_real_addresses(rack, config))
            recorders = {name: FlightRecorder() for name in addresses}
            links = partial(_link, addresses, recorders)
            supervisor = _make_supervisor(config, links, publish, on_wedged, chance)
            latches.look_after([member.cell for member in supervisor])
            service = Service(config.name, feed, supervisor, _infos(config), rack, latches, recorders)
            beside: list[Work] = [
                latches.run,
                partial(watch_for_devices, supervisor, addresses),
                partial(remind_of_missing, service),
            ]
            async with _running(supervisor, beside, awaited):
                yield Bench(config, service, supervisor)


def _make_supervisor(
    config: BenchConfig,
    link_of: Callable[[InstrumentConfig, FindBus], Link],
    publish: Callable[[Event], None],
    on_wedged: Callable[[Sequence[Member]], None],
    chance: random.Random,
) -> Supervisor:
    def find_bus(name: str) -> ActorRef[Bus]:
        return supervisor.ref(name, Bus)  # type: ignore[type-abstract]  # nobody makes one here

    supervisor = Supervisor(
        [_spec(each, link_of(each, find_bus)) for each in config.in_order()],
        publish,
        chance,
        groups={each.name: each.group for each in config.groups},
        starts_at_once=config.starts_at_once,
        on_wedged=on_wedged,
    )
    return supervisor


@asynccontextmanager
async def _running(
    supervisor: Supervisor, beside: Sequence[Work], awaited: Sequence[str]
) -> AsyncGenerator[None]:
    """Run the supervisor beside the body, which begins when those awaited are running.

    What either raises comes out as it is, in no group.
    """
    escape = Escape()
    # Shielded, so that what cancels all of it from outside ends the body first:
    # its clean-up may have to ask an instrument.
    shelter = trio.CancelScope(shield=True)
    try:
        async with trio.open_nursery() as nursery:
            try:
                with escape.carry():
                    # Shielded, too: cancelled before it has begun it would go on for ever.
                    with trio.CancelScope(shield=True):
                        await nursery.start(partial(_keep, supervisor, beside, shelter))
                    for name in awaited:
                        await supervisor.wait_been_up(name)
                    yield
            finally:
                shelter.cancel("the body of the bench has ended")
    except BaseExceptionGroup as group:
        failure = _the_one(group)
        if failure is None:
            raise
        if escape.error is None or isinstance(failure, KeyboardInterrupt):
            escape.error = failure
        else:
            escape.error.add_note(f"Meanwhile the bench failed: {failure}")
    escape.release()


def _the_one(group: BaseExceptionGroup[BaseException]) -> BaseException | None:
    """Return what ended the bench besides a cancellation, if that is one thing; Ctrl-C may come twice."""
    errors = group.split(trio.Cancelled)[1]
    if errors is None:
        return None
    for kind in (RestartLimitError, KeyboardInterrupt):
        found, others = errors.split(kind)
        if found is not None and others is None:
            return _innermost(found)
    return None


def _innermost(error: BaseException) -> BaseException:
    if not isinstance(error, BaseExceptionGroup):
        return error
    return _innermost(cast("BaseExceptionGroup[BaseException]", error).exceptions[0])


@trio.lowlevel.enable_ki_protection
async def _protected(run: Work) -> None:
    """Run what must not be met by a Ctrl-C: that is for the body."""
    await run()


@trio.lowlevel.enable_ki_protection
async def _keep(
    supervisor: Supervisor,
    beside: Sequence[Work],
    shelter: trio.CancelScope,
    *,
    task_status: trio.TaskStatus[None],
) -> None:
    """Run the supervisor, and what goes with it, until ``shelter`` is cancelled."""
    with shelter:
        async with trio.open_nursery() as nursery:
            for run in (Watchdog(supervisor.publish).run, *beside):
                nursery.start_soon(_protected, run)
            await nursery.start(supervisor.run)
            task_status.started()


def _real_addresses(rack: Rack, config: BenchConfig) -> Iterator[tuple[str, Address]]:
    """Yield where the device of each instrument with a port is; simulated ones are put into the rack."""
    for each in config.instruments:
        if isinstance(each.address, SimAddress):
            device, via = make_simulated(each.address)
            yield each.name, Address.parse(rack.add(each.name, device, via=via))
        elif each.address is not None:
            yield each.name, each.address
        elif config.is_simulated(each):
            rack.add_unit(each.name, each.bus, cast("int", each.settings["unit"]))


def _link(
    addresses: Mapping[str, Address],
    recorders: Mapping[str, FlightRecorder],
    config: InstrumentConfig,
    find_bus: FindBus,
) -> Link:
    """Return the link to an instrument's device: over its own port, or over that of its bus."""
    address = addresses.get(config.name)
    if address is None:
        unit = cast("int", config.settings["unit"])
        bus = partial(find_bus, config.bus)
        return BusLink.to(bus, unit, config.bus, config.identity, config.reattach)
    connect = partial(open_transport, address, holder=config.name)
    link = config.instrument_type.link_to(str(address), connect, config.identity, config.reattach)
    link.recorder = recorders[config.name]
    return link


def _spec(config: InstrumentConfig, link: Link) -> ChildSpec:
    instrument_type = config.instrument_type

    def make() -> Instrument:
        nonlocal link
        link = link.successor()
        return instrument_type(link=link, **config.settings)

    return ChildSpec(
        name=config.name,
        factory=make,
        actor_type=instrument_type,
        policy=config.policy,
        start_timeout=config.start_timeout,
        mailbox=config.mailbox,
    )


def _infos(config: BenchConfig) -> dict[str, InstrumentInfo]:
    groups = {each.name: each.group for each in config.groups}
    return {
        each.name: _info(each, groups.get(each.policy.group, Group()), simulated=config.is_simulated(each))
        for each in config.instruments
    }


def _info(config: InstrumentConfig, group: Group, *, simulated: bool) -> InstrumentInfo:
    own = group.strategy is Strategy.ONE_FOR_ONE
    return InstrumentInfo(
        kind=config.kind,
        address=config.place,
        simulated=simulated,
        limit=config.policy.limit if own else group.limit,
    )
