"""Each rule of the core is broken once, and the tests that prove it have to fail.

A test that cannot fail proves nothing, above all where a cancellation can hide
a hang.  The table says which rule, how the code is broken, and which tests must
notice.  They run against a copy; the project itself is not touched.
"""

from __future__ import annotations

import compileall
import json
import os
import py_compile
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
import pytest

from ._forks import PATIENCE

ROOT = Path(__file__).parents[2]


@attrs.frozen
class Mutation:
    """One way to break the code.

    Attributes:
        rule: What it breaks.
        path: The module, below ``src/labtroupe``.
        before: What stands there; exactly once.
        after: What is put in its place.
        tests: The tests that must notice it, below ``tests``.
    """

    rule: str
    path: str
    before: str
    after: str
    tests: str


# The files with the tests of most rules; others are named in the table.
ACTOR, POLICY = "actor/test_requests.py", "policy"
SUPERVISION = "supervision/test_supervisor.py"
# Most name their tests, as those for buses do, of which some take long.
LINK = "instrument/test_link.py"
RESYNC, MANNERS = "instrument/test_resync.py", "instrument/test_manners.py"
RETURNS = "instrument/test_reattach.py"
NEVER_WRONG = "instrument/test_never_wrong.py"

MUTATIONS = [
    Mutation(
        "R1: the clock is tested at the start",
        "actor/_life.py",
        "        if request.deadline <= trio.current_time():\n",
        "        if False:\n",
        ACTOR,
    ),
    Mutation(
        "R1: the deadline of the caller's scope counts",
        "actor/_intake.py",
        "min(now + seconds, callers_deadline)",
        "now + seconds",
        ACTOR,
    ),
    Mutation(
        "R2: the handler lives in a scope with the deadline",
        "actor/_life.py",
        "        self._move_deadline(request.limit)\n",
        "",
        ACTOR,
    ),
    Mutation(
        "R3: nothing is called not sent once it may have acted",
        "actor/_reply.py",
        "Outcome.UNKNOWN if self.acted else Outcome.NOT_SENT",
        "Outcome.NOT_SENT",
        ACTOR,
    ),
    Mutation(
        "R4: a caller that is cancelled withdraws its request",
        "actor/_reply.py",
        '            self.cancel("its caller was cancelled")\n',
        "            pass\n",
        ACTOR,
    ),
    Mutation(
        "R4: a running handler is cancelled with its caller",
        "actor/_reply.py",
        "            self.cell.cut_off(self, reason)\n",
        "            pass\n",
        ACTOR,
    ),
    Mutation(
        "R4: a scope around the caller cancels it, rather than a timeout being raised",
        "actor/_reply.py",
        "            await trio.lowlevel.checkpoint_if_cancelled()\n",
        "            pass\n",
        ACTOR,
    ),
    Mutation(
        "R7: the mailbox is flushed before the verdict is seen",
        "actor/_life.py",
        "        cell.go_down(error=error)\n        # A cable",
        "        # A cable",
        ACTOR,
    ),
    Mutation(
        "R7: idempotent requests stay",
        "actor/_cell.py",
        "            self.flush(Restarted, keep_idempotent=True)\n",
        "            self.flush(Restarted)\n",
        ACTOR,
    ),
    Mutation(
        "R8: what cannot start before its deadline is refused now",
        "actor/_admission.py",
        "    if cell.retry_at is None or cell.retry_at < reply.deadline:\n",
        "    if True:\n",
        ACTOR,
    ),
    Mutation(
        "R8: who is not going to run refuses",
        "actor/_admission.py",
        "    if cell.state not in _ADMITTING and not cell.restarting:\n",
        "    if False:\n",
        ACTOR,
    ),
    Mutation(
        "R9: the mailbox is bounded",
        "actor/_mailbox.py",
        "return len(self.queue) >= self.capacity",
        "return False",
        ACTOR,
    ),
    Mutation(
        "R9: who waits for room gets in when there is some",
        "actor/_mailbox.py",
        "        reply = self.queue.pop(0)\n        if self.line:\n",
        "        reply = self.queue.pop(0)\n        if False:\n",
        ACTOR,
    ),
    Mutation(
        "R12: a refusal is no crash",
        "actor/_life.py",
        "        if _is_answer(error, cell) and self.actor.suspicion is None:\n",
        "        if False:\n",
        ACTOR,
    ),
    Mutation(
        "R12: an unexpected error is a crash",
        "actor/_life.py",
        "        request.fail(_verdict(request, error, type(self.actor)))\n        return False\n",
        "        request.fail(_verdict(request, error, type(self.actor)))\n        return True\n",
        ACTOR,
    ),
    Mutation(
        "P3: what was reported as not sent is not sent later",
        "actor/_reply.py",
        "        if any(each.outcome is Outcome.NOT_SENT for each in chain):\n",
        "        if False:\n",
        ACTOR,
    ),
    Mutation(
        "P16: every request ends at its deadline",
        "actor/_deadlines.py",
        "            heappop(self._heap)[2].expire()\n",
        "            heappop(self._heap)\n",
        ACTOR,
    ),
    Mutation(
        "P3: who has asked another to act has acted",
        "actor/_reply.py",
        "        for each in chain:\n            each.acted = True\n",
        "        self.acted = True\n",
        ACTOR,
    ),
    Mutation(
        "R12: the link of another actor is no reason to go down",
        "actor/_life.py",
        "return isinstance(error, CommandError) or others",
        "return isinstance(error, CommandError)",
        ACTOR,
    ),
    Mutation(
        "R12: a refusal out of step is a crash",
        "actor/_life.py",
        "if _is_answer(error, cell) and self.actor.suspicion is None:",
        "if _is_answer(error, cell):",
        "supervision/test_recovery.py",
    ),
    Mutation(
        "R8: the impatient are refused after each failed try",
        "supervision/_show.py",
        "        cell.refuse_the_impatient()\n",
        "        pass\n",
        SUPERVISION,
    ),
    Mutation(
        "L2: recovery is bounded",
        "actor/_life.py",
        "        with trio.move_on_after(RECOVERY_LIMIT) as scope:\n",
        "        with trio.CancelScope() as scope:\n",
        "supervision/test_recovery.py",
    ),
    Mutation(
        "L2: who fell out of step while idle recovers before the next command",
        "actor/_life.py",
        "return self.cell.mailbox.roused or self.actor.suspicion is not None",
        "return self.cell.mailbox.roused",
        "supervision/test_recovery.py",
    ),
    Mutation(
        "S1: one moment for a look and for the sleep after it",
        "supervision/_keeper.py",
        "deadline=min((self.roster.next_look(now), *limits))",
        "deadline=min((self.roster.next_look(trio.current_time()), *limits))",
        SUPERVISION,
    ),
    Mutation(
        "P4: nothing begins after a stop has returned",
        "supervision/_keeper.py",
        "        now = trio.current_time()\n        self._start_and_stop(now)\n        self.kick()\n",
        "        self.kick()\n",
        SUPERVISION,
    ),
    Mutation(
        "P12: the next life knows what this one is owed",
        "instrument/_link.py",
        "        return attrs.evolve(self)\n",
        "        return Link(self.address, self._connect, self.manners)\n",
        f"{LINK}::test_a_late_answer_is_not_given_to_the_next_life_either",
    ),
    Mutation(
        "S2: clean-up is shielded",
        "supervision/_child.py",
        "trio.CancelScope(relative_deadline=grace, shield=True)",
        "trio.CancelScope(relative_deadline=grace)",
        SUPERVISION,
    ),
    Mutation(
        "S2: clean-up is bounded",
        "supervision/_child.py",
        "trio.CancelScope(relative_deadline=grace, shield=True)",
        "trio.CancelScope(shield=True)",
        SUPERVISION,
    ),
    Mutation(
        "S2: the shelter is opened behind a shield",
        "supervision/_keeper.py",
        "            with trio.CancelScope(shield=True):\n                self._children = ",
        "            with trio.CancelScope():\n                self._children = ",
        SUPERVISION,
    ),
    Mutation(
        "S5: to wait for a device is no restart",
        "supervision/_keeper.py",
        "unavailable=isinstance(failure, Unavailable)",
        "unavailable=False",
        SUPERVISION,
    ),
    Mutation(
        "S11: a start is bounded",
        "supervision/_child.py",
        "            scope.deadline = min(scope.deadline, trio.current_time() + spec.start_timeout)\n",
        "",
        SUPERVISION,
    ),
    Mutation(
        "S15: giving up has a cause",
        "supervision/_keeper.py",
        "raise error from self.members[record.name].failure",
        "raise error",
        SUPERVISION,
    ),
    Mutation(
        "P4: a start that is revoked before its first step opens nothing",
        "supervision/_keeper.py",
        "            member.scope = trio.CancelScope()\n",
        "",
        SUPERVISION,
    ),
    Mutation(
        "L1: a link is suspect from its first byte on",
        "instrument/_link.py",
        '        self.suspicion = f"{request!r} was cut off"\n',
        "",
        f"{LINK}::test_a_late_answer_is_never_given_to_the_next_command",
    ),
    Mutation(
        "L1: input nobody asked for makes it suspect",
        "instrument/_link.py",
        "        if stray is not None:\n",
        "        if False:\n",
        f"{LINK}::test_input_nobody_asked_for_makes_the_link_suspect_before_the_next_request",
    ),
    Mutation(
        "L2: the barrier drops what comes before its answer",
        "instrument/_resync.py",
        "        while not self.accepts(await wire.receive_anything()):\n",
        "        while False:\n",
        f"{LINK}::test_a_late_answer_is_never_given_to_the_next_command",
    ),
    Mutation(
        "L2: a late answer to the barrier's own query is no barrier",
        "instrument/_resync.py",
        "wire.debts.doubtful or len(alike) > 1",
        "False",
        f"{LINK}::test_a_device_that_is_always_later_than_it_should_gives_no_wrong_answer",
    ),
    Mutation(
        "L2: where nothing is declared a suspect link is lost",
        "instrument/_link.py",
        "        if strategies or not new:\n",
        "        if strategies:\n",
        f"{LINK}::test_where_nothing_is_declared_a_suspect_link_is_lost_and_opened_anew",
    ),
    Mutation(
        "L2: where nothing is declared, a port that was opened again has to be quiet",
        "instrument/_link.py",
        "or ((_REOPENED,) if new and self._debts.any else ())",
        "",
        RESYNC,
    ),
    Mutation(
        "L3: every answer passes the shape check",
        "instrument/_link.py",
        "            if not accepts(answer):\n",
        "            if False:\n",
        f"{LINK}::test_an_answer_of_the_wrong_shape_is_an_error_and_not_an_answer",
    ),
    Mutation(
        "L4: half a command is ended first",
        "instrument/_wire.py",
        "        if not self.debts.cut_short:\n",
        "        if True:\n",
        RESYNC,
    ),
    Mutation(
        "L1: random mischief finds a link that is not suspect",
        "instrument/_link.py",
        '        self.suspicion = f"{request!r} was cut off"\n',
        "",
        f"{NEVER_WRONG}::test_no_answer_is_wrong_in_memory",
    ),
    Mutation(
        "L3: random mischief finds a line that began before the request",
        "instrument/_wire.py",
        "        self._begun = bool(self._decoder.pending)\n",
        "",
        f"{NEVER_WRONG}::test_no_answer_is_wrong_in_memory",
    ),
    Mutation(
        "L1: a transaction that is cut off leaves the link suspect",
        "instrument/_link.py",
        '                self.suspicion = self.suspicion or "a transaction was cut off"\n',
        "                pass\n",
        MANNERS,
    ),
    Mutation(
        "L2: an answer that comes twice to the barrier's own query is no barrier",
        "instrument/_resync.py",
        "        while mistakable or not answered:\n",
        "        while alike or not answered:\n",
        RESYNC,
    ),
    Mutation(
        "L2: the rest of what nobody asked for is waited for over a port that was opened again",
        "instrument/_link.py",
        "            self._debts.unasked = True\n",
        "",
        RESYNC,
    ),
    Mutation(
        "L2: half of an answer with a tag is waited for",
        "instrument/_tag.py",
        "            await wire.finish_frame()\n        if finishing",
        "            pass\n        if finishing",
        RESYNC,
    ),
    Mutation(
        "L2: a barrier that was given up half-way cannot be counted on",
        "instrument/_resync.py",
        "        wire.debts.doubtful = mistakable\n",
        "",
        RESYNC,
    ),
    Mutation(
        "L2: half of a query may be answered like the whole",
        "instrument/_debts.py",
        "if owed.request.startswith(request)]",
        "if owed.request == request]",
        RESYNC,
    ),
    Mutation(
        "L2: the next strategy is tried",
        "instrument/_resync.py",
        "        failures.append(failure)\n",
        "        failures.append(failure)\n        break\n",
        RESYNC,
    ),
    Mutation(
        "L2: quiet begins anew with each thing that comes",
        "instrument/_resync.py",
        "            while not await self._is_quiet(wire):\n                pass\n",
        "            await self._is_quiet(wire)\n",
        RESYNC,
    ),
    Mutation(
        "L2: the same request is not sent while its echo may come",
        "instrument/_wire.py",
        "        return max(self.debts.not_before, tag.not_before(request, self.debts))\n",
        "        return self.debts.not_before\n",
        RESYNC,
    ),
    Mutation(
        "L2: an answer with another tag is dropped",
        "instrument/_wire.py",
        "            if tag is None or tag.matches(request, frame):\n",
        "            if True:\n",
        RESYNC,
    ),
    Mutation(
        "L3: what began before the request is no answer",
        "instrument/_wire.py",
        "        self._begun = bool(self._decoder.pending)\n",
        "",
        MANNERS,
    ),
    Mutation(
        "L3: what the device says by itself is no answer",
        "instrument/_wire.py",
        "            if unsolicited is not None and unsolicited(frame):\n",
        "            if False:\n",
        MANNERS,
    ),
    Mutation(
        "L5: a device that is silent too long ends the exchange",
        "instrument/_wire.py",
        "        if limit == math.inf:\n",
        "        if True:\n",
        MANNERS,
    ),
    Mutation(
        "L5: busy is no answer",
        "instrument/_wire.py",
        "            if busy is not None and busy(frame):\n",
        "            if False:\n",
        MANNERS,
    ),
    Mutation(
        "L5: the pause is kept before a request",
        "instrument/_link.py",
        "            if not_before <= trio.current_time():\n",
        "            if True:\n",
        MANNERS,
    ),
    Mutation(
        "L5: the pause is kept while getting in step",
        "instrument/_wire.py",
        "        if self.debts.not_before > trio.current_time():\n",
        "        if False:\n",
        MANNERS,
    ),
    Mutation(
        "L5: the guard looks after the pause",
        "instrument/_link.py",
        "            await self._get_in_step(wire)\n            not_before",
        "            not_before",
        MANNERS,
    ),
    Mutation(
        "P5: a transaction has the wire for itself",
        "instrument/_turns.py",
        "        if self._depth == 0:\n",
        "        if True:\n",
        MANNERS,
    ),
    Mutation(
        "L7: the wire is listened to between exchanges",
        "instrument/_instrument.py",
        "        await self.link.listen()\n",
        "",
        f"{LINK}::test_a_cable_pulled_while_nobody_asks_anything_is_noticed_at_once",
    ),
    Mutation(
        "P5: one exchange at a time",
        "instrument/_turns.py",
        "            await self._lock.acquire()\n",
        "            self._lock = trio.Lock()\n            await self._lock.acquire()\n",
        f"{LINK}::test_two_tasks_of_one_handler_take_turns",
    ),
    Mutation(
        "P5: the listener leaves before an exchange begins",
        "instrument/_turns.py",
        "            await self._listener.left.wait()\n",
        "",
        f"{LINK}::test_listening_between_exchanges_is_in_nobodys_way",
    ),
    Mutation(
        "S3: a group restart takes down its members",
        "policy/_mates.py",
        "            mate.cycle = mate.cycle or mate.there\n",
        "",
        POLICY,
    ),
    Mutation(
        "S3: nobody starts beside what is left of an old life",
        "policy/_mates.py",
        "            ahead = next((mate.name for mate in members if _falls(mate)), None)\n",
        "            ahead = None\n",
        POLICY,
    ),
    Mutation(
        "S3: members go in reverse order",
        "policy/_mates.py",
        "        return not any(mate.phase is Phase.STOPPING or mate in falling for mate in later)\n",
        "        return True\n",
        POLICY,
    ),
    Mutation(
        "S3: rest_for_one leaves alone who comes before",
        "policy/_mates.py",
        "return members[members.index(child) :] if rest else members",
        "return members",
        POLICY,
    ),
    Mutation(
        "S4: a temporary bystander has had its life",
        "policy/_mates.py",
        "            if mate.policy.restart is Restart.TEMPORARY:\n",
        "            if False:\n",
        POLICY,
    ),
    Mutation(
        "S4: a significant child ends its supervisor",
        "policy/_roster.py",
        "            self.finished = True\n",
        "            pass\n",
        POLICY,
    ),
    Mutation(
        "S4: there is a most of children",
        "supervision/_supervisor.py",
        "        if len(keeper.members) >= self.max_children:\n",
        "        if False:\n",
        "supervision/test_trees.py",
    ),
    Mutation(
        "S5: granted restarts are counted in a window",
        "policy/_limit.py",
        "        self.granted.append(now)\n",
        "",
        POLICY,
    ),
    Mutation(
        "S5: an inner history survives",
        "policy/_roster.py",
        "            child.due, child.ever_up = -math.inf, False\n",
        "            child.due, child.ever_up = -math.inf, False\n            child.history.forgive()\n",
        POLICY,
    ),
    Mutation(
        "S7: four retries at a time",
        "policy/_turns.py",
        "        too_many = _is_retry(child) and retries >= _RETRIES_AT_ONCE\n",
        "        too_many = False\n",
        POLICY,
    ),
    Mutation(
        "OA-6: to ensure it, the device is asked",
        "supervision/_connect.py",
        "        if probe is not None:\n            await ref.ask(probe)\n",
        "        pass\n",
        "bench/test_connect.py::test_to_ensure_it_a_device_has_to_answer_now",
    ),
    Mutation(
        "OA-6: who does not answer is connected anew",
        "supervision/_connect.py",
        "            member.record.renew()\n",
        "            pass\n",
        "bench/test_connect.py::test_one_that_does_not_answer_gets_a_new_connection_and_another_chance",
    ),
    Mutation(
        "OA-5: who was tried is not waited for again",
        "supervision/_connect.py",
        "            pending = [each for each in pending if each not in tried]\n",
        "            pending = pending if len(tried) < len(pending) else []\n",
        "bench/test_connect.py::test_each_is_waited_for_once_however_long_the_others_take",
    ),
    Mutation(
        "R13: a start that ignores its limit is wedged",
        "supervision/_keeper.py",
        "                self.roster.ending(member.record, now)\n",
        "                pass\n",
        "bench/test_connect.py::test_a_start_that_ignores_its_limit_is_wedged_and_not_waited_for",
    ),
    Mutation(
        "S11: a bench that does not begin leaves its devices as they are",
        "policy/_ladder.py",
        "    return child is not None and child.name in roster.children.required and not child.ever_up\n",
        "    return False\n",
        "bench/test_open.py::test_a_bench_that_does_not_begin_leaves_its_devices_as_they_are",
    ),
    Mutation(
        "OA-4: to force it is a new life",
        "supervision/_connect.py",
        "        if state is State.RUNNING and force:\n",
        "        if False:\n",
        "bench/test_connect.py::test_to_force_it_is_a_new_life_and_one_for_all_who_want_it_now",
    ),
    Mutation(
        "S3: who waits for its turn in a group has not been tried yet",
        "supervision/_connect.py",
        "            return any(_has_failed(owner, name, failed) for name in waits_for)\n",
        "            return bool(waits_for)\n",
        "bench/test_connect.py::test_those_before_it_in_its_group_are_waited_for",
    ),
    Mutation(
        "OA-12: a try that is like the last is no news",
        "control/_outages.py",
        "                if reason in told or len(told) == _MOST_REASONS:\n",
        "                if len(told) == _MOST_REASONS:\n",
        "bench/test_connect.py::test_an_absence_is_told_once_and_so_is_the_return",
    ),
    Mutation(
        "OA-12: the reasons of one outage are bounded",
        "control/_outages.py",
        " or len(told) == _MOST_REASONS:",
        ":",
        "bench/test_connect.py::test_another_reason_is_told_too_but_not_without_end",
    ),
    Mutation(
        "OA-17: a limit overall",
        "policy/_turns.py",
        "        if free > 0 and",
        "        if",
        "policy/test_turns.py",
    ),
    Mutation(
        "OA-17: a limit for each bus",
        "policy/_turns.py",
        " and child.policy.shares not in shared:",
        ":",
        "policy/test_turns.py",
    ),
    Mutation(
        "OA-8: who is needed now goes first",
        "policy/_turns.py",
        "sorted(ready, key=lambda each: each.name not in awaited)",
        "ready",
        "policy/test_turns.py",
    ),
    Mutation(
        "S7: what fails with its dependency is one incident",
        "policy/_roster.py",
        "        elif consequence:\n            child.reason = reason\n",
        "",
        POLICY,
    ),
    Mutation(
        "L8: another device than it has to be is refused",
        "instrument/_acquaintance.py",
        "        if self.expected and not fnmatchcase(identity, self.expected):\n",
        "        if False:\n",
        "instrument/test_lives.py",
    ),
    Mutation(
        "L8: another device than in a former life is refused",
        "instrument/_acquaintance.py",
        "        self.met = identity\n",
        "",
        "instrument/test_lives.py",
    ),
    Mutation(
        "L11: when first met, a device is taken as it is",
        "instrument/_acquaintance.py",
        "        if not self._known:\n            return\n",
        "",
        RETURNS,
    ),
    Mutation(
        "L11: what a device says only once is known until it has been dealt with",
        "instrument/_acquaintance.py",
        "before = self.changed if self.returned else False",
        "before = False",
        RETURNS,
    ),
    Mutation(
        "L11: what was set before a halt is not restored",
        "instrument/_acquaintance.py",
        " or self.halts != halts",
        "",
        RETURNS,
    ),
    Mutation(
        "L11: a halt cuts a restore off",
        "actor/_cell.py",
        "        self.scope.cancel(halted)\n",
        "",
        RETURNS,
    ),
    Mutation(
        "L11: a device that a person is to look at is left as it is",
        "actor/_life.py",
        "latch is None or latch.leave or",
        "latch is None or",
        RETURNS,
    ),
    Mutation(
        "L11: that a person is to decide outlives the process",
        "bench/_open.py",
        "            latches.keep()\n",
        "            pass\n",
        "bench/test_reattach.py",
    ),
    Mutation(
        "S7: a device that appears is not waited for any longer",
        "supervision/_keeper.py",
        "        if record.absent:\n",
        "        if False:\n",
        "bench/test_appearances.py",
    ),
    Mutation(
        "L12: what waits survives a short loss of the link",
        "actor/_cell.py",
        "            if isinstance(error, LinkLost) and self.actor_type.grace > 0:\n",
        "            if False:\n",
        "supervision/test_grace.py",
    ),
    Mutation(
        "L12: the grace has an end",
        "actor/_cell.py",
        "        if trio.current_time() >= self.lost_at + self.actor_type.grace:\n",
        "        if False:\n",
        "supervision/test_grace.py",
    ),
    Mutation(
        "S8: only the first restart is soft",
        "policy/_ladder.py",
        "    return child.history.streak == 0 or now - child.up_since >= healthy_after\n",
        "    return True\n",
        "supervision/test_ladder.py",
    ),
    Mutation(
        "S8: a broken link is not inherited",
        "supervision/_child.py",
        "    return not isinstance(bare(error), LinkError) and actor.heritable\n",
        "    return actor.heritable\n",
        "supervision/test_ladder.py",
    ),
    Mutation(
        "S8, P19: what nobody inherits is closed",
        "policy/_ladder.py",
        "    return roster.closed or roster.over or child.wanted is not Wanted.RUNNING\n",
        "    return False\n",
        "supervision/test_ladder.py",
    ),
    Mutation(
        "S8, P12: a link that is taken over gets in step first",
        "instrument/_link.py",
        "        self.suspicion = former.suspicion or _NEW\n",
        "        self.suspicion = None\n",
        "instrument/test_lives.py",
    ),
    Mutation(
        "S7, L2: a device that is back is not taken to be late",
        "instrument/_debts.py",
        "        while self.owed and self.owed[0].sent_at < latest:\n",
        "        while False:\n",
        "instrument/test_lives.py",
    ),
    Mutation(
        "S12: an idle device is asked for a sign of life",
        "actor/_periodic.py",
        "            due = max(since, self._cell.heard_at) + self._seconds\n",
        "            due = since + self._seconds\n",
        "actor/test_when_idle.py",
    ),
    Mutation(
        "S12: who has not been heard for too long is stale",
        "control/_snapshot.py",
        "    return silent if silent > member.cell.actor_type.stale_after else None\n",
        "    return None\n",
        "control/test_service.py::test_who_runs_and_has_not_been_heard_for_too_long_is_stale",
    ),
    Mutation(
        "S12: only what reaches the device is a sign of life",
        "actor/_intake.py",
        "        if reply.acted:\n            self.heard_at = now\n",
        "        self.heard_at = now\n",
        "actor/test_when_idle.py",
    ),
    Mutation(
        "R13: a whole tree waits for the wedged alone",
        "supervision/_keeper.py",
        "        return all(each is not None and each.keeper.stuck for each in inner)\n",
        "        return all(each is not None for each in inner)\n",
        "supervision/test_trees.py",
    ),
    Mutation(
        "S10: a reset is shown at once",
        "supervision/_show.py",
        "    if said and cell.state is state_of(member, roster):\n",
        "    if said:\n",
        "histories/test_found.py",
    ),
    Mutation(
        "S10, S9: nobody is reset while all are made safe",
        "supervision/_tree.py",
        "        if roster.gave_up is not None and not roster.closed:\n",
        "        if False:\n",
        "histories/test_found.py",
    ),
    Mutation(
        "S9: before giving up everything is made safe",
        "supervision/_keeper.py",
        "            await halt_all([",
        "            await trio.lowlevel.checkpoint(), ([",
        "supervision/test_halt.py",
    ),
    Mutation(
        "S9: safe states come in their order",
        "supervision/_halt.py",
        "hold=wave is not waves[0]",
        "hold=False",
        "supervision/test_halt.py",
    ),
    Mutation(
        "S9: who stops waiting keeps nobody from being safe",
        "supervision/_halt.py",
        "        for cell in cells:\n            cell.release()\n    return",
        "        pass\n    return",
        "supervision/test_halt.py",
    ),
    Mutation(
        "S9: a safe state passes the latches of others",
        "actor/_life.py",
        "            making_safe.set(True)\n",
        "",
        "supervision/test_halt.py",
    ),
    Mutation(
        "S11: one on demand waits for its first request",
        "supervision/_supervisor.py",
        "            cell.wake_up = partial(keeper.use, record)\n",
        "            pass\n",
        "supervision/test_halt.py",
    ),
    Mutation(
        "S16: watchers are told that a life has ended",
        "supervision/_keeper.py",
        "        if record.up_since is not None:\n",
        "        if False:\n",
        "supervision/test_trees.py",
    ),
    Mutation(
        "R13: a wedged life is reported once",
        "supervision/_show.py",
        "    if wedged and not member.wedged and",
        "    if wedged and",
        "supervision/test_trees.py",
    ),
    Mutation(
        "S14: the last frames are kept over lives",
        "instrument/_link.py",
        "        return attrs.evolve(self)\n",
        "        return attrs.evolve(self, recorder=FlightRecorder())\n",
        f"{LINK}::test_the_last_frames_are_remembered_over_lives",
    ),
    Mutation(
        "R4: what must not stop half-way goes on without its caller",
        "actor/_reply.py",
        "        if self.message.command.interruptible:\n            self",
        "        if True:\n            self",
        "actor/test_uninterruptible.py",
    ),
    Mutation(
        "R9: urgent requests come first",
        "actor/_mailbox.py",
        "        return self._stop if reply.message.command.urgent else self._others\n",
        "        return self._others\n",
        "actor/test_stop_lane.py",
    ),
    Mutation(
        "R11: a circle is found",
        "actor/_waits.py",
        "    if circle:\n",
        "    if False:\n",
        "actor/test_deadlock.py",
    ),
    Mutation(
        "P4: nothing begins in a life that was cancelled meanwhile",
        "actor/_mailbox.py",
        "            await trio.lowlevel.checkpoint_if_cancelled()\n        else:\n",
        "            pass\n        else:\n",
        "actor/test_turns.py",
    ),
    Mutation(
        "P4: nothing begins in a life that is woken and cancelled in one tick",
        "actor/_mailbox.py",
        "(self._stop_taking)\n        await trio.lowlevel.checkpoint_if_cancelled()\n",
        "(self._stop_taking)\n",
        "actor/test_turns.py",
    ),
    Mutation(
        "R2: a handler has all the time until its deadline",
        "actor/_life.py",
        "-(-limit // _GRAIN) * _GRAIN",
        "limit // _GRAIN * _GRAIN",
        "actor/test_turns.py",
    ),
    Mutation(
        "R4: an uninterruptible handler ends with its own timeout",
        "actor/_intake.py",
        "limit = deadline if message.command.interruptible else now + seconds",
        "limit = deadline if message.command.interruptible else math.inf",
        "actor/test_uninterruptible.py",
    ),
    Mutation(
        "R7: the stop lane stays",
        "actor/_intake.py",
        "(command.idempotent or command.urgent)",
        "command.idempotent",
        "actor/test_stop_lane.py",
    ),
    Mutation(
        "R8: that it is up is known before its first answer",
        "actor/_life.py",
        "        await trio.lowlevel.checkpoint()\n        while True:\n",
        "        while True:\n",
        "actor/test_turns.py",
    ),
    Mutation(
        "R9: an answer that reaches nobody is an event",
        "actor/_life.py",
        "            if not request.succeed(value):\n",
        "            if not request.succeed(value) and False:\n",
        "actor/test_uninterruptible.py",
    ),
    Mutation(
        "R10: who never waits lets others go on",
        "actor/_mailbox.py",
        "        if self._in_a_row < _IN_A_ROW:\n",
        "        if True:\n",
        "actor/test_turns.py",
    ),
    Mutation(
        "R11: a task beside the handlers closes no circle",
        "actor/_waits.py",
        "if life is None or not life.contains(trio.lowlevel.current_task()):",
        "if life is None:",
        "actor/test_deadlock.py",
    ),
    Mutation(
        "R11: an edge is gone with the wait",
        "actor/_waits.py",
        "for each in cell.current.awaits if not each.ended]",
        "for each in cell.current.awaits]",
        "actor/test_deadlock.py",
    ),
    Mutation(
        "S9: a safe state is tried once in a life",
        "actor/_life.py",
        "        latch = self._tried = safety.latch\n",
        "        latch = safety.latch\n",
        "actor/test_halt.py",
    ),
    Mutation(
        "S9: a safe state that was cut off is not confirmed",
        "actor/_life.py",
        "if scope.cancel_called else None",
        "if scope.cancelled_caught else None",
        "actor/test_halt.py",
    ),
    Mutation(
        "S9: what waits for a safe state is bounded",
        "actor/_cell.py",
        "            with trio.move_on_after(self.actor_type.safe_state_timeout):\n",
        "            with trio.CancelScope():\n",
        "actor/test_halt.py",
    ),
    Mutation(
        "S16: a lease dies with the life",
        "actor/_cell.py",
        '            self.leases.end(self.leases.held, f"{self.name} went down", refuse_queued=True)\n',
        "",
        "actor/test_lease.py",
    ),
    Mutation(
        "S17: a takeover refuses what was queued",
        "actor/_lease.py",
        "        if refuse_queued:\n",
        "        if False:\n",
        "actor/test_lease.py",
    ),
    Mutation(
        "P12: what a life has left behind does not finish the next",
        "actor/_life.py",
        "        if self.over or self.finished:",
        "        if self.finished:",
        "actor/test_finish.py",
    ),
    Mutation(
        "S8: what crashes its actor each time is kept out",
        "actor/_quarantine.py",
        "if crashes >= self.after}",
        "if False}",
        "actor/test_quarantine.py",
    ),
    Mutation(
        "S10: what runs is cut off by a halt",
        "actor/_cell.py",
        "        self.scope.cancel(halted)\n",
        "",
        "actor/test_halt.py",
    ),
    Mutation(
        "S2: what cancels all of it ends the body first",
        "bench/_open.py",
        "    shelter = trio.CancelScope(shield=True)\n",
        "    shelter = trio.CancelScope()\n",
        "bench/test_open.py::test_what_cancels_all_of_it_ends_the_body_first",
    ),
    Mutation(
        "SC-1: Ctrl-C in the code of an instrument is for the body",
        "supervision/_keeper.py",
        "            signal.raise_signal(signal.SIGINT)\n",
        "            pass\n",
        "bench/test_ctrl_c.py",
    ),
    Mutation(
        "S10: nothing is let in behind a latch",
        "actor/_admission.py",
        "    if cell.latch is not None and not making_safe.get():\n",
        "    if False:\n",
        "actor/test_halt.py",
    ),
    Mutation(
        "S10: the safe state comes before all else",
        "actor/_life.py",
        "            if self._safe_state_is_due:\n",
        "            if False:\n",
        "actor/test_halt.py",
    ),
    Mutation(
        "S13: suspended it takes no more",
        "actor/_mailbox.py",
        "self._others.queue and not self.suspended",
        "self._others.queue",
        "actor/test_suspend.py",
    ),
    Mutation(
        "S17: a lease keeps out all others",
        "actor/_admission.py",
        '    return Leased(f"leased by {held.holder}: {reply.message!r} was not carried out")\n',
        "    return None\n",
        "actor/test_lease.py",
    ),
    Mutation(
        "S16: a tick does not reach the next life",
        "actor/_periodic.py",
        '            self._withdraw("its life is over")\n',
        "            pass\n",
        "actor/test_periodic.py",
    ),
    Mutation(
        "S12: only a good reading counts as present",
        "actor/_readings.py",
        "None if good else slot.value",
        "None",
        "actor/test_readings.py",
    ),
    Mutation(
        "L1: an echo that is due is no stray input",
        "protocol/_echo.py",
        'b"" if due else bytes(self._held)',
        "bytes(self._held)",
        "protocol/test_echo.py",
    ),
    Mutation(
        "L2: only what is behind the last echo is an answer",
        "protocol/_echo.py",
        "last = self._owed.pop()",
        "last = self._owed.popleft()",
        "protocol/test_echo.py",
    ),
    Mutation(
        "L2: an answer to an earlier request is known by its number",
        "protocol/modbus/_framing.py",
        "if self._number is None or self._number == int",
        "if True or self._number == int",
        "protocol/test_modbus.py",
    ),
    Mutation(
        "L3: a wrong checksum is no answer",
        "protocol/_checksummed.py",
        "    if found != right:\n",
        "    if False:\n",
        "protocol/test_checksums.py",
    ),
    Mutation(
        "L3: an answer with a line missing is none",
        "protocol/_multi_line.py",
        "        except ProtocolError:\n            self.clear()\n",
        "        except ProtocolError:\n",
        "protocol/test_multi_line.py",
    ),
    Mutation(
        "L6: a block that is too long is not waited for",
        "protocol/_blocks.py",
        "        if text > self.max_block:\n",
        "        if False:\n",
        "protocol/test_blocks.py",
    ),
    Mutation(
        "L3: an answer to another request over USBTMC is no answer",
        "transport/_usbtmc_messages.py",
        "        if tag != self.tag:\n",
        "        if False:\n",
        "transport/test_usb.py",
    ),
    Mutation(
        "L3: a message over USBTMC goes on after its first transfer",
        "transport/_usbtmc_messages.py",
        "        self.ends = bool(attributes & _END)\n",
        "        self.ends = True\n",
        "transport/test_usb.py",
    ),
    Mutation(
        "L7: an idle device is not asked",
        "instrument/_link.py",
        "                        await wire.overhear()\n",
        "                        await wire.hear()\n",
        f"{LINK}::test_while_nobody_waits_for_an_answer_the_device_is_not_asked",
    ),
    Mutation(
        "L7: nor by what records its bytes",
        "instrument/_recorder.py",
        "        data = await self._inside.receive_unasked()\n",
        "        data = await self._inside.receive()\n",
        f"{LINK}::test_while_nobody_waits_for_an_answer_the_device_is_not_asked",
    ),
    Mutation(
        "L7: a program has ended although a child of its own holds its output",
        "transport/_process.py",
        "    for readable in (pipes[1].fileno(), exited):\n",
        "    for readable in (pipes[1].fileno(),):\n",
        "transport/test_process.py",
    ),
    Mutation(
        "L8: two devices of one identity are not chosen between",
        "transport/_identities.py",
        "return found[0].path if len(found) == 1 else otherwise",
        "return found[0].path if found else otherwise",
        "transport/test_identity.py",
    ),
    Mutation(
        "S7: a device that is there all the time does not appear",
        "transport/_hotplug.py",
        "        if there and self._absent:\n",
        "        if there:\n",
        "transport/test_hotplug.py",
    ),
    Mutation(
        "S9: a program is asked to end before it is killed",
        "transport/_process.py",
        "            self.child.stdin.close()\n",
        "",
        "transport/test_process.py",
    ),
    Mutation(
        "PLR-13: what a program has started ends with it",
        "transport/_process.py",
        "        _kill(process, signal.SIGKILL)\n",
        "        process.kill()\n",
        "transport/test_process.py",
    ),
    Mutation(
        "L10: a bus leaves a device that was silent alone for a while",
        "instrument/_bus.py",
        "        elif now < next_try:\n",
        "        elif False:\n",
        "instrument/test_bus.py::test_dead_devices_cost_their_neighbours_under_a_tenth_of_their_rate",
    ),
    Mutation(
        "L10: all dead devices of a bus share what one of them may cost",
        "instrument/_attendance.py",
        "        self._next_probe = now + _REST * (now - began)\n",
        "",
        "instrument/test_bus.py::test_dead_devices_cost_their_neighbours_under_a_tenth_of_their_rate",
    ),
    Mutation(
        "L10: where nobody is held up the dead devices of a bus do not wait for one another",
        "instrument/_attendance.py",
        "in_turn = absence.silent and self._present",
        "in_turn = absence.silent",
        "instrument/test_bus.py::test_where_nobody_is_held_up_dead_devices_do_not_wait_for_one_another",
    ),
    Mutation(
        "L10: one answer that is lost on a bus is no death",
        "instrument/_attendance.py",
        "        again = unit not in self._present\n",
        "        again = True\n",
        "instrument/test_bus.py::test_after_one_lost_answer_a_device_is_soon_asked_again",
    ),
    Mutation(
        "L10: an instrument has one request in the mailbox of its bus",
        "instrument/_bus_link.py",
        "        async with self._turns:\n            answer = await self._ask_bus(",
        "        if True:\n            answer = await self._ask_bus(",
        "instrument/test_bus.py::test_who_asks_for_much_at_once_gets_no_more_turns_than_the_others",
    ),
    Mutation(
        "L10: an instrument depends on its bus",
        "bench/_instrument_table.py",
        "(*self.depends_on, self.table.bus) if on_bus",
        "self.depends_on if on_bus",
        "bench/test_open_bus.py",
    ),
    Mutation(
        "L10: two instruments cannot have one address of a bus",
        "bench/_bus_conflicts.py",
        "        if earlier != draft.name:\n",
        "        if False:\n",
        "bench/test_config.py",
    ),
    Mutation(
        "R3: a device that dies on a bus is absent, and the bus goes on",
        "instrument/_bus.py",
        "        await self.link.resync()\n        if silent",
        "        if silent",
        "instrument/test_bus.py::test_dead_devices_cost_their_neighbours_under_a_tenth_of_their_rate",
    ),
    Mutation(
        "R4: what is on a bus is finished",
        "instrument/_bus.py",
        "    @command(timeout=math.inf, interruptible=False)\n    async def exchange",
        "    @command(timeout=math.inf)\n    async def exchange",
        "instrument/test_bus.py::test_a_caller_who_leaves_does_not_cut_off_what_is_on_the_bus",
    ),
    Mutation(
        "S9: a safe state asks a device on a bus also if it is absent",
        "instrument/_bus_link.py",
        "self.unit, request, insist=making_safe.get()))\n            if not",
        "self.unit, request, insist=False))\n            if not",
        "instrument/test_bus.py::test_to_halt_all_lets_the_bus_serve_the_safe_states",
    ),
    Mutation(
        "L2: not even a safe state takes a late answer on a bus for its own",
        "instrument/_bus.py",
        "            await trio.sleep_until(absence.owing_until)\n",
        "            pass\n",
        "instrument/test_bus.py::test_a_safe_state_is_tried_although_the_device_is_taken_to_be_dead",
    ),
    Mutation(
        "L2: a device on a bus that may still answer is not asked",
        "instrument/_bus.py",
        "            if not self.link.in_step:\n",
        "            if False:\n",
        "instrument/test_bus.py::test_a_damaged_answer_is_no_answer_and_holds_up_nobody",
    ),
    Mutation(
        "L2: a device on a bus is never answered for by another one",
        "kinds/modbus.py",
        "        return frame[:1]\n",
        '        return b""\n',
        "instrument/test_bus.py::test_a_late_answer_of_one_device_disturbs_no_other",
    ),
    Mutation(
        "L10: nobody comes between the exchanges of a transaction on a bus",
        "instrument/_bus_link.py",
        "            if self._hold is None:\n",
        "            if True:\n",
        "instrument/test_bus_link.py",
    ),
    Mutation(
        "L10: who does not let go of a bus is sent away",
        "instrument/_hold.py",
        "            if trio.current_time() >= end:\n",
        "            if False:\n",
        "instrument/test_bus_link.py",
    ),
    Mutation(
        "R12: what a check of an instrument raises is no failure of its bus",
        "instrument/_hold.py",
        "        except Exception as error:\n",
        "        except ArithmeticError as error:\n",
        "instrument/test_bus_link.py",
    ),
    Mutation(
        "L10: nothing is sent to a device on a bus that is absent",
        "instrument/_bus.py",
        "        await self._wait_askable(unit, insist=insist)\n        await self._send(request)\n",
        "        await self._send(request)\n",
        "instrument/test_bus_link.py",
    ),
    Mutation(
        "L10: an absence is one event",
        "instrument/_bus.py",
        "        if self._attendance.of(unit) is None:\n",
        "        if True:\n",
        "instrument/test_bus_link.py::test_an_absence_is_one_event_and_so_is_its_end",
    ),
    Mutation(
        "L10: a simulated device on a bus that is late holds up no other",
        "simulation/_slot.py",
        "            self._voices[speaker].say(answer, latency)\n",
        "            next(iter(self._voices.values())).say(answer, latency)\n",
        "simulation/test_bus.py",
    ),
    Mutation(
        "a tape that says something else is other traffic",
        "simulation/_script.py",
        "        if step.request[:common] != self._unfinished[:common]:\n",
        "        if False:\n",
        "simulation/test_tape.py",
    ),
    Mutation(
        "a tape says when the device has answered",
        "simulation/_tape.py",
        "answers=(*step.answers, (pause, frame.data))",
        "answers=(*step.answers, (None, frame.data))",
        "simulation/test_tape.py",
    ),
    Mutation(
        "nobody listens to a wire when nobody records",
        "control/_recording.py",
        "            recorder.listeners.remove(listen)\n",
        "            pass\n",
        "control/test_recording.py",
    ),
    Mutation(
        "a tape has no hole",
        "control/_recording.py",
        "            while not late:\n",
        "            while True:\n",
        "control/test_recording.py",
    ),
    Mutation(
        "an answer is late by as much as a fault says, however many wait",
        "simulation/_voice.py",
        "                since, rest = ready, answer\n",
        "                since, rest = trio.current_time(), answer\n",
        "simulation/test_rack.py::test_each_answer_is_late_by_as_much_however_many_wait",
    ),
    Mutation(
        "what a script still expects fails the test",
        "testing/_byte_double.py",
        "        device.check_done()\n",
        "        pass\n",
        "testing/test_byte_doubles.py",
    ),
    Mutation(
        "a device that crashes fails the test, whatever the driver makes of it",
        "testing/_byte_double.py",
        "next(iter(crashes), _rest(device))",
        "_rest(device)",
        "testing/test_byte_doubles.py",
    ),
    Mutation(
        "L2: a device clear is the end of half a request",
        "simulation/_slot.py",
        "        self.device.device_clear()\n",
        "",
        "testing/test_usb_doubles.py",
    ),
    Mutation(
        "L2: a device clear is the end of an answer that is late",
        "simulation/_slot.py",
        "            voice.forget()\n        self._outlet.changed.unpark_all()\n",
        "            pass\n",
        "testing/test_usb_doubles.py",
    ),
    Mutation(
        "L2: a device clear is the end of an answer that is on its way",
        "testing/_usb/_cable.py",
        "(end, cleared) == (self._end, self._cleared) and ",
        "",
        "testing/test_usb_doubles.py",
    ),
    Mutation(
        "PLR-11: a USB device that is somebody else's cannot be claimed",
        "testing/_usb/_usbfs.py",
        "device.refused or ",
        "",
        "testing/test_usb_doubles.py",
    ),
    Mutation(
        "L8: a USB cable that is put in elsewhere is elsewhere",
        "testing/_usb/_cable.py",
        '        self._location = ""\n',
        "        pass\n",
        "testing/test_usb_doubles.py",
    ),
    Mutation(
        "L7: a memory port that is unplugged loses its link",
        "transport/_memory.py",
        "                self._host.lose()\n",
        "                pass\n",
        "transport/test_contract.py::test_every_method_reports_a_lost_link",
    ),
    Mutation(
        "a fault hits so many answers, and no more",
        "simulation/_faults.py",
        "        self._left[name] -= 1\n",
        "",
        "simulation/test_faults.py",
    ),
    Mutation(
        "a fault begins at its byte",
        "simulation/_voice.py",
        "                    self._count(len(piece))\n",
        "",
        "simulation/test_rack.py::test_a_cable_may_be_out_in_the_middle_of_an_answer",
    ),
    Mutation(
        "what a fault has cut off is heard by nobody",
        "simulation/_slot.py",
        "        while data and not self._faults.out(trio.current_time()):\n",
        "        while data:\n",
        "simulation/test_rack.py::test_a_device_may_be_switched_off_in_the_middle_of_a_command",
    ),
    Mutation(
        "L8: a cable that is put in elsewhere is elsewhere",
        "simulation/_slot.py",
        "                cable.move()\n",
        "                pass\n",
        "simulation/test_rack.py::test_a_replugged_serial_cable_is_elsewhere",
    ),
    Mutation(
        "L10: what is on a simulated bus is simulated",
        "bench/_config.py",
        "if each.name == instrument.bus), instrument)",
        "if not each), instrument)",
        "bench/test_open_bus.py",
    ),
    Mutation(
        "L2: no device on a bus is asked in the name of another one",
        "instrument/_bus.py",
        "        if self.address_in(request) != self.address_in(self.sign_of_life(unit)):\n",
        "        if False:\n",
        "instrument/test_bus_link.py",
    ),
    Mutation(
        "R9: what nobody waits for is told",
        "actor/_intake.py",
        "        if error.has_event and reply.awaited:\n",
        "        if error.has_event:\n",
        "instrument/test_bus_link.py",
    ),
    Mutation(
        "P12: a bus waits for what was asked in a former life",
        "instrument/_bus.py",
        "        await trio.sleep(self.lateness)\n",
        "        await trio.sleep(0)\n",
        "instrument/test_bus.py::test_what_a_former_life_of_the_bus_has_asked_is_answered_to_nobody",
    ),
    Mutation(
        "OA-16: what is simulated opens no real port",
        "bench/_simulated_bench.py",
        "    if isinstance(each.address, SimAddress):\n",
        "    if each.address is not None:\n",
        "bench/test_simulated_bench.py",
    ),
    Mutation(
        "OA-16: a simulated bench has latches of its own",
        "bench/_simulated_bench.py",
        'name=f"{config.name}{_SUFFIX}", ',
        "",
        "bench/test_simulated_bench.py",
    ),
    Mutation(
        "OA-16: all that cannot be simulated is named at once",
        "bench/_simulated_bench.py",
        "            mistakes += (each.origin.mistake(finding.text) for finding in wrong.findings)\n",
        "            mistakes = [each.origin.mistake(finding.text) for finding in wrong.findings]\n",
        "bench/test_simulated_bench.py",
    ),
    Mutation(
        "DOD-2: a function is called once in a round",
        "bench/_making.py",
        "if known and name not in {*self.specs, *self.failures, *self._under_way}:",
        "if known and name not in {*self.failures, *self._under_way}:",
        "bench/test_bench_spec.py",
    ),
    Mutation(
        "DOD-6: what a function reads is read anew each time the bench is opened",
        "bench/_bench_spec.py",
        "        self._making = Making(self._functions)\n        for name in self._functions:\n",
        "        for name in self._functions:\n",
        "bench/test_bench_spec.py",
    ),
    Mutation(
        "DOD-3: an instrument depends on what its parameters name",
        "bench/_as_written.py",
        "    needed = [*parameters, *(",
        "    needed = [*(",
        "bench/test_bench_spec.py",
    ),
    Mutation(
        "DOD-1: values in Python are those that TOML would have",
        "bench/_as_written.py",
        "value if key in taken else as_written(value)",
        "value",
        "bench/test_bench_spec.py",
    ),
    Mutation(
        "DOD-3: what cannot be called for another's mistake has none of its own",
        "bench/_python_document.py",
        "() if isinstance(failure, Unmet) else ",
        "",
        "bench/test_bench_spec.py",
    ),
    Mutation(
        "R4: Ctrl-C in a blocking call cancels the command",
        "sync/_crossing.py",
        "            self.call_soon(errand.scope.cancel)\n            with suppress(Empty):\n",
        "            with suppress(Empty):\n",
        "sync/test_open_bench.py",
    ),
    Mutation(
        "R1: a blocking call ends soon after its timeout though the loop is held up",
        "sync/_crossing.py",
        "            result = errand.answer.get(timeout=patience)\n",
        "            result = errand.answer.get()\n",
        "sync/test_open_bench.py",
    ),
    Mutation(
        "PLR-13: what is open when Python ends is stopped",
        "sync/_owner.py",
        "    atexit.register(_stop_all)\n",
        "",
        "notebook/test_exit.py",
    ),
    Mutation(
        "PLR-9: a bench whose file has changed is not taken for the same",
        "notebook/_cells.py",
        "    if attrs.evolve(config, path=found.running.config.path) != found.running.config:\n",
        "    if False:\n",
        "notebook/test_cells.py",
    ),
    Mutation(
        "PLR-9: a cell that is run again gets the bench that runs",
        "notebook/_cells.py",
        "    found = _running(config.name)\n",
        "    found = None\n",
        "notebook/test_cells.py",
    ),
    Mutation(
        "S6: a notebook is told of a bench that has failed",
        "sync/_opened.py",
        "if not bench.closed}",
        "if not bench.owner.ended}",
        "notebook/test_cells.py",
    ),
    Mutation(
        "PLR-6: what a blocking call leaves behind does not end the bench",
        "sync/_crossing.py",
        "            result = outcome.Error(error)\n",
        "            raise\n",
        "sync/test_open_bench.py",
    ),
    Mutation(
        "PLR-13: what is interrupted twice while it opens is stopped when Python ends",
        "sync/_owner.py",
        "        finally:\n            # However this ends",
        "        else:\n            #",
        "notebook/test_exit.py",
    ),
    Mutation(
        "R3: what JSON would take for a mark arrives as it was",
        "control/_exact.py",
        '    return {"$table": table} if any(key.startswith("$") for key in table) else table\n',
        "    return table\n",
        "client/test_exact.py",
    ),
    Mutation(
        "OT-3: what is closed takes nothing",
        "channel.py",
        "            if self._closed:\n                raise",
        "            if False:\n                raise",
        "channel/test_channel.py",
    ),
    Mutation(
        "OT-7: an item is taken only when nothing can cancel it any more",
        "channel.py",
        "            return self._items.popleft()\n",
        "            item = self._items.popleft()\n"
        "        await trio.lowlevel.checkpoint()\n"
        "        return item\n",
        "channel/test_channel.py",
    ),
    Mutation(
        "OT-8: the channel is drained before the log ends",
        "runs/_conduct.py",
        "            while batch := await self._channel.receive_batch():\n",
        "            if batch := await self._channel.receive_batch():\n",
        "runs/test_log.py",
    ),
    Mutation(
        "OT-5: a cancellation is said again",
        "runs/_cancellation.py",
        "            raise self.error()\n",
        "            self._cancelled.clear()\n            raise self.error()\n",
        "runs/test_runs.py",
    ),
    Mutation(
        "OT-5: whatever comes of what is called in trio, the thread has it, and the run goes on",
        "runs/_calls.py",
        "        except BaseException as error:  # noqa: BLE001 - it is the thread's, whatever it is\n",
        "        except Exception as error:  # noqa: BLE001 - it is the thread's, whatever it is\n",
        "runs/test_runs.py",
    ),
    Mutation(
        "OT-12: what is called in trio by a clean-up is part of it",
        "runs/_calls.py",
        "        trio.lowlevel.spawn_system_task(self._do, work, answer, scope, context=context)\n",
        "        trio.lowlevel.spawn_system_task(self._do, work, answer, scope)\n",
        "runs/test_runs.py",
    ),
    Mutation(
        "OT-6: what is under way in trio at the end has what is left of the grace",
        "runs/_calls.py",
        "            with trio.CancelScope(deadline=max(deadline, trio.current_time() + _MOMENT)):\n",
        "            with trio.CancelScope(deadline=trio.current_time() + _MOMENT):\n",
        "runs/test_runs.py",
    ),
    Mutation(
        "OT-4: what was cut is continued where it was cut",
        "runs/_log.py",
        "                del self._unwritten[: write(self._fd, self._unwritten)]\n",
        "                write(self._fd, self._unwritten)\n                self._unwritten.clear()\n",
        "runs/test_log.py",
    ),
    Mutation(
        "doubles: what is said last to a real port is heard",
        "testing/_byte_double.py",
        "await wait_all_tasks_blocked(_ON_THE_WAY)",
        "pass",
        "testing/test_byte_doubles.py",
    ),
    Mutation(
        "doubles: a broken script is told also to a test that was given up",
        "testing/_byte_double.py",
        "        except BaseException as error:\n            if crashes",
        "        except Exception as error:\n            if crashes",
        "testing/test_byte_doubles.py",
    ),
    Mutation(
        "simulation: what a device says does not wait for what it has forgotten",
        "simulation/_voice.py",
        "        self._ready = 0.0\n",
        "",
        "testing/test_byte_doubles.py",
    ),
    Mutation(
        "doubles: what is not in the script is noted, and not only refused",
        "testing/_part.py",
        '            self.violations.append(f"{what}: {str(broken) or repr(broken)}")\n',
        "",
        "testing/test_double.py",
    ),
    Mutation(
        "doubles: what is expected comes before what was said last",
        "testing/_part.py",
        "(rule for rule in expected if rule.open)",
        "(rule for rule in expected if rule.open and not others)",
        "testing/test_double.py",
    ),
    Mutation(
        "doubles: what does not come that had to is said",
        "testing/_part.py",
        "rule.times is not None and rule.came < rule.times",
        "False",
        "testing/test_double.py",
    ),
    Mutation(
        "doubles: each asker gets an error of his own",
        "testing/_rule.py",
        "            raise afresh(error)\n",
        "            raise error\n",
        "testing/test_double.py",
    ),
    Mutation(
        "doubles: they do not do what is periodic by themselves",
        "testing/_stand_in.py",
        "command.schedule if periodic else None",
        "command.schedule",
        "testing/test_double.py",
    ),
    Mutation(
        "doubles: they need no settings, on a bench neither",
        "testing/_stand_in.py",
        '        "__init__": _begin,\n',
        "",
        "testing/test_fake_bench.py",
    ),
    Mutation(
        "doubles: on a blocking bench they can fail, too",
        "testing/_part.py",
        "        if trio.lowlevel.in_trio_run():\n",
        "        if True:\n",
        "testing/test_fake_bench.py",
    ),
    Mutation(
        "plugin: a test finds no bench of the user",
        "testing/plugin.py",
        '        monkeypatch.setattr("labtroupe.client._sockets._SHARED", Path(runtime))\n',
        "",
        "testing/test_plugin.py::test_a_test_finds_no_bench_of_the_user",
    ),
    Mutation(
        "doubles: a probe expects things in their order",
        "testing/_probe.py",
        "pairs.add(last) if any_order else pairs.meets(last, last)",
        "pairs.add(last)",
        "testing/test_probe.py",
    ),
    Mutation(
        "doubles: a probe in any order lets what came before take another place",
        "testing/_pairing.py",
        "asked.append(self.taken[each])",
        "pass",
        "testing/test_probe.py",
    ),
    Mutation(
        "doubles: what has come as often as it had to is a violation, also to a lenient one",
        "testing/_part.py",
        "self.strict or expected",
        "self.strict",
        "testing/test_double.py",
    ),
    Mutation(
        "doubles: a wedge takes no notice of being cancelled",
        "testing/_rule.py",
        "trio.CancelScope(shield=True)",
        "trio.CancelScope()",
        "testing/test_double.py",
    ),
    Mutation(
        "doubles: what comes while fixtures are closed counts",
        "testing/plugin.py",
        "double.part.violations[count:]",
        "double.part.violations[:0]",
        "testing/test_plugin.py",
    ),
    Mutation(
        "doubles: the test fails whose double was not used as it says",
        "testing/plugin.py",
        "        pytest.fail(found, pytrace=False)\n",
        "        pass\n",
        "testing/test_plugin.py",
    ),
    Mutation(
        "S16: a framing that fails leaves no port open",
        "instrument/_link.py",
        "            decoder = self.manners.framing.decoder()\n"
        "            transport = self.recorder.tap(await self._connect())\n",
        "            transport = self.recorder.tap(await self._connect())\n"
        "            decoder = self.manners.framing.decoder()\n",
        "instrument/test_declared.py",
    ),
    Mutation(
        "PLR-18: a call that is not awaited is found out",
        "conformance/_run.py",
        "if unawaited and found.verdict is Verdict.HOLDS:",
        "if False:",
        "conformance/test_conformance.py::test_a_driver_that_is_broken_is_caught[ForgetsToWait-commands]",
    ),
    Mutation(
        "R12: a crash says where in the driver's code it came up",
        "errors.py",
        "            place = f\"{'/'.join(",
        "            _ = f\"{'/'.join(",
        "actor/test_requests.py",
    ),
    Mutation(
        "PLR-18: an answer that was not a command's own is found out",
        "conformance/_trial.py",
        "if reply.error is None and self.port.owes(reply):",
        "if False:",
        "conformance/test_conformance.py::test_a_driver_that_is_broken_is_caught[WithoutResync-late]",
    ),
    Mutation(
        "PLR-18: what is remembered too early is found out",
        "conformance/_orders.py",
        "begun and after is not None and (after != before or after == done)",
        "False",
        "conformance/test_conformance.py::test_a_driver_that_is_broken_is_caught[NotesTooEarly-memory]",
    ),
    Mutation(
        "PLR-18: code that holds up all else is found out",
        "conformance/_costs.py",
        "        if took >= _LONGEST_STEP:\n",
        "        if False:\n",
        "conformance/test_conformance.py::test_a_driver_that_is_broken_is_caught[Blocks-blocking]",
    ),
    Mutation(
        "PLR-18: an echo that is taken for an answer is found out",
        "conformance/_port.py",
        "            self._say(data, 0.0, None)\n",
        "            pass\n",
        "conformance/test_conformance.py::test_a_driver_that_is_broken_is_caught[TakesAnything-echo]",
    ),
    Mutation(
        "PLR-18: a value from before the request was sent is found out",
        "conformance/_cuts.py",
        "if asked.error is None and trial.port.sent - sent < length:",
        "if False:",
        "conformance/test_conformance.py::test_a_driver_that_is_broken_is_caught[Hopes-slow-drain]",
    ),
    Mutation(
        "PLR-18: a port that is gone and still open is found out",
        "conformance/_trial.py",
        "if self.port.connections:",
        "if False:",
        "conformance/test_conformance.py::test_a_driver_that_is_broken_is_caught[ClosesWhatWorks-replug]",
    ),
    Mutation(
        "PLR-18: a command that is sent again after an error is found out",
        "conformance/_orders.py",
        "if 0 < own[data] < count and data not in harmless:",
        "if False:",
        "conformance/test_conformance.py::test_a_driver_that_is_broken_is_caught[AsksAgain-unanswered]",
    ),
    Mutation(
        "PLR-18: a fault of the menu that no check tries is found out",
        "conformance/_safety.py",
        '        trial.port.inject("wrong-identity")\n',
        "",
        "conformance/test_conformance.py::test_each_fault_of_the_menu_is_tried",
    ),
    Mutation(
        "PLR-18: the clock of a trial waits for what is done in threads",
        "conformance/_threads.py",
        "self._since[task] = now",
        "pass",
        "conformance/test_in_threads.py",
    ),
    Mutation(
        "R12: a link that several tasks lose at once is lost, and nothing has crashed",
        "errors.py",
        "(inside and all(isinstance(each, LinkError) for each in inside))",
        "False",
        "instrument/test_lives.py::test_a_link_that_is_lost_for_several_tasks_at_once_is_lost_and_no_crash",
    ),
    Mutation(
        "L2: a flood of short frames is dropped piece by piece",
        "instrument/_resync.py",
        "            wire.drop_input()\n            return False",
        "            return False",
        "instrument/test_resync.py",
    ),
]


