"""A running bench: from its description to a tree of instruments."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

import attrs
import trio

from labtroupe.actor import ActorRef
from labtroupe.bench._config import BenchConfig, InstrumentConfig, load_bench
from labtroupe.bench._simulated import make_simulated
from labtroupe.control import Feed, InstrumentInfo, Service
from labtroupe.errors import RestartLimitError
from labtroupe.instrument import Instrument, Link
from labtroupe.messages import Event, SimulationCrashed
from labtroupe.simulation import Rack
from labtroupe.supervision import ChildSpec, Supervisor
from labtroupe.transport import Address, SimAddress, open_transport

InstrumentT = TypeVar("InstrumentT", bound=Instrument)


@attrs.define(eq=False)
class Bench:
    """A bench that runs.

    Attributes:
        config: What its file says.
        service: What an operator can see and do.
    """

    config: BenchConfig
    service: Service
    _supervisor: Supervisor

    @property
    def name(self) -> str:
        """The bench's name."""
        return self.config.name

    def ref(self, name: str, instrument_type: type[InstrumentT]) -> ActorRef[InstrumentT]:
        """Return the ref to an instrument, valid over all its restarts.

        Raises:
            UnknownInstrumentError: The bench has none of this name.
            TypeError: It is not of this class.
        """
        return self._supervisor.ref(name, instrument_type)


@asynccontextmanager
async def open_bench(
    bench: str | Path | BenchConfig, *, await_required: bool = True
) -> AsyncGenerator[Bench]:
    """Run a bench for as long as the body lasts.

    The body begins when all required instruments are running; the others may
    still be starting, and what is asked of them waits.  On the way out, by
    whatever way, the instruments are stopped in order and their ports closed.
    What the body raises comes out as it is, in no group.

    Args:
        bench: The file that describes it, or what has been read from one.
        await_required: Begin the body at once if false, to watch the required ones start.

    Raises:
        ConfigError: The file has mistakes; the error names all of them.
        RestartLimitError: A required instrument did not start, or restarting a
            critical one did not help.
    """
    config = bench if isinstance(bench, BenchConfig) else load_bench(bench)
    feed = Feed()
    with tempfile.TemporaryDirectory(prefix="labtroupe-") as ports:
        rack = Rack(Path(ports), on_crash=partial(_report_crash, feed.publish))
        async with rack.running():
            addresses = {each.name: _real_address(rack, each) for each in config.instruments}
            supervisor = Supervisor(
                [_spec(each, addresses[each.name]) for each in config.instruments], feed.publish
            )
            service = Service(config.name, feed, supervisor, _infos(config), rack)
            required = [each.name for each in config.instruments if each.policy.required]
            async with _running(supervisor, required if await_required else []):
                yield Bench(config, service, supervisor)


@asynccontextmanager
async def _running(supervisor: Supervisor, awaited: Sequence[str]) -> AsyncGenerator[None]:
    """Run the supervisor beside the body, which begins when those awaited are running.

    What either raises comes out as it is, in no group.
    """
    failure: BaseException | None = None
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(supervisor.run)
            for name in awaited:
                await supervisor.wait_been_up(name)
            try:
                yield
            except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001 - raised again below
                failure = error
            nursery.cancel_scope.cancel("the body of the bench has ended")
    except* RestartLimitError as group:
        if failure is not None:
            failure.add_note(f"Meanwhile the bench failed: {group.exceptions[0]}")
        else:
            failure = group.exceptions[0]
    if failure is not None:
        raise failure


def _real_address(rack: Rack, config: InstrumentConfig) -> Address:
    """Return where the instrument's device is; a simulated one is put into the rack."""
    address = config.address
    if not isinstance(address, SimAddress):
        return address
    device, via = make_simulated(address)
    return Address.parse(rack.add(config.name, device, via=via))


def _spec(config: InstrumentConfig, address: Address) -> ChildSpec:
    instrument_type = config.instrument_type
    connect = partial(open_transport, address, holder=config.name)

    link = Link(str(address), connect, instrument_type.framing, instrument_type.barrier)

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
    return {
        each.name: InstrumentInfo(
            kind=each.kind, address=str(each.address), simulated=isinstance(each.address, SimAddress)
        )
        for each in config.instruments
    }


def _report_crash(publish: Callable[[Event], None], name: str, error: Exception) -> None:
    publish(SimulationCrashed(instrument=name, reason=repr(error)))
