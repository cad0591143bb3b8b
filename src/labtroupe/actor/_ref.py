"""The ref: how everybody else talks to an actor."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Self, TypeVar, cast

import attrs
import trio

from labtroupe.actor._cell import Cell
from labtroupe.actor._lease import Lease
from labtroupe.actor._readings import Values
from labtroupe.actor._reply import Reply
from labtroupe.actor._watch import Watch
from labtroupe.lifecycle import State
from labtroupe.messages import Message, Reading, ReadingCommand, commands_of

A_co = TypeVar("A_co", covariant=True)
R = TypeVar("R")


@attrs.frozen(eq=False)
class ActorRef(Generic[A_co]):
    """A reference to an actor, valid over all its lives.

    A message is a command called on its class::

        celsius = await heater.ask(LinkamT95.temperature())
    """

    _cell: Cell
    _lease: Lease | None = None

    # Not for type checkers: these know what a ref has.
    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            """Say how a command is asked for; it is no method of the ref."""
            kind = None if name.startswith("_") else self._cell.actor_type
            hint = ""
            if kind is not None and name in commands_of(kind):
                hint = f"; ask for it: `await ref.ask({kind.__name__}.{name}(...))`"
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{hint}")

    @property
    def name(self) -> str:
        """The actor's name."""
        return self._cell.name

    @property
    def state(self) -> State:
        """What the actor is doing now."""
        return self._cell.state

    @property
    def proxy(self) -> A_co:
        """The actor's commands as if it were here: ``await ref.proxy.heat(40.0)`` asks."""
        return cast("A_co", _Proxy(self))

    async def ask(self, message: Message[R], *, timeout: float | None = None) -> R:  # noqa: ASYNC109 - the edge, where seconds become a deadline
        """Send ``message`` and return its answer; waits for room in the mailbox.

        Args:
            message: What to do, as made by calling a command on its class.
            timeout: Seconds from now until the request ends at the latest; the
                command's own where not given, never beyond the deadline of the
                scope around the caller.  `math.inf` for no limit.

        Raises:
            CommandTimeout: Not done in time; ``stage`` says where it was, and
                ``outcome`` whether the device may have acted.
            CommandError: It was refused, withdrawn, or crashed.
            LinkError: The connection broke on the way.
        """
        caller = trio.current_effective_deadline()
        return await self._cell.submit(message, timeout, caller, self._lease, wait_for_room=True).wait()

    def send(self, message: Message[R], *, timeout: float | None = None) -> Reply[R]:
        """Send ``message`` and return the reply to await later; never waits.

        A message that finds no room or no running actor ends at once: its reply
        has the error, which awaiting it raises.

        Raises:
            UnknownCommandError: The message is not for this class of actor.
        """
        caller = trio.current_effective_deadline()
        return self._cell.submit(message, timeout, caller, self._lease, wait_for_room=False)

    def tell(self, message: Message[object], *, timeout: float | None = None) -> None:
        """Send ``message`` and want no answer; a failure becomes an event.

        As nobody waits for it, it outlives the scope around the caller: it can
        be sent in a ``finally`` while being cancelled, to switch something off.

        Raises:
            CommandError: It was refused at once: no room, not running, or not its command.
        """
        reply = self._cell.submit(message, timeout, math.inf, self._lease, wait_for_room=False)
        if reply.error is not None:
            raise reply.error

    @asynccontextmanager
    async def lease(self, *, holder: str, takeover: bool = False) -> AsyncGenerator[Self]:
        """Have the actor for oneself: the block gets a ref that is let in, everybody else is refused.

        Waits in line until the actor is free.  The lease ends with the block, when
        somebody takes it over, and when the present life of the actor ends; the ref
        is refused from then on.  Who only looks on, urgent commands and a halt
        pass through.

        Args:
            holder: Who has it, for those who are refused.
            takeover: Do not wait: end the lease of who has it now, with all that
                waits to be carried out for him.

        Raises:
            RuntimeError: This ref has a lease already, and would wait for itself.
        """
        if self._lease is not None and not self._lease.over:
            raise RuntimeError(f"{self!r} is leased already, by {self._lease.holder}")
        leases, lease = self._cell.leases, Lease(holder)
        await leases.wait_held(lease, takeover=takeover)
        try:
            yield attrs.evolve(self, lease=lease)
        finally:
            leases.end(lease, "its block has ended")

    def reading(self, command: ReadingCommand[..., R]) -> Reading[R]:
        """Return the last answer of a reading, with its age and quality; asks the actor for nothing.

        Raises:
            UnknownCommandError: It is no reading of the actor's class.
        """
        return self._cell.readings.look(command, running=self.state is State.RUNNING)

    def values(self, command: ReadingCommand[..., R]) -> Values[R]:
        """Return an asynchronous iterator over the values of a reading, for ever.

        It begins with the present value if that is good.  Who is slower than
        the values come gets the latest, and skips those in between.

        Raises:
            UnknownCommandError: It is no reading of the actor's class.
        """
        return self._cell.readings.values(command, running=self.state is State.RUNNING)

    async def wait_until(self, command: ReadingCommand[..., R], predicate: Callable[[R], bool]) -> R:
        """Wait until a reading has a value for which ``predicate`` holds, and return the value.

        The present value counts if it is good.  It only waits: the reading must
        be taken by somebody, periodically (`labtroupe.every`) or by asking for it.

        Raises:
            UnknownCommandError: It is no reading of the actor's class.
        """
        values = self.values(command)
        while not predicate(value := await anext(values)):
            pass
        return value

    async def wait_state(self, state: State) -> None:
        """Wait until the actor is in this state."""
        await self._cell.watched_state.wait_value(state)  # pyright: ignore[reportUnknownMemberType] - trio_util has no types

    def watch(self) -> Watch:
        """Return an asynchronous iterator over what becomes of the actor from now on, for ever.

        Each life that is up, down or wedged, and each time it is parked: once
        and in order for each watcher, however slow it is.
        """
        return self._cell.changes.watch()

    def __repr__(self) -> str:
        """Return the name and class it refers to."""
        return f"<ref to {self.name}: {self._cell.actor_type.__name__}>"


@attrs.frozen(eq=False)
class _Proxy:
    """Stands for the actor: each of its commands asks."""

    _ref: ActorRef[Any]

    def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        actor_type = self._ref._cell.actor_type  # noqa: SLF001 - the other half of the ref
        command = commands_of(actor_type).get(name)
        if command is None:
            raise AttributeError(f"{actor_type.__name__} has no command {name!r}")
        return partial(_ask, self._ref, command)


async def _ask(ref: ActorRef[Any], command: Callable[..., Message[R]], *args: object, **kwargs: object) -> R:
    return await ref.ask(command(*args, **kwargs))
