"""A record, sorted by what the rules speak of: lives, requests, states."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

import attrs

from labtroupe.errors import RestartLimitError, inner

from ._record import LEFT, Note, Record, Request, What
from ._script import History

# The orders after which a child is wanted running; the one with the mark may change nothing.
REVIVING: Final = ("start", "start?", "restart", "add")


@attrs.define(eq=False)
class Life:
    """One life of a child, from the notes about it; what it has not come to is ``None``.

    Attributes:
        told: The first time that it was shown as stopping.
        cleanups: How often its clean-up has begun.
        absent: It failed as its device could not be reached, which is not counted.
        left: It has failed, and left its port open to the next one; that counts as its clean-up.
    """

    child: str
    number: int
    started: Note
    ready: Note | None = None
    crashed: Note | None = None
    finishes: Note | None = None
    told: Note | None = None
    stops: Note | None = None
    stopped: Note | None = None
    cleanups: int = 0
    absent: bool = False
    left: bool = False

    @property
    def over(self) -> Note | None:
        """The first note that says that it ends, told or by itself."""
        return _first(self.finishes, self.goes)

    @property
    def goes(self) -> Note | None:
        """The first note that it goes down; one that is to finish stands until it has done its command."""
        return _first(self.crashed, self.told, self.stops)

    def lasts(self, note: Note) -> bool:
        """Whether it has started and not been cleaned up yet."""
        return self.started.number < note.number and not _is_before(self.stopped, note)

    def is_up(self, note: Note) -> bool:
        """Whether it is ready, and nothing has said yet that it ends."""
        return _is_before(self.ready, note) and not _is_before(self.over, note)

    def crashed_by_itself(self) -> bool:
        """Whether it failed before anybody told it to stop."""
        return self.crashed is not None and self.crashed is self.over


@attrs.define(eq=False)
class Facts:
    """What can be said of a record at a glance.

    Attributes:
        lives: Of each child, in order.
        ends: The moment from which everything was to stop: told from outside, or given up.
        over: The supervisor has returned.
        held: When the loop had been held up, and for how many seconds.
    """

    record: Record
    lives: dict[str, list[Life]] = attrs.field(factory=dict[str, list[Life]])
    ends: Note = attrs.field(init=False)
    over: Note = attrs.field(init=False)
    held: list[tuple[Note, float]] = attrs.field(factory=list[tuple[Note, float]])
    _of_request: dict[tuple[str, What], list[Note]] = attrs.field(
        factory=lambda: defaultdict[tuple[str, What], list[Note]](list)
    )
    _of_child: dict[tuple[str, What], list[Note]] = attrs.field(
        factory=lambda: defaultdict[tuple[str, What], list[Note]](list)
    )

    def __attrs_post_init__(self) -> None:
        """Sort the notes."""
        self.lives = {child.name: [] for child in self.history.everybody}
        for note in self.record.notes:
            self._of_child[note.child, note.what].append(note)
            if note.request:
                self._of_request[note.request, note.what].append(note)
            if note.what is What.HELD:
                self.held.append((note, float(note.text)))
            if note.child:
                self._sort_into_life(note)
        self.over = self._of_child["", What.OVER][0]
        told = self._of_child["", What.CLOSED]
        self.ends = min((*told, *self._given_up(), self.over), key=lambda note: note.number)

    @property
    def history(self) -> History:
        """What was carried out."""
        return self.record.history

    @property
    def errors(self) -> Sequence[BaseException]:
        """What came out of the nursery around the supervisor."""
        error = self.record.error
        return () if error is None else inner(error) or (error,)

    @property
    def children(self) -> list[str]:
        """The names of all children."""
        return list(self.lives)

    @property
    def requests(self) -> list[Request]:
        """All requests, in the order in which they were made."""
        return list(self.record.requests.values())

    def of_request(self, name: str, *whats: What) -> list[Note]:
        """Return the notes of some kinds about a request."""
        return [note for what in whats for note in self._of_request.get((name, what), ())]

    def of_child(self, name: str, *whats: What) -> list[Note]:
        """Return the notes of some kinds about a child, in order."""
        found = [note for what in whats for note in self._of_child.get((name, what), ())]
        return sorted(found, key=lambda note: note.number) if len(whats) > 1 else found

    def family(self, name: str) -> list[str]:
        """Return a request's name and those of the requests that its handler has made."""
        return [name, *(other for other in self.record.requests if other.startswith(f"{name}."))]

    def orders(self, child: str, *verbs: str) -> list[Note]:
        """Return the orders of some kinds about a child that were taken."""
        return [note for note in self.of_child(child, What.ORDERED) if note.text in verbs]

    def spans(self, begins: list[Note], ends: list[Note]) -> Iterator[tuple[Note, int]]:
        """Yield each beginning, and the place in the record of the first end after it."""
        for begin in begins:
            after = (note.number for note in ends if note.number > begin.number)
            yield begin, next(after, len(self.record.notes))

    def halts(self, child: str) -> Iterator[tuple[Note, int]]:
        """Yield when a child was latched, and until which place in the record."""
        states = self.of_child(child, What.STATE)
        begins = [n for n in states if n.text.endswith("-> halted") and not n.text.startswith("halted")]
        return self.spans(begins, [n for n in states if not n.text.endswith("-> halted")])

    def moves_to(self, child: str, state: str) -> Iterator[Note]:
        """Yield when a child came into a state, be it halted in it."""
        before = False
        for note in self.of_child(child, What.STATE):
            if note.text.endswith("-> halted") and "(it is" not in note.detail:
                continue  # It says nothing about what is behind.
            if (now := _is_behind(note, state)) and not before:
                yield note
            before = now

    def life_at(self, child: str, note: Note) -> Life | None:
        """Return the life that a child has at a note."""
        return next((life for life in self.lives[child] if life.lasts(note)), None)

    def free(self, names: list[str], note: Note) -> Note:
        """Return the note at which the last life that some children have now has ended; this one for none."""
        living = [self.life_at(name, note) for name in names]
        gone = [life.stopped or self.over for life in living if life]
        return max(gone, key=lambda each: each.number, default=note)

    def on_their_way(self, names: list[str], note: Note) -> bool:
        """Whether one of some children has a life that has not taken its first step, or may have."""
        for name in names:
            states = [state for state in self.of_child(name, What.STATE) if state.number < note.number]
            if states and (_is_behind(states[-1], "starting") or _is_behind(states[-1], "stopping")):
                return True
        return False

    def excused(self, at: float) -> float:
        """Return when what was to happen at some moment could happen: not while the loop was held up."""
        for note, seconds in self.held:
            # One may begin in the very pass in which another has ended.
            if note.at - seconds <= at < note.at:
                at = note.at
        return at

    def held_up(self, start: float, end: float) -> float:
        """Return for how many seconds of this time the loop was held up, or a little more."""
        return sum(seconds for note, seconds in self.held if start <= note.at <= end)

    def _sort_into_life(self, note: Note) -> None:
        lives = self.lives[note.child]
        if note.what is What.STARTED:
            lives.append(Life(note.child, note.life, note))
        elif note.what is What.STATE and lives:
            if _is_behind(note, "stopping") and not lives[-1].stopped:
                lives[-1].told = lives[-1].told or note
        elif note.what in _FIELDS and note.life:
            life = lives[note.life - 1]
            life.cleanups += note.what is What.STOPS
            life.absent |= note.text == "absent"
            life.left |= note.text == LEFT
            if getattr(life, _FIELDS[note.what]) is None:
                setattr(life, _FIELDS[note.what], note)

    def _given_up(self) -> Iterator[Note]:
        """Yield the notes at which everything was given up: all others are stopped then."""
        if not any(isinstance(error, RestartLimitError) for error in self.errors):
            return
        required = self.history.required()
        for name in self.children:
            group = (name, *self.history.restarted_with(name))
            critical = any(self.history.child(each).policy.critical for each in group)
            if critical or (name in required and not self._been_up(name)):
                yield from self.moves_to(name, "failed")

    def _been_up(self, child: str) -> bool:
        return any(life.ready for life in self.lives[child])


def _is_behind(note: Note, state: str) -> bool:
    """Whether a note says that a child is in a state, be it halted in it."""
    return note.text.endswith(f"-> {state}") or f"(it is {state}" in note.detail


def _is_before(first: Note | None, second: Note) -> bool:
    return first is not None and first.number < second.number


def _first(*notes: Note | None) -> Note | None:
    return min(filter(None, notes), key=lambda note: note.number, default=None)


_FIELDS: Final = {
    What.READY: "ready",
    What.CRASHED: "crashed",
    What.FINISHES: "finishes",
    What.STOPS: "stops",
    What.STOPPED: "stopped",
}
