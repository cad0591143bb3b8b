"""What the record of a history must say of what keeps others out: one function for each rule."""

from __future__ import annotations

from collections.abc import Iterator

from ._facts import Facts
from ._record import Note, What
from ._rules_of_lives import SAFE
from ._rules_of_requests import COMMANDS


def nothing_begins_while_halted(facts: Facts) -> Iterator[str]:
    """P4, S10: no handler begins while its actor is halted, over all lives."""
    for child in facts.children:
        for halted, until in facts.halts(child):
            for begun in facts.of_child(child, What.BEGUN):
                if halted.number < begun.number < until:
                    yield f"P4: {begun}, while it was halted"


def a_halt_ends_all(facts: Facts) -> Iterator[str]:
    """S10: what runs and what waits has ended for its caller when the halt is to be seen."""
    for child in facts.children:
        for halted, _ in facts.halts(child):
            for request in facts.requests:
                before = request.child == child and request.asked < halted.number
                if before and _open(facts, request.name, halted):
                    yield f"S10: #{request.name} outlived {halted}"


def _open(facts: Facts, name: str, note: Note) -> bool:
    """Whether a request had not ended at a note, and ended later."""
    ends = facts.of_request(name, What.FAILED, What.RETURNED)
    return bool(ends) and all(end.number > note.number for end in ends)


def safe_state_once(facts: Facts) -> Iterator[str]:
    """S9: a safe state is sought only while halted, and once in each life for each halt."""
    for child in facts.children:
        sought = facts.of_child(child, What.SAFE)
        halts = list(facts.halts(child))
        latched = [*facts.of_child(child, What.HALTING), *(halted for halted, _ in halts)]
        for note in sought:
            if not any(halted.number < note.number < until for halted, until in halts):
                yield f"S9: {note}, and it is not halted"
        for life in facts.lives[child]:
            times = [note for note in sought if note.life == life.number]
            if len(times) > sum(each.number < (life.stopped or facts.over).number for each in latched):
                yield f"S9: {child}/{life.number} went into its safe state {len(times)} times"


def confirmed_is_confirmed(facts: Facts) -> Iterator[str]:
    """S9: what is reported as confirmed has been reached since the halt."""
    for child in facts.children:
        for report in facts.of_child(child, What.HALTED):
            halted = [n.number for n in facts.of_child(child, What.HALTING) if n.number < report.number]
            reached = [note.number for note in facts.of_child(child, What.IS_SAFE)]
            if report.text == "confirmed" and not any(halted[0] < each < report.number for each in reached):
                yield f"S9: {report}, and it was not reached"


def a_halt_is_bounded(facts: Facts) -> Iterator[str]:
    """S10: a halt returns within the time that the safe states have."""
    for child in facts.children:
        halts = facts.of_child(child, What.HALTING)
        for report in facts.of_child(child, What.HALTED):
            # Of several at the same time, nobody knows which this is the report of.
            took = report.at - halts[0].at
            if len(halts) == 1 and took > SAFE + facts.held_up(halts[0].at, report.at):
                yield f"S10: {report}, which took {took:g} s"


def suspended_take_nothing(facts: Facts) -> Iterator[str]:
    """S13: who is suspended begins nothing but what is urgent, until it is resumed."""
    for child in facts.children:
        anew = facts.orders(child, "resume", "add")
        for order, until in facts.spans(facts.orders(child, "suspend"), anew):
            for begun in facts.of_child(child, What.BEGUN):
                command = COMMANDS[facts.record.requests[begun.request].command]
                if order.number < begun.number < until and not command.urgent:
                    yield f"S13: {begun}, while it was suspended"


def leases_exclude(facts: Facts) -> Iterator[str]:
    """S17: what others ask while an actor is leased does not begin, save what is urgent."""
    for child in facts.children:
        ends = facts.of_child(child, What.UNLEASED)
        for leased, until in facts.spans(facts.of_child(child, What.LEASED), ends):
            for request in facts.requests:
                meant = request.child == child and leased.number < request.asked < until
                mine = request.lease == leased.text or COMMANDS[request.command].urgent
                own = _asked_by(facts, request.name) == child
                if meant and not (mine or own) and facts.of_request(request.name, What.BEGUN):
                    yield f"S17: #{request.name} began, and {child} was leased by #{leased.text}"


def one_lease_at_a_time(facts: Facts) -> Iterator[str]:
    """S17: an actor has one holder at a time."""
    for child in facts.children:
        holder = ""
        for note in facts.of_child(child, What.LEASED, What.UNLEASED):
            if (note.what is What.LEASED) is bool(holder):
                yield f"S17: {note}, and the holder was {holder or 'nobody'}"
            holder = note.text if note.what is What.LEASED else ""


def _asked_by(facts: Facts, name: str) -> str:
    parent = name.rpartition(".")[0]
    return facts.record.requests[parent].child if parent else ""


def quarantine(facts: Facts) -> Iterator[str]:
    """S8: a command that has crashed its actor three times in a row does not begin until it is cleared."""
    for child in facts.children:
        for command in COMMANDS:
            notes = facts.of_child(child, What.QUARANTINED)
            begins = [note for note in notes if note.text == command]
            for kept_out, until in facts.spans(begins, facts.orders(child, "clear", "add")):
                crashes = _crashes_before(facts, child, command, kept_out)
                if crashes < 3:
                    yield f"S8: {kept_out}, after {crashes} crashes"
                for begun in facts.of_child(child, What.BEGUN):
                    mine = facts.record.requests[begun.request].command == command
                    if mine and kept_out.number < begun.number < until:
                        yield f"S8: {begun}, while {command} was in quarantine"


def _crashes_before(facts: Facts, child: str, command: str, note: Note) -> int:
    """Return how often a command has crashed a child since it was last done or cleared."""
    crashes = 0
    for each in facts.record.notes[: note.number]:
        if each.child != child or not (each.request or each.text == "clear"):
            continue
        if each.text == "clear":
            crashes = 0
        elif facts.record.requests[each.request].command == command:
            if each.what is What.CRASHED:
                crashes += 1
            elif each.what is What.TOLD and each.text == "done":
                crashes = 0
    return crashes


RULES = [
    nothing_begins_while_halted,
    a_halt_ends_all,
    safe_state_once,
    confirmed_is_confirmed,
    a_halt_is_bounded,
    suspended_take_nothing,
    leases_exclude,
    one_lease_at_a_time,
    quarantine,
]
