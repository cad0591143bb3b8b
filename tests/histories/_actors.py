"""The actors of a history, and the pretend wires they use."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import ClassVar, Final

import attrs
import trio

from labtroupe.actor import Actor, ActorRef, background, finish, mark_acted
from labtroupe.errors import CommandError, DeviceAbsent, LinkLost
from labtroupe.messages import Message, command

from ._plans import ChildPlan, Does, Goes, LifePlan, Step
from ._record import Record, What

TIMEOUT: Final = 3.0
"""Seconds that a command may take unless its caller says otherwise."""


@attrs.define(eq=False)
class Wire:
    """The wire of one child, which outlives its lives, and notes who uses it.

    Attributes:
        holder: The life that has it open; 0 for none.
        exchange: Who has an exchange on it now.
        owes: Whether an answer may still come that belongs to nobody.
    """

    child: str
    record: Record
    holder: int = 0
    exchange: str = ""
    owes: bool = False

    def open(self, life: int) -> None:
        """Open it, for one life alone."""
        if self.holder:
            self.record.violate(f"P12: {self.child}/{life} opens the wire that life {self.holder} holds")
        self.holder = life

    def close(self) -> None:
        """Close it."""
        self.holder = 0

    async def use(self, life: int, who: str, seconds: float, *, recovers: bool = False) -> None:
        """Send, and have the answer after some seconds; cut off, the answer is still owed."""
        user = f"{self.child}/{life} {who}"
        if self.exchange:
            self.record.violate(f"P5: {user} sends during an exchange of {self.exchange}")
        if self.owes and not recovers:
            self.record.violate(f"P6: {user} sends over a suspect wire")
        if self.holder != life:
            self.record.violate(f"P12: {user} sends, and life {self.holder} has the wire open")
        request = who if who in self.record.requests else ""
        self.record.note(What.SENT, self.child, life=life, request=request, text="" if request else who)
        self.exchange, self.owes = user, True
        end = What.CUT
        try:
            await trio.sleep(seconds)
            end, self.owes = What.ANSWERED, False
        finally:
            self.exchange = ""
            self.record.note(end, self.child, life=life, request=request)


@attrs.define(eq=False)
class Part:
    """What all lives of one child share.

    Attributes:
        hold_up: Lets time pass with nobody running.
        lives: How many there have been.
    """

    plan: ChildPlan
    wire: Wire
    record: Record
    refs: Mapping[str, ActorRef[Plain]]
    hold_up: Callable[[float], None]
    lives: int = 0


# With a dict, so that it can be mixed into an instrument, which has slots.
@attrs.define(eq=False, slots=False, kw_only=True)
class Plain(Actor):
    """An actor that follows its plan, and the steps it is asked to take."""

    quarantine_after: ClassVar[float] = math.inf

    part: Part
    life: int

    @property
    def plan(self) -> LifePlan:
        """What this life does by itself."""
        return self.part.plan.life(self.life)

    def note(self, what: What, request: str = "", text: str = "") -> None:
        """Note what this life does."""
        self.part.record.note(what, self.part.plan.name, life=self.life, request=request, text=text)

    async def on_start(self) -> None:
        """Start as planned."""
        self.note(What.STARTED)
        self.open_wire()
        # Its time began a little before this.
        patience = trio.current_effective_deadline()
        if patience > trio.current_time() + self.part.plan.start_timeout:
            self.part.record.violate(f"S11: {self.part.plan.name}/{self.life} has no end to its start")
        try:
            await go(self.plan.start, self.plan.start_seconds)
            await self.greet()
        except trio.Cancelled:
            if trio.current_time() >= patience:
                self.note(What.CRASHED, text="hangs")
            raise
        except Exception as error:
            self.note(What.CRASHED, text="absent" if isinstance(error, DeviceAbsent) else "start")
            raise
        if self.plan.start is Goes.FINISHES:
            self.note(What.FINISHES)
            finish()
        elif trio.current_time() < patience:
            self.note(What.READY)
        else:
            self.note(What.CRASHED, text="hangs")

    def open_wire(self) -> None:
        """Open the wire."""
        self.part.wire.open(self.life)

    async def greet(self) -> None:
        """Forget what the wire owes: nobody here minds."""
        self.part.wire.owes = False

    async def farewell(self) -> None:
        """Close what is open, without waiting."""

    async def on_stop(self) -> None:
        """Clean up as planned."""
        self.note(What.STOPS)
        try:
            await self.farewell()
            await go(self.plan.stop, self.plan.stop_seconds)
        finally:
            self.part.wire.close()
            self.note(What.STOPPED)

    @command(timeout=TIMEOUT)
    async def work(self, name: str, steps: tuple[Step, ...]) -> str:
        """Take some steps, and return the name of the request."""
        return await self.carry_out(name, steps)

    @command(timeout=TIMEOUT, idempotent=True)
    async def look(self, name: str, steps: tuple[Step, ...]) -> str:
        """Do the same, without harm if done twice."""
        return await self.carry_out(name, steps)

    @command(timeout=TIMEOUT, interruptible=False)
    async def home(self, name: str, steps: tuple[Step, ...]) -> str:
        """Do the same, whatever becomes of the caller."""
        return await self.carry_out(name, steps)

    @command(timeout=TIMEOUT, urgent=True)
    async def brake(self, name: str, steps: tuple[Step, ...]) -> str:
        """Do the same before all others."""
        return await self.carry_out(name, steps)

    async def carry_out(self, name: str, steps: tuple[Step, ...]) -> str:
        """Take some steps, and note what becomes of it."""
        self.note(What.BEGUN, name)
        try:
            for number, step in enumerate(steps):
                await self.take(name, number, step)
        except BaseException as error:
            self.note(What.UNWOUND, name, type(error).__name__)
            raise
        self.note(What.RETURNED, name)
        return name

    async def take(self, name: str, number: int, step: Step) -> None:
        """Take one step."""
        match step.does:
            case Does.EXCHANGE:
                await self.exchange(name, step.seconds)
            case Does.GARBLE:
                await self.garble(name, step.seconds)
            case Does.REFUSE:
                raise CommandError("no")
            case Does.CRASH | Does.LOSE:
                self.note(What.CRASHED, name)
                raise OSError("broken") if step.does is Does.CRASH else LinkLost("gone")
            case Does.FINISH:
                self.note(What.FINISHES, name)
                finish()
            case Does.ASK | Does.TELL:
                await self.pass_on(f"{name}.{number}", step)
            case Does.HOLD:
                self.part.hold_up(step.seconds)
                self.note(What.HELD, name, f"{step.seconds:g}")
            case _:
                await self.wait(name, step)

    async def wait(self, name: str, step: Step) -> None:
        """Wait, and be cancelled in various ways."""
        with trio.CancelScope(shield=step.does is Does.SHIELD):
            try:
                await trio.sleep(step.seconds)
            except trio.Cancelled:
                if step.does is Does.BREAK:
                    self.note(What.CRASHED, name)
                    raise OSError("broken by the cancellation") from None
                if step.does is not Does.SWALLOW:
                    raise

    async def exchange(self, name: str, seconds: float) -> None:
        """Have an exchange, whatever is still owed, and without saying so."""
        self.part.wire.owes = False
        await self.part.wire.use(self.life, name, seconds)

    async def garble(self, name: str, seconds: float) -> None:
        """Have an answer that is none, and mind nothing."""
        await self.exchange(name, seconds)
        raise CommandError("the answer is none")

    async def pass_on(self, name: str, step: Step) -> None:
        """Ask or tell somebody, from inside a handler."""
        part = self.part
        what = Step(Does.ASK, step.seconds, step.back) if step.back else Step(Does.EXCHANGE, 0.25)
        message = Plain.work(name, (what,))
        part.record.asked(name, step.whom, "work", timeout=step.seconds, how=step.does)
        if step.does is Does.ASK:
            await ask(part.record, part.refs[step.whom], name, message, step.seconds)
        else:
            part.refs[step.whom].tell(message, timeout=step.seconds)


@attrs.define(eq=False, slots=False, kw_only=True)
class Device(Plain):
    """One that notes its acts, watches over its wire, and gets it in step again."""

    marks_its_acts: ClassVar[bool] = True
    quarantine_after: ClassVar[float] = 3

    @property
    def suspicion(self) -> str | None:
        """Why an answer may still come that belongs to nobody."""
        return "an answer is owed" if self.part.wire.owes else None

    async def greet(self) -> None:
        """Get the wire in step, whatever the life before has left on it."""
        await self.recover()

    @background
    async def watch(self) -> None:
        """Crash when the time has come."""
        if self.plan.crashes_after < math.inf:
            await trio.sleep(self.plan.crashes_after)
            self.note(What.CRASHED, text="by itself")
            raise OSError("lost")

    async def recover(self) -> None:
        """Get in step as planned."""
        if self.plan.recovery is Goes.FAILS:
            self.note(What.CRASHED, text="recovery")
            raise LinkLost("not in step")
        await self.part.wire.use(self.life, "recovery", self.plan.recovery_seconds, recovers=True)

    async def safe_state(self) -> None:
        """Go into the safe state as planned."""
        await seek_safety(self)

    async def exchange(self, name: str, seconds: float) -> None:
        """Have an exchange, and say so before."""
        mark_acted()
        await self.part.wire.use(self.life, name, seconds)

    async def garble(self, name: str, seconds: float) -> None:
        """Have an answer that is none, and take the wire for suspect: this life ends."""
        await self.exchange(name, seconds)
        self.part.wire.owes = True
        self.note(What.CRASHED, name)
        raise CommandError("the answer is none")


async def seek_safety(actor: Plain) -> None:
    """Go into the safe state as planned."""
    actor.note(What.SAFE)
    plan = actor.plan
    if plan.safe is Goes.FAILS:
        actor.note(What.CRASHED, text="safe state")
    await go(plan.safe, plan.safe_seconds)
    await actor.exchange("safe state", 0.25)
    actor.note(What.IS_SAFE)


async def ask(
    record: Record,
    ref: ActorRef[Plain],
    name: str,
    message: Message[str],
    timeout: float | None,  # noqa: ASYNC109 - handed on as it is
) -> None:
    """Ask, and note what the caller is told."""
    try:
        value = await ref.ask(message, timeout=timeout)
    except trio.Cancelled:
        record.note(What.LEFT, ref.name, request=name)
        raise
    except Exception as error:
        outcome: object = getattr(error, "outcome", None)
        record.note(What.TOLD, ref.name, request=name, text=str(outcome))
        if outcome is None:
            record.violate(f"R3: #{name} ended in {error!r}, without an outcome")
        raise
    record.note(What.TOLD, ref.name, request=name, text="done")
    if value != name:
        record.violate(f"P12: #{name} got the answer {value!r}")


async def go(goes: Goes, seconds: float) -> None:
    """Let something go as planned."""
    with trio.CancelScope(shield=goes is Goes.STUBBORN):
        await trio.sleep(math.inf if goes is Goes.HANGS else seconds)
    if goes is Goes.FAILS:
        raise OSError("it fails")
    if goes is Goes.REFUSED:
        raise CommandError("no")
    if goes is Goes.ABSENT:
        raise DeviceAbsent("there is nothing")
