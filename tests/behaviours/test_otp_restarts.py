"""OTP's supervisor_SUITE, second part: who gets another life, with whom, and how often."""

from __future__ import annotations

import gc
import weakref

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from labtroupe.actor import finish
from labtroupe.errors import NotRunning
from labtroupe.lifecycle import State
from labtroupe.policy import Backoff, Group, Policy, Restart, RestartLimit, Strategy

from ._play import AT_ONCE, Part, Play, Player, failing, otp, perform

TOGETHER = [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE]


def all_in(strategy: Strategy, max_restarts: int = 2, max_seconds: float = 3600.0) -> dict[str, Group]:
    """Return the groups of a supervisor that has one strategy for all its children, as in OTP."""
    return {"": Group(strategy, RestartLimit(max_restarts, max_seconds, max_attempts=1000))}


def since(play: Play, mark: int) -> list[str]:
    """Return what the diary says since a mark, starts and stops only."""
    return [line for line in play.diary[mark:] if line.startswith(("up", "stop"))]


# --- permanent, transient, temporary ---


@pytest.mark.parametrize("added", [False, True])
@pytest.mark.parametrize(
    ("restart", "how", "again"),
    [
        (Restart.PERMANENT, "end", True),
        (Restart.PERMANENT, "die", True),
        (Restart.TRANSIENT, "end", False),
        (Restart.TRANSIENT, "die", True),
        (Restart.TEMPORARY, "end", False),
        (Restart.TEMPORARY, "die", False),
    ],
)
async def test_the_restart_type_and_the_end_decide_about_another_life(
    autojump_clock: MockClock, restart: Restart, how: str, *, again: bool, added: bool
) -> None:
    """OTP: permanent_, transient_, temporary_normal, _shutdown, _abnormal; S4.

    An end is without error or it is a failure; there is no third kind as `shutdown` there.
    """
    part = Part("a", otp(restart))
    async with perform(*([] if added else [part])) as play:
        if added:
            play.add(part)
        await play.all_up()
        await (play.end("a") if how == "end" else play.die("a"))
        forgotten = added and restart is Restart.TEMPORARY
        assert play.lives() == ("a2" if again else "")
        assert play.counts() == ((0, 0, 0, 0) if forgotten else (1, int(again), 0, 1))


async def test_a_transient_child_that_has_ended_can_be_started_again(autojump_clock: MockClock) -> None:
    """OTP: transient_shutdown; S4, S13."""
    async with perform(Part("a", otp(Restart.TRANSIENT))) as play:
        for life in (1, 2, 3):
            assert await play.life("a") == life
            await play.end("a")
            assert play.state("a") is State.STOPPED
            play.supervisor.start("a")


async def test_an_added_temporary_child_can_be_added_again(autojump_clock: MockClock) -> None:
    """OTP: temporary_shutdown, do_not_save_child_specs_for_temporary_children; S4, P11: as another child."""
    async with perform(groups=all_in(Strategy.ONE_FOR_ALL)) as play:
        for leave in (play.end, play.die):
            a = play.add(Part("a", otp(Restart.TEMPORARY)))
            assert await a.ask(Player.life()) == 1
            await leave("a")
            assert play.listed() == []
            with pytest.raises(NotRunning):
                await a.ask(Player.life())


async def test_a_temporary_child_that_an_operator_stops_stays_known(autojump_clock: MockClock) -> None:
    """OTP: do_not_save_child_specs_for_temporary_children; S13: deleted there; `remove` does that here."""
    async with perform() as play:
        play.add(Part("a", otp(Restart.TEMPORARY)))
        await play.all_up()
        play.supervisor.stop("a")
        assert await play.supervisor.wait_settled("a") is State.STOPPED
        play.supervisor.remove("a")
        assert play.listed() == []


async def test_of_a_child_that_is_forgotten_nothing_is_kept(autojump_clock: MockClock) -> None:
    """OTP: do_not_save_start_parameters_for_temporary_children, simple_one_for_one_corruption."""
    async with perform() as play:
        part = Part("a", otp(Restart.TEMPORARY))
        kept = weakref.ref(part)
        play.add(part)
        del part
        await play.all_up()
        await play.end("a")
        gc.collect()
        assert kept() is None


@pytest.mark.parametrize("strategy", TOGETHER)
async def test_a_temporary_bystander_is_not_restarted_with_the_others(
    autojump_clock: MockClock, strategy: Strategy
) -> None:
    """OTP: temporary_bystander; S4."""
    async with perform(groups=all_in(strategy)) as play:
        play.add(Part("a"))
        play.add(Part("b", otp(Restart.TEMPORARY)))
        await play.all_up()
        await play.end("a")
        assert play.lives() == "a2"
        assert play.listed() == [("a", State.RUNNING)]
        assert not play.ended.is_set()