@attrs.define(eq=False)
class Runs:
    """The runs of the tests, one for each mutation of a session, some of them ahead of their turn.

    Attributes:
        folder: Where each has a folder of its own, named by its place among the rules.
        rules: Those that are broken, in order.
        forks: The process that runs the tests, and says which runs have ended.
        ended: The exit codes of those that have, by rule.
    """

    folder: Path
    rules: list[str]
    forks: subprocess.Popen[str]
    ended: dict[str, int] = attrs.field(factory=dict[str, int], init=False)

    def result(self, rule: str) -> tuple[int, str]:
        """Return with which exit code the tests ended for one, and what they printed."""
        assert self.forks.stdout is not None
        while rule not in self.ended:
            number, exit_code = json.loads(self.forks.stdout.readline())
            self.ended[self.rules[number]] = exit_code
        return self.ended[rule], (self.folder / str(self.rules.index(rule)) / "output").read_text()


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    chosen = {item.callspec.id for item in items if item.originalname == test_the_tests_notice.__name__}
    waiting = [mutation for mutation in MUTATIONS if mutation.rule in chosen]
    folder = tmp_path_factory.mktemp("mutations")
    forks = started(folder, waiting)
    yield Runs(folder, [mutation.rule for mutation in waiting], forks)
    with forks:
        # With what still runs, because the session has been cut short.
        os.killpg(forks.pid, signal.SIGKILL)


