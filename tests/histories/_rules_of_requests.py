"""What the record of a history must say of its requests: one function for each rule."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from labtroupe.instrument import Instrument
from labtroupe.messages import Command, commands_of

from ._actors import Plain
from ._facts import REVIVING, Facts, Life
from ._plans import Does, Kind, Step
from ._record import Note, Request, What
from ._script import Call, Leasing

COMMANDS = commands_of(Plain)


def one_outcome(facts: Facts) -> Iterator[str]:
    """P1: every request ends exactly once, and all who are told of it are told the same."""
    for request in facts.requests:
        failures = [note.text for note in facts.of_request(request.name, What.FAILED)]
        told = [note.text for note in facts.of_request(request.name, What.TOLD)]
        if request.how == "send":
            told = [str(facts.record.outcomes.get(request.name))]
        outcomes = {*failures, *told}
        if not outcomes and facts.of_request(request.name, What.RETURNED):
            outcomes = {"done"}
        if len(failures) > 1 or len(outcomes) != 1 or "None" in outcomes:
            yield f"P1: #{request.name} failed as {failures}, and its caller was told {told}"


def done_is_done(facts: Facts) -> Iterator[str]:
    """R3: what is called done was carried out to its end."""
    for request in facts.requests:
        told = [note.text for note in facts.of_request(request.name, What.TOLD)]
        outcome = facts.record.outcomes.get(request.name)
        if ("done" in told or outcome == "done") and not facts.of_request(request.name, What.RETURNED):
            yield f"R3: #{request.name} is called done, and was not carried out"


def at_most_once(facts: Facts) -> Iterator[str]:
    """P2: a handler begins at most once per request, over all lives."""
    for request in facts.requests:
        begun = facts.of_request(request.name, What.BEGUN)
        if len(begun) > 1:
            yield f"P2: #{request.name} began {len(begun)} times, in lives {[note.life for note in begun]}"


def not_sent_is_not_sent(facts: Facts) -> Iterator[str]:
    """P3: of what is called not sent, nothing was sent, by its handler or by any that it asked."""
    for request in facts.requests:
        notes = facts.of_request(request.name, What.FAILED, What.TOLD)
        outcomes = {note.text for note in notes} | {facts.record.outcomes.get(request.name)}
        if "not_sent" not in outcomes:
            continue
        if any(facts.of_request(each, What.SENT) for each in facts.family(request.name)):
            yield f"P3: #{request.name} is called not sent, and was sent"
        plain = facts.history.child(request.child).kind is Kind.PLAIN
        if plain and facts.of_request(request.name, What.BEGUN):
            yield f"P3: #{request.name} is called not sent, and its handler has begun"


def nothing_begins_late(facts: Facts) -> Iterator[str]:
    """P4, R1: nothing begins at its deadline or after it."""
    for request in facts.requests:
        for begun in facts.of_request(request.name, What.BEGUN):
            if begun.at >= request.deadline:
                yield f"P4: #{request.name} began at {begun.at:g} s, its deadline was {request.deadline:g} s"


def nothing_begins_after_a_stop(facts: Facts) -> Iterator[str]:
    """P4: once a stop has returned nothing begins, unless others must clean up before."""
    for child in facts.children:
        revived = facts.orders(child, *REVIVING)
        for order, until in facts.spans(facts.orders(child, "stop"), revived):
            for name in [child, *facts.history.dependents(child)]:
                before = facts.history.go_before(name)
                alone = not facts.on_their_way(before, order) and facts.free(before, order) is order
                yield from _begun_after(facts, name, order, until, before, at_once=alone)
        # Whoever is cancelled or fails with the supervisor wakes it, and it acts when its turn comes.
        before = facts.history.go_before(child)
        yield from _begun_after(facts, child, facts.ends, facts.over.number, before, at_once=False)


def _begun_after(  # noqa: PLR0913 - what a stop is
    facts: Facts, name: str, order: Note, until: int, before: list[str], *, at_once: bool
) -> Iterator[str]:
    free = facts.free(before, order)
    for begun in facts.of_child(name, What.BEGUN):
        if order.number < begun.number < until and (at_once or free.is_long_before(begun)):
            yield f"P4: #{begun.request} began at {begun.at:g} s, after {order}"


def one_handler_at_a_time(facts: Facts) -> Iterator[str]:
    """P5, R10: no handler of a child begins before the last has ended, over all lives."""
    for child in facts.children:
        notes = facts.of_child(child, What.BEGUN, What.RETURNED, What.UNWOUND)
        for before, note in pairwise(notes):
            if note.what is What.BEGUN is before.what:
                yield f"P5: #{note.request} began while #{before.request} was running"


def first_come_first_served(facts: Facts) -> Iterator[str]:
    """P7: what waits for one child in one lane begins in the order in which it was asked."""
    for urgent in (False, True):
        for child in facts.children:
            requests = (facts.record.requests[note.request] for note in facts.of_child(child, What.BEGUN))
            lane = [request for request in requests if _command(request).urgent is urgent]
            for before, request in pairwise(lane):
                if before.asked > request.asked:
                    yield f"P7: #{before.name} began before #{request.name}, which was asked earlier"


def urgent_first(facts: Facts) -> Iterator[str]:
    """R9: nothing begins while something urgent waits."""
    for request in facts.requests:
        if not _command(request).urgent:
            continue
        for begun in facts.of_request(request.name, What.BEGUN):
            for other in facts.of_child(request.child, What.BEGUN):
                usual = not _command(facts.record.requests[other.request]).urgent
                if usual and request.asked < other.number < begun.number:
                    yield f"R9: #{other.request} began while #{request.name} waited, which is urgent"


def nothing_outlives_a_crash(facts: Facts) -> Iterator[str]:
    """P12, R7: what was asked of one life is not begun in the next, unless it does no harm twice."""
    for request in facts.requests:
        command = _command(request)
        for begun in facts.of_request(request.name, What.BEGUN):
            life = _outlived(facts, request, begun)
            if life and not (command.idempotent or command.urgent):
                yield f"P12: #{request.name} was asked of life {life}, and began in life {begun.life}"


def _has_grace(facts: Facts, life: Life, begun: Note) -> bool:
    """Whether what was asked of a life may still begin in another: its link was lost a moment ago."""
    if life.crashed is None or facts.history.child(life.child).kind is not Kind.INSTRUMENT:
        return False
    return begun.at <= life.crashed.at + Instrument.grace


def _outlived(facts: Facts, request: Request, begun: Note) -> int:
    """Return which life was up and went down between the asking and the beginning; 0 for none."""
    for life in facts.lives[request.child]:
        if _has_grace(facts, life, begun):
            continue
        over = life.over
        between = over is not None and request.asked < over.number < begun.number
        # A clean-up that begins in the very moment of readiness may find it was never up.
        if life.ready and between and life.number < begun.number and _came_up(facts, life.ready):
            return life.number
    return 0


def _came_up(facts: Facts, ready: Note) -> bool:
    """Whether the supervisor took a life for up; told to stop in the same moment, it never was."""
    states = facts.of_child(ready.child, What.STATE, What.BEGUN)
    return any(note.number > ready.number and note.life in {0, ready.life} for note in states)


def ends_by_its_deadline(facts: Facts) -> Iterator[str]:
    """P16, R4: every request ends by its deadline, and its caller goes at once."""
    for request in facts.requests:
        leave_by = facts.excused(request.leave_by)
        if request.leave_by < request.deadline:
            leave_by += facts.held_up(facts.record.notes[request.asked].at, leave_by)
        for note in facts.of_request(request.name, What.TOLD, What.LEFT, What.FAILED):
            if note.at > leave_by:
                yield f"P16: {note}, should have by {leave_by:g} s"


def not_interrupted(facts: Facts) -> Iterator[str]:
    """R4: what is not interruptible goes on without its caller, until its own time is over."""
    for request in facts.requests:
        if _command(request).interruptible:
            continue
        for unwound in facts.of_request(request.name, What.UNWOUND):
            life = facts.lives[request.child][unwound.life - 1]
            halted = any(
                begin.number < unwound.number
                for begin, until in facts.halts(request.child)
                if until > facts.of_request(request.name, What.BEGUN)[0].number
            )
            told = life.over is not None and life.over.number < unwound.number
            if unwound.text == "Cancelled" and unwound.at < request.limit and not (told or halted):
                yield f"R4: {unwound}, and it is not interruptible"


def cut_off_at_once(facts: Facts) -> Iterator[str]:
    """R4, R13: the handler of a request that has ended is cancelled, unless it is not interruptible."""
    for request in facts.requests:
        failed = facts.of_request(request.name, What.FAILED)
        ends = facts.of_request(request.name, What.UNWOUND, What.RETURNED)
        if not (failed and ends and _command(request).interruptible):
            continue
        steps = {step.does for step in _steps(facts, request)}
        if ends[0].at > facts.excused(failed[0].at) and not steps & {Does.SHIELD, Does.HOLD}:
            yield f"R4: {ends[0]}, but it had ended at {failed[0].at:g} s"


def _steps(facts: Facts, request: Request) -> tuple[Step, ...]:
    """Return what a handler was asked to do, by whoever is not a handler."""
    action = facts.history.actions[int(request.name.partition(".")[0])]
    return action.steps if isinstance(action, Call | Leasing) and "." not in request.name else ()


def circles_end_at_once(facts: Facts) -> Iterator[str]:
    """R11: a request that would have to wait for itself fails at once, and no other does for that reason."""
    for request in facts.requests:
        circle = _circle(facts, request)
        ends = facts.of_request(request.name, What.FAILED)
        # The asker may let the error pass.
        if not circle and _deadlocks(facts, request.name) == [request.name]:
            yield f"R11: #{request.name} is called a deadlock, and closes no circle"
        if circle and not any(note.at == facts.record.notes[request.asked].at for note in ends):
            yield f"R11: #{request.name} waits for itself: {circle}"


def _deadlocks(facts: Facts, name: str) -> list[str]:
    """Return which of a request and those that its handler has made failed for that reason."""
    family = {each: facts.of_request(each, What.FAILED) for each in facts.family(name)}
    return [each for each, ends in family.items() if any(note.detail == "deadlock" for note in ends)]


def _circle(facts: Facts, request: Request) -> list[str]:
    """Return whom a request by a handler waits for in the end, if that is the asker itself."""
    home = _asker(facts, request)
    if request.how != "ask" or not home:
        return []
    way = [request.child]
    while way[-1] != home and len(way) <= len(facts.children):
        waits = _waited_for(facts, way[-1], facts.record.notes[request.asked])
        if not waits:
            return []
        way.append(waits)
    return way if way[-1] == home else []


def _asker(facts: Facts, request: Request) -> str:
    parent = request.name.rpartition(".")[0]
    return facts.record.requests[parent].child if parent else ""


def _waited_for(facts: Facts, child: str, now: Note) -> str:
    """Return whom the running handler of a child waits for at a note; empty for nobody."""
    for request in facts.requests:
        if request.asked < now.number and request.how == "ask" and _asker(facts, request) == child:
            # Answered is enough, although the asker has not been told yet.
            ends = facts.of_request(request.name, What.RETURNED, What.TOLD, What.LEFT, What.FAILED)
            if not any(end.number < now.number for end in ends):
                return request.child
    return ""


def _command(request: Request) -> Command[..., object]:
    return COMMANDS[request.command]


RULES = [
    one_outcome,
    done_is_done,
    at_most_once,
    not_sent_is_not_sent,
    nothing_begins_late,
    nothing_begins_after_a_stop,
    one_handler_at_a_time,
    first_come_first_served,
    urgent_first,
    nothing_outlives_a_crash,
    ends_by_its_deadline,
    not_interrupted,
    cut_off_at_once,
    circles_end_at_once,
]