# --- one_for_one ---


async def test_crashes_within_the_limit_are_restarted_for_ever(autojump_clock: MockClock) -> None:
    """OTP: multiple_restarts; S5: one in a second, and always a little later."""
    async with perform(Part("a", otp(max_restarts=1, max_seconds=1.0))) as play:
        for life in range(1, 10):
            assert await play.life("a") == life
            await play.die("a")
            await trio.sleep(1.0)
        play.supervisor.stop("a")
        assert await play.supervisor.wait_settled("a") is State.STOPPED


async def test_one_for_one_restarts_the_one_and_counts_for_each(autojump_clock: MockClock) -> None:
    """OTP: one_for_one; S3, S5: there, the restarts of all children count together."""
    async with perform(Part("a"), Part("b")) as play:
        await play.all_up()
        for lives in ("a2 b1", "a3 b1"):
            await play.die("a")
            assert play.lives() == lives
        for lives in ("a3 b2", "a3 b3"):
            await play.die("b")
            assert play.lives() == lives
        await play.die("a")
        assert play.ended.is_set()


async def test_one_for_one_gives_up_over_a_child_that_cannot_start_again(autojump_clock: MockClock) -> None:
    """OTP: one_for_one_escalation; S6: after the others have been stopped."""
    async with perform(
        Part("a", otp(max_restarts=4), failing(*range(2, 100))), Part("b", stop_seconds=1)
    ) as play:
        await play.all_up()
        await play.die("a")
        await play.ended.wait()
        assert play.diary.count("start a") == 5
        assert play.diary[-1] == "stop b"
        assert play.failure is not None
        assert play.failure.instrument == "a"


async def test_a_parked_child_condemns_nobody(autojump_clock: MockClock) -> None:
    """OTP: one_for_one_escalation; S6: there is no such choice there."""
    policy = Policy(backoff=AT_ONCE, limit=RestartLimit(max_restarts=4))
    async with perform(Part("a", policy, failing(*range(2, 100))), Part("b")) as play:
        await play.all_up()
        await play.die("a")
        assert play.listed() == [("a", State.FAILED), ("b", State.RUNNING)]


# --- one_for_all ---


async def test_one_for_all_restarts_all_and_counts_for_all(autojump_clock: MockClock) -> None:
    """OTP: one_for_all; S3: nobody of the new lives starts while one of the old is up."""
    async with perform(Part("a"), Part("b", stop_seconds=1), groups=all_in(Strategy.ONE_FOR_ALL)) as play:
        await play.all_up()
        mark = len(play.diary)
        await play.die("a")
        assert await play.life("b") == 2
        assert since(play, mark) == ["stop a", "stop b", "up a", "up b"]
        assert play.lives() == "a2 b2"
        await play.die("b")
        await trio.sleep(2)
        assert play.lives() == "a3 b3"
        await play.die("a")
        await play.ended.wait()
        assert play.failure is not None


async def test_one_for_all_gives_up_over_one_that_cannot_start_again(autojump_clock: MockClock) -> None:
    """OTP: one_for_all_escalation; S6."""
    async with perform(
        Part("a"), Part("b", opening=failing(*range(2, 100))), groups=all_in(Strategy.ONE_FOR_ALL, 4)
    ) as play:
        await play.all_up()
        await play.die("a")
        await play.ended.wait()
        assert play.diary.count("start a") == play.diary.count("stop a") == 5
        assert play.failure is not None
        assert play.failure.instrument == "b"


async def test_one_for_all_begins_again_when_the_second_does_not_come_up(autojump_clock: MockClock) -> None:
    """OTP: one_for_all_other_child_fails_restart; S3: the first, restarted already, goes down once more."""
    async with perform(
        Part("a"), Part("b", opening=failing(2, seconds=1)), groups=all_in(Strategy.ONE_FOR_ALL, 3)
    ) as play:
        await play.all_up()
        mark = len(play.diary)
        await play.die("a")
        assert await play.life("b") == 3
        assert since(play, mark) == ["stop a", "stop b", "up a", "stop b", "stop a", "up a", "up b"]
        assert play.lives() == "a3 b3"


# --- rest_for_one ---


async def test_rest_for_one_restarts_those_that_came_later(autojump_clock: MockClock) -> None:
    """OTP: rest_for_one; S3, S5."""
    parts = [Part(name) for name in "abc"]
    async with perform(*parts, groups=all_in(Strategy.REST_FOR_ONE)) as play:
        await play.all_up()
        assert play.counts() == (3, 3, 0, 3)
        await play.die("b")
        assert play.lives() == "a1 b2 c2"
        await play.die("c")
        assert play.lives() == "a1 b2 c3"
        await play.die("b")
        assert play.ended.is_set()
        assert play.failure is not None


