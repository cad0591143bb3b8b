"""What the record of a history must say of the lives of its children: one function for each rule."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from labtroupe.errors import RestartLimitError
from labtroupe.lifecycle import MOVES, State
from labtroupe.policy import Restart

from ._facts import REVIVING, Facts, Life
from ._plans import ChildPlan, Does, Goes
from ._record import What
from ._stage import BodyError

# Seconds after the time for clean-up is over until a life that is still there is wedged.
WEDGED_AFTER: Final = 1.0

# Seconds that a safe state may take, and with it a supervisor that gives up.
SAFE: Final = 2.0

# Not all seconds are exact: pauses are cut short by chance.
_A_TRIFLE: Final = 1e-6


def within_both_limits(facts: Facts) -> Iterator[str]:
    """P8, S5: no more restarts in a window, nor in a row without health, than the policy grants."""
    for child in facts.children:
        if facts.history.mates(child):
            continue
        limit = facts.history.limit(child)
        for segment in _segments(facts, child):
            granted, in_a_row = list[float](), 0
            for life, after in pairwise(segment):
                if life.ready and life.stopped and life.stopped.at - life.ready.at >= limit.healthy_after:
                    in_a_row = 0
                if life.stopped is None or not _counts(facts, life):
                    continue
                in_a_row += 1
                granted = [at for at in granted if at > life.stopped.at - limit.max_seconds]
                granted.append(life.stopped.at)
                if len(granted) > limit.max_restarts or in_a_row > limit.max_attempts:
                    yield f"P8: {child}/{after.number} is a restart too many"


def groups_within_their_limit(facts: Facts) -> Iterator[str]:
    """P8, S5: of a group that shares its fate, no more restarts in a window than the group grants."""
    for name, group in facts.history.groups:
        members = [each.name for each in facts.history.everybody if each.policy.group == name]
        lives = [life for member in members for life in facts.lives[member][:-1]]
        orders = [order for member in members for order in facts.orders(member, *REVIVING)]
        if not any(facts.history.mates(member) for member in members) or orders:
            continue
        # Who fails when all of the group were up is an incident of its own, and so a restart.
        failed = sorted(life.stopped.at for life in lives if life.stopped and _counts(facts, life))
        limit = group.limit
        for at in failed:
            window = [each for each in failed if at <= each < at + limit.max_seconds]
            if len(window) > limit.max_restarts:
                yield f"P8: the group {name!r} is restarted too often from {at:g} s on"


def not_given_up_too_early(facts: Facts) -> Iterator[str]:
    """P8: a child is parked only where the policy grants no other restart."""
    for child in facts.children:
        if child in facts.history.required() or facts.history.mates(child):
            continue
        limit = facts.history.limit(child)
        for note in facts.moves_to(child, "failed"):
            lives = [life for life in _segment_before(facts, child, note.number) if not life.absent]
            ended = [life.stopped.at for life in lives if life.stopped]
            window = [at for at in ended if at > note.at - limit.max_seconds]
            if len(window) <= limit.max_restarts and len(ended) <= limit.max_attempts:
                yield f"P8: {note}, too early"


def _segments(facts: Facts, child: str) -> list[list[Life]]:
    """Return the lives between two orders that forgive what failed before."""
    orders = [order.number for order in facts.orders(child, *REVIVING)]
    bounds = [-1, *orders, len(facts.record.notes)]
    return [
        [life for life in facts.lives[child] if first < life.started.number < last]
        for first, last in pairwise(bounds)
    ]


def _segment_before(facts: Facts, child: str, number: int) -> list[Life]:
    """Return the lives that ended since the last order that forgives what failed before."""
    orders = [order.number for order in facts.orders(child, "start", "restart") if order.number < number]
    first = max(orders, default=-1)
    lives = facts.lives[child]
    return [life for life in lives if life.stopped and first < life.stopped.number < number]


def _counts(facts: Facts, life: Life) -> bool:
    """Whether a life certainly failed by itself, in a way that counts."""
    shaken = any(_shaken(facts, life, other) for other in facts.history.fates(life.child))
    return life.crashed_by_itself() and not (life.absent or shaken) and not _ordered(facts, life)


def _ordered(facts: Facts, life: Life) -> bool:
    """Whether anybody wanted anything of the child, or of whose fate it shares, during this life."""
    last = life.stopped or facts.over
    names = [life.child, *facts.history.fates(life.child)]
    orders = [order for name in names for order in facts.orders(name, "stop", *REVIVING)]
    # One that is given before its first step is for a life that has been started already.
    given = any(life.started.at <= order.at and order.number < last.number for order in orders)
    return given or facts.ends.number < last.number


def _shaken(facts: Facts, life: Life, other: str) -> bool:
    """Whether another child was anything but up all the time while this life lasted."""
    last = life.stopped or facts.over
    return not any(each.is_up(life.started) and each.is_up(last) for each in facts.lives[other])


def every_end_has_a_cause(facts: Facts) -> Iterator[str]:
    """S1, R12: no life ends unless it fails, is told to, or loses what it depends on."""
    for child in facts.children:
        fates = facts.history.fates(child)
        for life in facts.lives[child]:
            if life.over is None or life.crashed or life.finishes or _ordered(facts, life):
                continue
            if not any(_shaken(facts, life, other) for other in fates):
                yield f"R12: {life.over}, for no reason"


def up_only_on_what_is_up(facts: Facts) -> Iterator[str]:
    """P9: a life starts only where everything it depends on is up."""
    for child in facts.history.everybody:
        for life in facts.lives[child.name]:
            for other in child.policy.depends_on:
                # What goes down in the very moment of the start goes on to stop it.
                if not any(_was_up(each, life) for each in facts.lives[other]):
                    yield f"P9: {life.started}, and {other} is not up"


def _was_up(other: Life, life: Life) -> bool:
    """Whether another life was ready when this one started, and went down at that moment at the earliest."""
    ready, goes = other.ready, other.goes
    return (
        ready is not None
        and ready.number < life.started.number
        and (goes is None or not goes.is_long_before(life.started))
    )


def old_lives_first(facts: Facts) -> Iterator[str]:
    """S3: who is restarted with its group does not start while a later one of the group is still there."""
    for child in facts.children:
        for before, life in pairwise(facts.lives[child]):
            if not before.crashed_by_itself() or _ordered(facts, before) or _ordered(facts, life):
                continue
            for name in facts.history.later_mates(child):
                other = facts.life_at(name, life.started)
                if other and not _is_wedged(other, facts.history.child(name), life.started.at):
                    yield f"S3: {life.started}, and {name}/{other.number} is still there"


def one_life_at_a_time(facts: Facts) -> Iterator[str]:
    """R13, S3: no life starts beside the one before it, be that wedged."""
    for child in facts.children:
        for before, life in pairwise(facts.lives[child]):
            if before.lasts(life.started):
                yield f"R13: {life.started} beside life {before.number}"


def cleaned_up_once(facts: Facts) -> Iterator[str]:
    """P10: every life that has started is cleaned up exactly once, and does nothing after that."""
    for child in facts.children:
        for life in facts.lives[child]:
            if life.cleanups != 1 or life.stops is None:
                yield f"P10: {child}/{life.number} was cleaned up {life.cleanups} times"
                continue
            for note in facts.of_child(child, What.BEGUN, What.SENT, What.SAFE):
                if note.life == life.number and note.number > life.stops.number:
                    yield f"P10: {note}, after its clean-up began"


def clean_up_has_its_time(facts: Facts) -> Iterator[str]:
    """P10: a clean-up is given as long as it takes, up to what its policy grants."""
    for child in facts.history.everybody:
        for life in facts.lives[child.name]:
            plan = child.life(life.number)
            if plan.stop is Goes.STUBBORN or life.left or life.stops is None or life.stopped is None:
                continue
            wanted = math.inf if plan.stop is Goes.HANGS else plan.stop_seconds
            took, granted = life.stopped.at - life.stops.at, min(wanted, child.policy.shutdown)
            excuse = facts.held_up(life.stops.at, life.stopped.at) + _A_TRIFLE
            if not granted - _A_TRIFLE <= took <= granted + excuse:
                yield f"P10: the clean-up of {child.name}/{life.number} had {took:g} s, not {granted:g} s"


def dependents_first(facts: Facts) -> Iterator[str]:
    """P10, S2: who is told to stop begins when all who depend on it have gone, or are wedged."""
    for child in facts.children:
        for life in facts.lives[child]:
            if life.stops is None or life.crashed or life.finishes:
                continue
            closing = _is_told_by_the_end(facts, life)
            before = facts.history.later_mates(child) if closing else []
            for name in [*facts.history.dependents(child), *before]:
                other = facts.life_at(name, life.stops)
                if other and not _is_wedged(other, facts.history.child(name), life.stops.at):
                    yield f"P10: {life.stops}, and {other.child}/{other.number} is still there"


def _is_told_by_the_end(facts: Facts, life: Life) -> bool:
    """Whether a life is told to stop because everything is, and not by an operator in that moment."""
    if life.told is None or life.told.number < facts.ends.number:
        return False
    return not any(order.at == life.told.at for order in facts.orders(life.child, "stop", *REVIVING))


def _is_wedged(life: Life, plan: ChildPlan, now: float) -> bool:
    return life.over is not None and now >= life.over.at + plan.policy.shutdown + WEDGED_AFTER


def temporary_have_one_life(facts: Facts) -> Iterator[str]:
    """P11: a temporary child has one life, and another only if an operator wants it."""
    for child in facts.history.everybody:
        # To start one that is parked with its group starts the group.
        names = [child.name, *facts.history.mates(child.name)]
        orders = [order for name in names for order in facts.orders(name, *REVIVING)]
        lives = facts.lives[child.name]
        if child.policy.restart is Restart.TEMPORARY and len(lives) > 1 + len(orders):
            yield f"P11: {child.name} is temporary, and had {len(lives)} lives"


def on_demand_waits(facts: Facts) -> Iterator[str]:
    """S11: one on demand does not start before anybody needs it."""
    for child in facts.history.everybody:
        name, needed = child.name, facts.history.dependents(child.name)
        if not child.policy.on_demand or needed or not facts.lives[name]:
            continue
        started = facts.lives[name][0].started
        reasons = [*facts.of_child(name, What.ASKED), *facts.orders(name, *REVIVING)]
        if not any(note.number < started.number or note.at == started.at for note in reasons):
            yield f"S11: {started}, and nobody has asked for it"


def the_end_is_bounded(facts: Facts) -> Iterator[str]:
    """P17: from the moment when everything is to stop until it has, no longer than the policies say."""
    patience = sum(child.policy.shutdown + WEDGED_AFTER for child in facts.history.everybody)
    plans = [plan for child in facts.history.everybody for plan in child.lives]
    stubborn = sum(
        plan.stop_seconds * (plan.stop is Goes.STUBBORN)
        + plan.start_seconds * (plan.start is Goes.STUBBORN)
        + plan.safe_seconds * (plan.safe is Goes.STUBBORN)
        for plan in plans
    )
    steps = (step for action in facts.history.actions for step in getattr(action, "steps", ()))
    shielded = sum(step.seconds for step in steps if step.does is Does.SHIELD)
    given_up = 0.0 if facts.ends.what is What.CLOSED else SAFE
    took = facts.over.at - facts.ends.at - facts.held_up(facts.ends.at, facts.over.at)
    if took > patience + stubborn + shielded + given_up:
        yield f"P17: the end took {took:g} s, allowed were {patience:g} s and {stubborn + shielded:g} s"


def legal_moves(facts: Facts) -> Iterator[str]:
    """S1: the states follow one another as the table of moves says."""
    for child in facts.children:
        last = State.STOPPED
        for note in facts.of_child(child, What.STATE):
            before, after = map(State, note.text.split(" -> "))
            anew = any(order.text == "add" for order in facts.of_child(child, What.ORDERED))
            if not anew and (before is not last or (after is not before and after not in MOVES[before])):
                yield f"S1: {note}, after {last}"
            last = after


def rest_is_rest(facts: Facts) -> Iterator[str]:
    """S1: when nothing happens any more, everybody is as wanted, as far as it can be."""
    for name, state in facts.record.at_rest.items():
        around = [*facts.history.child(name).policy.depends_on, *facts.history.mates(name)]
        others = {other: facts.record.at_rest.get(other) for other in around}
        able = all(other is State.RUNNING for other in others.values())
        orders = facts.orders(name, "stop", *REVIVING)
        stopped = bool(orders) and orders[-1].text == "stop"
        wrong = (state is State.RUNNING and stopped) or (stopped and state is not State.STOPPED)
        if state is not State.HALTED and wrong:
            yield f"S1: {name} is {state}, and those around it are {others}"
        at_work = bool(facts.lives[name]) and facts.lives[name][-1].lasts(facts.ends)
        if state in {State.STARTING, State.STOPPING} and able and not at_work:
            yield f"S1: {name} is {state} for good, and nothing keeps it"


def nothing_unforeseen(facts: Facts) -> Iterator[str]:
    """S15: only what was foreseen comes out, and giving up bare among it."""
    for each in facts.errors:
        if not isinstance(each, BodyError | RestartLimitError):
            yield f"S15: {each!r} came out"


RULES = [
    within_both_limits,
    groups_within_their_limit,
    not_given_up_too_early,
    every_end_has_a_cause,
    up_only_on_what_is_up,
    old_lives_first,
    one_life_at_a_time,
    cleaned_up_once,
    clean_up_has_its_time,
    dependents_first,
    temporary_have_one_life,
    on_demand_waits,
    the_end_is_bounded,
    legal_moves,
    rest_is_rest,
    nothing_unforeseen,
]