def started(folder: Path, mutations: Sequence[Mutation]) -> subprocess.Popen[str]:
    """Start to run the tests against each mutation, below ``folder``."""
    clean = shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    # By hash: a copy may be broken in the second in which it was made.
    compileall.compile_dir(clean, quiet=1, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)
    jobs = [attrs.asdict(mutation) for mutation in mutations]
    (folder / "jobs").write_text(json.dumps(jobs))
    with (folder / "jobs").open() as stdin:
        return subprocess.Popen(  # noqa: S603 - our own tests
            [sys.executable, Path(__file__).with_name("_forks.py"), folder],
            cwd=ROOT,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=stdin,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


@pytest.mark.slow
# It may be the second in line for the processor.
@pytest.mark.timeout(2 * PATIENCE + 30)
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.rule)
def test_the_tests_notice(mutation: Mutation, runs: Runs) -> None:
    code = (ROOT / "src/labtroupe" / mutation.path).read_text()
    assert code.count(mutation.before) == 1, "the table is out of date: change it with the code"
    exit_code, output = runs.result(mutation.rule)
    assert exit_code == 1, f"not noticed: {mutation.rule}\n{output}"
    assert " failed" in output or "+ Timeout +" in output, output


def test_no_rule_is_named_twice() -> None:
    """Or one would be run in place of the other."""
    rules = [mutation.rule for mutation in MUTATIONS]
    assert len(set(rules)) == len(rules)
