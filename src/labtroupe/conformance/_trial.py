"""One trial: a driver under a supervisor, with a port that does what a check wants."""

from __future__ import annotations

import math
import random
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

import attrs
import trio

from labtroupe.actor import Actor, Cell, Reply
from labtroupe.conformance._finding import GRACE, Asked, NotDeclared, Shortfall, check_value
from labtroupe.conformance._incoming import can_answer
from labtroupe.conformance._port import ADDRESS, Port
from labtroupe.conformance._subject import Subject
from labtroupe.errors import LabtroupeError, sentence
from labtroupe.instrument import Instrument, Link, Reattach
from labtroupe.lifecycle import State
from labtroupe.messages import Event, Message
from labtroupe.policy import Policy, RestartLimit
from labtroupe.supervision import ChildSpec, Member, Supervisor

RECOVERY: Final = 120.0
"""Seconds, on the trial's clock, within which a driver whose device is well again must be well, too."""

CLOSE: Final = (
    "Open nothing but `self.link`, and where `on_start` or `on_stop` are overridden, call those of the base: "
    "`await super().on_stop()` closes the port on every way out."
)
"""What to do about a port that stays open."""

_NAME: Final = "driver"
_MEND_DEVICE: Final = "Mend the simulator, and try again: it says nothing about the driver."
_WELL: Final = (
    "The error is what the driver said when all was well again: talk through `self.link` alone, and let "
    "nothing that has gone wrong last from one command, or one life, to the next."
)
_END: Final = (
    f"What is cancelled has to end within {GRACE:g} s: never catch `trio.Cancelled`, and shield nothing "
    "for longer."
)
_PAUSE: Final = 0.5
# Restarting is not what is on trial.
_NO_LIMIT: Final = RestartLimit(max_restarts=1_000_000, max_attempts=1_000_000)


@attrs.define(eq=False)
class Trial:
    """A driver at work.

    Attributes:
        subject: The driver.
        port: Its port.
        supervisor: What keeps it alive.
        events: What has happened.
        links: The links of its lives so far.
    """

    subject: Subject
    port: Port
    supervisor: Supervisor
    events: list[Event]
    links: list[Link]

    @property
    def cell(self) -> Cell:
        """What stays of the actor over its lives."""
        return self.supervisor.member(_NAME).cell

    @property
    def driver(self) -> Actor | None:
        """Its present life, if it has one."""
        return self.supervisor.member(_NAME).actor

    @property
    def remembered(self) -> object:
        """What the driver takes for set in the device; ``None`` for nothing."""
        return self.links[-1].acquaintance.settings

    async def ask(
        self,
        message: Message[object] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - that of the request
    ) -> Asked:
        """Ask something, the probe by default, and return what has become of it.

        Raises:
            Shortfall: It has ended well, although its own answer was still to come, or with a value that is
                not of the declared type.
        """
        asked = message or self.subject.probe
        if timeout is None and asked.command.timeout == math.inf:
            timeout = RECOVERY
        reply = self.cell.submit(asked, timeout, math.inf, wait_for_room=True)
        with suppress(LabtroupeError):
            await reply.wait()
        if reply.error is None and self.port.owes(reply):
            raise Shortfall(f"{asked!r} gave {reply.value!r} before its own answer had come")
        if reply.error is None:
            check_value(asked, reply.value)
        return Asked(reply)

    def send(self, message: Message[object] | None = None) -> Reply[object]:
        """Ask something, the probe by default, with much time, and wait for nothing."""
        return self.cell.submit(message or self.subject.probe, RECOVERY, math.inf, wait_for_room=True)

    async def wait_running(self, fix: str = "") -> None:
        """Wait until it runs.

        Raises:
            Shortfall: It does not.
        """
        with trio.move_on_after(RECOVERY) as scope:
            await self.supervisor.wait_state(_NAME, State.RUNNING)
        if scope.cancelled_caught:
            raise Shortfall(
                f"it was not running within {RECOVERY:g} s: {self.cell.state}, {self.cell.reason}", fix
            )

    async def wait_well(self, fix: str = _WELL) -> None:
        """Wait until it runs and answers.

        Raises:
            Shortfall: It does not; ``fix`` says what to do about that, or else the check.
        """
        give_up = trio.current_time() + RECOVERY
        while True:
            await self.wait_running(fix)
            self.cell.clear_quarantine()
            asked = await self.ask()
            if asked.error is None:
                return
            if trio.current_time() >= give_up:
                raise Shortfall(f"it did not answer within {RECOVERY:g} s: {asked.error}", fix)
            await trio.sleep(_PAUSE)

    async def wait_answered(self) -> None:
        """Wait until it is well, and see that the device answers what is asked.

        Raises:
            NotDeclared: It does not.
            Shortfall: It is not well.
        """
        await self.wait_well()
        said = self.port.said
        await self.wait_well()
        if self.port.said == said:
            raise NotDeclared(
                f"the device does not answer {self.subject.probe!r}",
                "Give a probe that it answers, if there is one.",
            )

    async def wait_at_rest(self, reply: Reply[object]) -> None:
        """Wait until the code that worked for a request has ended.

        Raises:
            Shortfall: It does not end.
        """
        give_up = trio.current_time() + GRACE
        while self.cell.current is reply and reply.message.command.interruptible:
            if trio.current_time() >= give_up:
                raise Shortfall(f"{reply.message!r} was still at work {GRACE:g} s after its end", _END)
            await trio.sleep(GRACE / 100)

    async def stop(self) -> None:
        """Stop it, and see that its port is closed.

        Raises:
            Shortfall: It takes too long, or leaves the port open.
        """
        limit = self.supervisor.member(_NAME).spec.whole_policy.shutdown + 2 * GRACE
        self.supervisor.stop(_NAME)
        with trio.move_on_after(limit) as scope:
            await self.supervisor.wait_state(_NAME, State.STOPPED)
        if scope.cancelled_caught:
            raise Shortfall(f"it had not stopped {limit:g} s after it was told to")
        self.check_closed("it was stopped")

    def place(self) -> str:
        """Return where the driver's own code is, as far as it is in the file of its class."""
        task = self.supervisor.member(_NAME).task
        return "" if task is None else self.subject.place(task.iter_await_frames())

    def start(self) -> None:
        """Start it again."""
        self.supervisor.start(_NAME)

    def check_closed(self, when: str) -> None:
        """Raise `Shortfall` if the port is open."""
        if self.port.connections:
            raise Shortfall(f"the port was still open after {when}", CLOSE)

    async def halt(self) -> str:
        """Halt it, and return why its safe state is not confirmed; empty if it is."""
        report = (await self.supervisor.halt([_NAME], "trial"))[0]
        return "" if report.confirmed else report.reason or "no reason given"

    def reset(self) -> None:
        """Let go of the latch."""
        self.supervisor.reset(_NAME)


