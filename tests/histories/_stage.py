"""The stage: a history while it is carried out."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Final

import attrs
import trio

from labtroupe.actor import ActorRef, Reply
from labtroupe.errors import LabtroupeError, Outcome
from labtroupe.lifecycle import State
from labtroupe.messages import (
    CommandFailed,
    CommandQuarantined,
    Event,
    LeaseChanged,
    StateChanged,
)
from labtroupe.supervision import ChildSpec, Supervisor

from ._actors import TIMEOUT, Device, Part, Plain, Wire, ask
from ._gauge import Gauge, Port, gauges
from ._plans import ChildPlan, Kind
from ._record import Record, What
from ._script import Action, Adding, Call, Ending, Halting, How, Leasing, Order

# Seconds of virtual time in which all comes to rest: every pause has been, every request has
# ended.  No sum of the quarters that all else takes, so that nothing happens in the last moment.
_REST: Final = 400.1


class BodyError(Exception):
    """What the body beside the supervisor raises."""


@attrs.define(eq=False)
class Stage:
    """A history while it is carried out.

    Attributes:
        hold_up: Lets time pass with nobody running.
        parts: What the lives of each child share.
        makers: What makes the actor of each life.
        refs: Those of the children that have been there.
        replies: Of the requests that nobody awaits.
    """

    record: Record
    hold_up: Callable[[float], None]
    supervisor: Supervisor = attrs.field(init=False)
    parts: dict[str, Part] = attrs.field(factory=dict[str, Part])
    makers: dict[str, Callable[[], Plain]] = attrs.field(factory=dict[str, Callable[[], Plain]])
    refs: dict[str, ActorRef[Plain]] = attrs.field(factory=dict[str, ActorRef[Plain]])
    replies: dict[str, Reply[str]] = attrs.field(factory=dict[str, Reply[str]])

    def __attrs_post_init__(self) -> None:
        """Build the bench; nothing is started."""
        history = self.record.history
        specs = [self._spec(plan) for plan in history.children]
        chance = Random(history.schedule)  # noqa: S311 - repeatable, not secret
        self.supervisor = Supervisor(specs, self._publish, chance, groups=dict(history.groups))
        for plan in history.children:
            self.refs[plan.name] = self.supervisor.ref(plan.name, Plain)

    def _spec(self, plan: ChildPlan) -> ChildSpec:
        if plan.name not in self.parts:
            wire = (Port if plan.kind is Kind.INSTRUMENT else Wire)(plan.name, self.record)
            self.parts[plan.name] = Part(plan, wire, self.record, self.refs, self.hold_up)
        part = self.parts[plan.name]
        make = self.makers.setdefault(plan.name, _MAKERS[plan.kind](part))

        def factory() -> Plain:
            part.lives += 1
            return make()

        return ChildSpec(
            name=plan.name,
            factory=factory,
            actor_type=_TYPES[plan.kind],
            policy=plan.policy,
            start_timeout=plan.start_timeout,
            mailbox=plan.mailbox,
        )

    def _publish(self, event: Event) -> None:
        note, child = self.record.note, event.instrument
        match event:
            case CommandFailed():
                # As in ``Plain.work('3.1', ...)``.
                name = event.command.split("'")[1]
                note(What.FAILED, child, request=name, text=event.outcome, detail=event.code)
            case StateChanged():
                note(What.STATE, child, text=f"{event.before} -> {event.after}", detail=event.reason)
            case LeaseChanged():
                note(What.UNLEASED if event.over else What.LEASED, child, text=event.holder)
            case CommandQuarantined():
                note(What.QUARANTINED, child, text=event.command)
            case _:
                pass

    async def run(self, outside: trio.Nursery) -> None:
        """Run the supervisor and all who act, until the history ends."""
        history = self.record.history
        around = history.ends_at if history.ending is Ending.DEADLINE else math.inf
        try:
            with trio.CancelScope(deadline=around):
                async with trio.open_nursery() as nursery:
                    await nursery.start(self.supervisor.run)
                    callers = outside if history.callers_stay else nursery
                    for number, action in enumerate(history.actions):
                        callers.start_soon(self._act, str(number), action)
                    await self._end(nursery)
        except Exception as error:  # noqa: BLE001 - looked at later
            self.record.error = error
        finally:
            self.record.note(What.OVER)

    async def _end(self, nursery: trio.Nursery) -> None:
        history = self.record.history
        try:
            await trio.sleep_until(history.ends_at)
            if history.ending is Ending.DEADLINE:
                await trio.sleep_forever()
            if history.ending is Ending.SETTLED:
                await trio.sleep(_REST)
                self.record.at_rest = {name: ref.state for name, ref in self.refs.items()}
        finally:
            self.record.note(What.CLOSED)
        if history.ending is Ending.RAISED:
            raise BodyError
        nursery.cancel_scope.cancel(history.ending)

    async def _act(self, name: str, action: Action) -> None:
        await trio.sleep_until(action.at)
        match action:
            case Adding():
                self._add(action.plan)
            case Halting():
                await self._halt(action)
            case Order(child=child) | Call(child=child) | Leasing(child=child) if child not in self.refs:
                pass  # Nobody of this name has been added yet.
            case Order():
                self._order(action)
            case Leasing():
                await self._lease(name, action)
            case Call(how=How.ASK):
                await self._ask(name, action)
            case Call():
                await self._send(name, action)

    def _add(self, plan: ChildPlan) -> None:
        try:
            self.refs[plan.name] = self.supervisor.add(self._spec(plan))
        except LabtroupeError as error:
            self.record.note(What.ORDERED, plan.name, text=f"not add: {error.code}")
        else:
            self.record.note(What.ORDERED, plan.name, text="add")

    def _order(self, order: Order) -> None:
        before = self.refs[order.child].state
        try:
            getattr(self.supervisor, order.verb)(order.child)
        except LabtroupeError as error:
            self.record.note(What.ORDERED, order.child, text=f"not {order.verb}: {error.code}")
        else:
            # It may be starting already: then this changes nothing.
            idle = order.verb == "start" and before in {State.STARTING, State.RUNNING, State.HALTED}
            self.record.note(What.ORDERED, order.child, text=order.verb + "?" * idle)

    async def _halt(self, halting: Halting) -> None:
        names = [name for name in halting.children if name in self.refs] or None
        known = [member.cell.name for member in self.supervisor]
        if names and not set(names) <= set(known):
            return
        for name in names or known:
            self.record.note(What.HALTING, name)
        reports = await self.supervisor.halt(names, "smoke")
        for report in reports:
            text = "confirmed" if report.confirmed else f"not confirmed: {report.reason}"
            self.record.note(What.HALTED, report.instrument, text=text)

    async def _lease(self, name: str, leasing: Leasing) -> None:
        message = Plain.work(name, leasing.steps)
        ref = self.refs[leasing.child]
        async with ref.lease(holder=name, takeover=leasing.takeover) as mine:
            self.record.asked(name, leasing.child, "work", timeout=TIMEOUT, lease=name)
            with suppress(LabtroupeError):
                await ask(self.record, mine, name, message, None)
            await trio.sleep(leasing.seconds)

    async def _ask(self, name: str, call: Call) -> None:
        message = getattr(Plain, call.command)(name, call.steps)
        # A scope of its own beside the one with the deadline: R1 knows of the second only.
        withdrawn = trio.CancelScope()
        with trio.CancelScope(relative_deadline=call.scope), withdrawn:
            async with trio.open_nursery() as nursery:
                if call.cancelled_after < math.inf:
                    nursery.start_soon(_cancel_after, call.cancelled_after, withdrawn)
                self._note_asked(name, call)
                with suppress(LabtroupeError):
                    await ask(self.record, self.refs[call.child], name, message, call.timeout)
                nursery.cancel_scope.cancel("it has its answer")

    async def _send(self, name: str, call: Call) -> None:
        message, ref = getattr(Plain, call.command)(name, call.steps), self.refs[call.child]
        with trio.CancelScope(relative_deadline=call.scope):  # noqa: ASYNC100 - it is the deadline that counts
            self._note_asked(name, call)
            if call.how is How.SEND:
                self.replies[name] = ref.send(message, timeout=call.timeout)
            else:
                try:
                    ref.tell(message, timeout=call.timeout)
                except LabtroupeError as error:
                    self.record.note(What.TOLD, call.child, request=name, text=str(error.outcome))
        if call.how is How.SEND and call.cancelled_after < math.inf:
            await trio.sleep(call.cancelled_after)
            self.replies[name].cancel()

    def _note_asked(self, name: str, call: Call) -> None:
        timeout = TIMEOUT if call.timeout is None else call.timeout
        leave_after = math.inf if call.how is How.TELL else call.cancelled_after
        self.record.asked(
            name, call.child, call.command, timeout=timeout, how=call.how, leave_after=leave_after
        )

    def look_back(self) -> None:
        """Note what is left when all is over."""
        for name, reply in self.replies.items():
            self.record.outcomes[name] = reply.outcome
            if reply.outcome is Outcome.DONE and reply.value != name:
                self.record.violate(f"P12: #{name} got the answer {reply.value!r}")
        for member in self.supervisor:
            if waiting := len(member.cell.mailbox):
                self.record.violate(f"P19: {waiting} requests are left in the mailbox of {member.spec.name}")
            if member.cell.current is not None:
                self.record.violate(f"P19: {member.spec.name} is still busy")
            if self.parts[member.spec.name].wire.holder:
                self.record.violate(f"P19: {member.spec.name} still has its wire open")


def _plains(part: Part) -> Callable[[], Plain]:
    return lambda: Plain(part=part, life=part.lives)


def _devices(part: Part) -> Callable[[], Plain]:
    return lambda: Device(part=part, life=part.lives)


_MAKERS: Final = {Kind.PLAIN: _plains, Kind.DEVICE: _devices, Kind.INSTRUMENT: gauges}
_TYPES: Final = {Kind.PLAIN: Plain, Kind.DEVICE: Device, Kind.INSTRUMENT: Gauge}


async def _cancel_after(seconds: float, scope: trio.CancelScope) -> None:
    await trio.sleep(seconds)
    scope.cancel("its caller has changed its mind")