async def test_rest_for_one_gives_up_over_one_that_cannot_start_again(autojump_clock: MockClock) -> None:
    """OTP: rest_for_one_escalation; S6."""
    async with perform(
        Part("a"), Part("b", opening=failing(*range(2, 100))), groups=all_in(Strategy.REST_FOR_ONE, 4)
    ) as play:
        await play.all_up()
        await play.die("a")
        await play.ended.wait()
        assert play.diary.count("start a") == 2
        assert play.failure is not None
        assert play.failure.instrument == "b"


async def test_rest_for_one_tries_only_the_second_again_when_it_does_not_come_up(
    autojump_clock: MockClock,
) -> None:
    """OTP: rest_for_one_other_child_fails_restart; S3: the first, restarted already, stays."""
    async with perform(
        Part("a"), Part("b", opening=failing(2, seconds=1)), groups=all_in(Strategy.REST_FOR_ONE, 3)
    ) as play:
        await play.all_up()
        mark = len(play.diary)
        await play.die("a")
        assert await play.life("b") == 3
        assert since(play, mark) == ["stop a", "stop b", "up a", "stop b", "up b"]
        assert play.lives() == "a2 b3"


async def test_children_start_in_the_order_given_and_stop_in_the_opposite(autojump_clock: MockClock) -> None:
    """OTP: order_of_children; S2, S3: in a group; children without one start and stop side by side."""
    names = ["ch7", "ch3", "ch10", "ch2", "ch5"]
    parts = [Part(name, stop_seconds=1) for name in names]
    async with perform(*parts, groups=all_in(Strategy.REST_FOR_ONE)) as play:
        await play.all_up()
        assert since(play, 0) == [f"up {name}" for name in names]
        mark = len(play.diary)
        await play.die("ch10")
        await trio.sleep(4)
        assert play.lives() == "ch71 ch31 ch102 ch22 ch52"
        assert since(play, mark) == [
            *("stop ch10", "stop ch5", "stop ch2"),
            *("up ch10", "up ch2", "up ch5"),
        ]
        mark = len(play.diary)
    assert since(play, mark) == [f"stop {name}" for name in reversed(names)]


# --- children that come and go: simple_one_for_one ---


async def test_an_added_child_is_restarted_for_itself(autojump_clock: MockClock) -> None:
    """OTP: simple_one_for_one, simple_one_for_one_extra, simple_one_for_one_escalation; S3, S4, S6."""
    async with perform() as play:
        for name in "ab":
            play.add(Part(name))
        await play.all_up()
        await play.die("a")
        assert play.lives() == "a2 b1"
        await play.die("b")
        await play.die("a")
        assert play.lives() == "a3 b2"
        await play.die("a")
        assert play.ended.is_set()
        assert play.failure is not None


async def test_added_children_are_cleaned_up_side_by_side(autojump_clock: MockClock) -> None:
    """OTP: simple_one_for_one_shutdown; S2: 1 s each for two, and 2 s at most for one that takes 5."""
    async with perform() as play:
        for name, seconds in (("a", 1), ("b", 1), ("c", 5)):
            play.add(Part(name, Policy(shutdown=2), stop_seconds=seconds))
        await play.all_up()
    assert trio.current_time() == 2
    assert sorted(line for line in play.diary if line.startswith("stop")) == ["stop a", "stop b"]


@pytest.mark.parametrize("restart", [Restart.PERMANENT, Restart.TRANSIENT])
async def test_a_child_may_end_in_its_restart_too(autojump_clock: MockClock, restart: Restart) -> None:
    """OTP: simple_one_for_one_restart_ignore; S4: it is known still; there it is forgotten."""

    async def ignore_later(life: int) -> None:
        if life == 3:
            finish()

    async with perform() as play:
        play.add(Part("a", otp(restart, max_restarts=10), ignore_later))
        await play.all_up()
        await play.die("a")
        await play.die("a")
        assert play.listed() == [("a", State.STOPPED)]
        assert play.diary.count("start a") == 3
        assert not play.ended.is_set()


async def test_a_group_waits_out_the_backoff_of_its_member(autojump_clock: MockClock) -> None:
    """OTP has no backoff; S7: with one, the others of a group wait as long, each said to be in backoff."""
    slow = Policy(backoff=Backoff(5.0, jitter=0.0))
    async with perform(Part("a", slow), Part("b", slow), groups=all_in(Strategy.ONE_FOR_ALL)) as play:
        await play.all_up()
        await play.die("a")
        await wait_all_tasks_blocked()
        assert play.listed() == [("a", State.BACKOFF), ("b", State.BACKOFF)]
        assert await play.life("b") == 2
        assert trio.current_time() == 5