@attrs.define(eq=False)
class Ground:
    """Where the trials of one check take place.

    Attributes:
        subject: The driver.
        stuck: Set when its code does not end.
        place: Where that code is, if it is known.
        trials: All so far.
    """

    subject: Subject
    stuck: threading.Event = attrs.field(factory=threading.Event, init=False)
    place: str = attrs.field(default="", init=False)
    trials: list[Trial] = attrs.field(factory=list[Trial], init=False)

    @property
    def traffic(self) -> int:
        """How many bytes have gone to the devices and have come from them."""
        return sum(each.port.sent + each.port.said for each in self.trials)

    def abandon(self) -> None:
        """Give up, as the driver's code does not end."""
        if self.stuck.is_set():
            return
        self.place = self.place or next(filter(None, (each.place() for each in self.trials)), "")
        self.stuck.set()
        for each in self.trials:
            each.port.abandon()

    @asynccontextmanager
    async def trial(
        self,
        *,
        identity: str = "",
        reattach: Reattach = Reattach.ADOPT,
        prepare: Callable[[Port], None] | None = None,
    ) -> AsyncGenerator[Trial]:
        """Keep the driver alive in the body.

        Raises:
            Shortfall: What the body raises; or it does not let go of its port at the end.
        """
        trial = self._make(identity, reattach)
        if prepare is not None:
            prepare(trial.port)
        failure: Shortfall | NotDeclared | None = None
        async with trio.open_nursery() as nursery:
            await nursery.start(trial.supervisor.run)
            try:
                yield trial
            except (Shortfall, NotDeclared) as error:
                failure = error
            nursery.cancel_scope.cancel("the trial is over")
        if trial.port.crash is not None:
            crash = sentence(trial.port.crash, type(trial.port.device))
            raise Shortfall(f"the simulated device has crashed: {crash}", _MEND_DEVICE)
        # Before what it has led to.
        for misuse in trial.port.misuse:
            raise Shortfall(misuse, CLOSE)
        if failure is not None:
            raise failure
        trial.check_closed("all was stopped")

    def _make(self, identity: str, reattach: Reattach) -> Trial:
        subject, events = self.subject, list[Event]()
        port = Port(
            subject.make_device(),
            lambda: trial.cell.current,
            lambda data: can_answer(data, links[-1].manners),
        )
        links = [subject.instrument_type.link_to(str(ADDRESS), port.open, identity, reattach)]

        def make() -> Instrument:
            links.append(links[-1].successor())
            return subject.instrument_type(link=links[-1], **subject.settings)

        spec = ChildSpec(
            name=_NAME,
            factory=make,
            actor_type=subject.instrument_type,
            policy=Policy(limit=_NO_LIMIT),
            start_timeout=RECOVERY / 2,
        )

        def give_up(_: Sequence[Member]) -> None:
            self.abandon()

        chance = random.Random(0)  # noqa: S311 - repeatable, not secret
        supervisor = Supervisor([spec], events.append, chance, on_wedged=give_up)
        trial = Trial(subject, port, supervisor, events, links)
        self.trials.append(trial)
        return trial
