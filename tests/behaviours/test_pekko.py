"""Pekko's backoff: BackoffSupervisorSpec, BackoffOnRestartSupervisorSpec, and what SupervisionSpec adds."""

from __future__ import annotations

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from labtroupe.errors import CommandCrashed, CommandRefused, MailboxFull, NotRunning, Outcome
from labtroupe.lifecycle import State
from labtroupe.messages import CommandFailed
from labtroupe.policy import Backoff, Policy, Restart, RestartLimit

from ._play import AT_ONCE, Part, Play, Player, failing, otp, perform


def patient(
    first: float = 0.2,
    longest: float = 10.0,
    *,
    max_restarts: int = 1000,
    max_seconds: float = 1000.0,
    healthy_after: float = 30.0,
) -> Policy:
    """Return a policy as Pekko has it: growing pauses, and no limit but the one named."""
    return Policy(
        backoff=Backoff(first, longest, jitter=0.0),
        limit=RestartLimit(max_restarts, max_seconds, max_attempts=1000, healthy_after=healthy_after),
    )


async def seconds_until_up(play: Play, name: str) -> float:
    """Return how long it takes from now until a child answers."""
    before = trio.current_time()
    await play.life(name)
    return trio.current_time() - before


async def test_one_ref_reaches_every_life(autojump_clock: MockClock) -> None:
    """Pekko: forward messages to the child; R8."""
    async with perform(Part("a", patient())) as play:
        a = play.ref("a")
        for life in (1, 2, 3):
            assert await a.ask(Player.echo(f"to life {life}")) == f"to life {life}"
            await play.die("a")


async def test_a_permanent_child_that_ends_comes_back_after_a_pause(autojump_clock: MockClock) -> None:
    """Pekko: start child again when it stops when using `Backoff.onStop`; S4, S7."""
    async with perform(Part("a", patient(0.1))) as play:
        for life, pause in ((1, 0.1), (2, 0.2), (3, 0.4)):
            assert await play.life("a") == life
            await play.end("a")
            assert play.state("a") is State.BACKOFF
            assert await seconds_until_up(play, "a") == pytest.approx(pause)


async def test_a_child_decides_by_itself_that_it_has_finished(autojump_clock: MockClock) -> None:
    """Pekko: stop restarting the child if final stop message received; S4."""
    async with perform(Part("a", attrs.evolve(patient(0.1), restart=Restart.TRANSIENT))) as play:
        await play.life("a")
        await play.die("a")
        assert await play.life("a") == 2
        await play.end("a")
        await trio.sleep(100)
        assert play.state("a") is State.STOPPED
        with pytest.raises(NotRunning, match="a: stopped"):
            await play.life("a")


async def test_a_crashed_child_comes_back_with_nothing_of_its_old_life(autojump_clock: MockClock) -> None:
    """Pekko: restart when handled exception; P12."""
    async with perform(Part("a", patient())) as play:
        a = play.ref("a")
        await a.ask(Player.remember("word"))
        assert await a.ask(Player.recall()) == ["word"]
        await play.die("a")
        assert await a.ask(Player.recall()) == []


async def test_a_refusal_resumes_and_keeps_what_the_life_knows(autojump_clock: MockClock) -> None:
    """Pekko: resume when handled exception, custom strategy; R12: the class of the error decides."""
    async with perform(Part("a", patient())) as play:
        a = play.ref("a")
        await a.ask(Player.remember("word"))
        with pytest.raises(CommandRefused):
            await a.ask(Player.refuse())
        assert await a.ask(Player.recall()) == ["word"]
        assert play.lives() == "a1"


async def test_the_pause_doubles_with_every_crash_and_there_is_one_child(autojump_clock: MockClock) -> None:
    """Pekko: restart the child with an exponential back off; S7."""
    async with perform(Part("a", patient(0.2))) as play:
        for pause in (0.2, 0.4, 0.8, 1.6):
            await play.life("a")
            await play.die("a")
            assert play.state("a") is State.BACKOFF
            assert await seconds_until_up(play, "a") == pytest.approx(pause)
        assert play.diary.count("start a") - play.diary.count("stop a") == 1


async def test_a_start_that_fails_backs_off_as_a_crash_does(autojump_clock: MockClock) -> None:
    """Pekko: restart with exponential backoff when deferred factory throws; S5, S7."""
    async with perform(Part("a", patient(1.0), failing(1, 2, 3))) as play:
        assert await seconds_until_up(play, "a") == 1 + 2 + 4
        assert play.diary == ["start a", "stop a"] * 3 + ["start a", "up a"]


async def test_the_pause_is_the_first_again_once_a_life_was_healthy(autojump_clock: MockClock) -> None:
    """Pekko: reset exponential backoff count after reset timeout; S7: after `healthy_after`."""
    async with perform(Part("a", patient(1.0, healthy_after=0.1))) as play:
        for healthy, pause in ((False, 1.0), (False, 2.0), (True, 1.0)):
            await play.life("a")
            await trio.sleep(0.1 if healthy else 0.05)
            await play.die("a")
            assert await seconds_until_up(play, "a") == pytest.approx(pause)


async def test_an_operator_resets_the_count_of_crashes(autojump_clock: MockClock) -> None:
    """Pekko: support manual reset; S13: by a restart, not by the child itself."""
    async with perform(Part("a", patient(1.0))) as play:
        for _ in range(3):
            await play.life("a")
            await play.die("a")
        play.supervisor.start("a")
        assert await seconds_until_up(play, "a") == 0
        await play.die("a")
        assert await seconds_until_up(play, "a") == 1


async def test_the_number_of_the_life_counts_the_restarts(autojump_clock: MockClock) -> None:
    """Pekko: GetRestartCount, GetCurrentChild, default stopping strategy; S14."""
    async with perform(Part("a", patient(1.0))) as play:
        assert await play.life("a") == 1
        await play.die("a")
        assert play.supervisor.member("a").cell.life == 1
        assert await play.life("a") == 2
        assert play.moves("a")[-3:] == [State.BACKOFF, State.STARTING, State.RUNNING]


async def test_what_cannot_wait_out_a_backoff_is_answered_at_once(autojump_clock: MockClock) -> None:
    """Pekko: reply to sender if replyWhileStopped is specified; R8: always, with the time of the next try."""
    async with perform(Part("a", patient(100.0, 300.0))) as play:
        await play.die("a")
        with pytest.raises(NotRunning, match="died") as caught:
            await play.ref("a").ask(Player.echo("boom"), timeout=5)
        assert (trio.current_time(), caught.value.retry_in) == (0, 100)
        assert caught.value.outcome is Outcome.NOT_SENT


async def test_a_message_that_is_not_carried_out_is_never_silent(autojump_clock: MockClock) -> None:
    """Pekko: not reply to sender if replyWhileStopped is NOT specified; R9: there, a dead letter."""
    async with perform(Part("a", patient(100.0, 300.0))) as play:
        await play.die("a")
        play.events.clear()
        with pytest.raises(NotRunning):
            play.ref("a").tell(Player.remember("boom"))
        assert [event.code for event in play.events if isinstance(event, CommandFailed)] == ["not-running"]


async def test_what_waits_out_a_backoff_is_bounded_and_the_rest_is_refused(autojump_clock: MockClock) -> None:
    """Pekko: publish dropped messages while backing off and stash is full; R8, R9."""
    async with perform(Part("a", patient(1.0), mailbox=2)) as play:
        await play.die("a")
        replies = [play.ref("a").send(Player.echo(number)) for number in range(1, 5)]
        assert [await replies[0], await replies[1]] == [1, 2]
        for reply in replies[2:]:
            with pytest.raises(MailboxFull):
                await reply


async def test_while_a_child_is_cleaned_up_others_are_served(autojump_clock: MockClock) -> None:
    """Pekko: accept commands while child is terminating; R8, S14."""
    async with perform(Part("a", otp(), stop_seconds=3), Part("b")) as play:
        await play.life("a")
        await play.die("a")
        assert play.state("a") is State.STOPPING
        assert play.supervisor.member("a").cell.life == 1
        assert await play.life("b") == 1
        assert trio.current_time() == 0
        assert await seconds_until_up(play, "a") == 2  # the clean-up is bounded
        assert await play.life("a") == 2


@pytest.mark.parametrize(
    ("attempt", "first", "longest", "pause"),
    [
        (1, 0, 0, 0),
        (1, 300, 420, 300),
        (3, 5, 7, 7),
        (3, 5, 6e5, 20),
        (30, 300, 600, 600),
        (30, 8.64e8, 8.64e8, 8.64e8),
        (2**31 - 1, 8.64e8, 8.64e8, 8.64e8),
    ],
)
def test_the_pause_is_calculated_without_overflow(
    attempt: int, first: float, longest: float, pause: float
) -> None:
    """Pekko: correctly calculate the delay; S7: attempts count from 1 here, from 0 there."""
    assert Backoff(first, longest, jitter=0.0).delay(attempt, 0.5) == pause


def test_chance_makes_a_pause_shorter_and_never_longer_than_the_longest() -> None:
    """Pekko: randomFactor; S7: jitter goes downwards, so that the longest pause is one."""
    backoff = Backoff(1.0, 8.0, jitter=0.25)

    assert [backoff.delay(attempt, 0.0) for attempt in (1, 4, 9)] == [1.0, 8.0, 8.0]
    assert backoff.delay(9, 0.999) == pytest.approx(6.0, rel=0.01)


async def test_after_so_many_restarts_a_child_is_given_up(autojump_clock: MockClock) -> None:
    """Pekko: stop restarting after reaching maxNrOfRetries, respect maxNrOfRetries; S5, S6: it is parked."""
    async with perform(Part("a", patient(max_restarts=5)), Part("b", patient())) as play:
        for life in range(1, 7):
            assert await play.life("a") == life
            await play.die("a")
        assert play.state("a") is State.FAILED
        with pytest.raises(NotRunning, match="gave up"):
            await play.life("a")
        assert play.lives() == "b1"
        assert not play.ended.is_set()


async def test_when_a_critical_child_is_given_up_its_supervisor_ends(autojump_clock: MockClock) -> None:
    """Pekko: the same, where it is the supervisor that terminates; S6."""
    async with perform(Part("a", otp(max_restarts=5)), Part("b", patient())) as play:
        for life in range(1, 7):
            assert await play.life("a") == life
            await play.die("a")
        assert play.ended.is_set()
        assert play.failure is not None
        assert play.failure.instrument == "a"
        assert isinstance(play.failure.__cause__, OSError)


async def test_no_restart_at_all_may_be_granted(autojump_clock: MockClock) -> None:
    """Pekko: stop at first exception when restart retries limit is 0; S5."""
    async with perform(Part("a", patient(max_restarts=0))) as play:
        await play.die("a")
        assert play.state("a") is State.FAILED


async def test_restarts_are_counted_within_a_window_that_slides(autojump_clock: MockClock) -> None:
    """Pekko: respect withinTimeRange, reset fixed limit after timeout; S5.

    There, the window begins with the first restart and ends as a whole.  Here each
    restart leaves it by itself, so three in a row are never granted twice at its edge.
    """
    limit = RestartLimit(max_restarts=2, max_seconds=2.0, max_attempts=1000)
    async with perform(Part("a", Policy(backoff=AT_ONCE, limit=limit))) as play:
        for pause in (0.0, 1.0, 1.0, 1.0):  # the restarts at 0 and 1; at 2, that at 0 is over
            await trio.sleep(pause)
            await play.life("a")
            await play.die("a")
        assert play.state("a") is not State.FAILED
        await play.life("a")
        await play.die("a")
        assert play.state("a") is State.FAILED


async def test_crashes_further_apart_than_the_window_go_on_for_ever(autojump_clock: MockClock) -> None:
    """Pekko: keep restarting when failures happen outside of withinTimeRange; S5."""
    limit = RestartLimit(max_restarts=3, max_seconds=0.01, max_attempts=1000)
    async with perform(Part("a", Policy(backoff=Backoff(0.1, 0.8, jitter=0.0), limit=limit))) as play:
        for life in range(1, 50):
            assert await play.life("a") == life
            await play.die("a")


async def test_crashes_far_apart_are_given_up_too_if_no_life_is_healthy(autojump_clock: MockClock) -> None:
    """Pekko: fail if reaching maximum number of restarts with backoff; S5: the second of two limits."""
    limit = RestartLimit(max_restarts=1000, max_seconds=0.01, max_attempts=2)
    async with perform(Part("a", Policy(backoff=Backoff(0.2), limit=limit), failing(2, 3, 4))) as play:
        await play.life("a")
        await play.die("a")
        await trio.sleep(10)
        assert (play.state("a"), play.supervisor.member("a").cell.life) == (State.FAILED, 3)


async def test_those_that_depend_on_a_child_stop_while_it_backs_off(autojump_clock: MockClock) -> None:
    """Pekko: stop children when backoff, when restarting; S3: children there, dependents here."""
    needs = Policy(depends_on=("a",))
    async with perform(
        Part("a", patient(1.0)), Part("b", needs, stop_seconds=0.5), Part("c", needs, stop_seconds=0.5)
    ) as play:
        await play.all_up()
        play.diary.clear()
        await play.die("a")
        await trio.sleep(0.5)
        await wait_all_tasks_blocked()
        assert sorted(play.diary) == ["stop a", "stop b", "stop c"]
        await play.all_up()
        assert play.diary.index("up a") < min(play.diary.index("start b"), play.diary.index("start c"))


class Fatal(BaseException):
    """No `Exception`."""


async def test_what_is_no_exception_takes_everything_down(autojump_clock: MockClock) -> None:
    """Pekko: not catch fatal error; S15: no restart for what is no `Exception`."""

    async def interrupted(_: int) -> None:
        raise Fatal

    with pytest.raises(BaseExceptionGroup) as caught:
        async with perform(Part("a"), Part("b", opening=interrupted)):
            await trio.sleep_forever()
    assert caught.group_contains(Fatal)


async def test_a_crash_reaches_its_caller_with_the_cause(autojump_clock: MockClock) -> None:
    """Pekko: log exceptions when logging is enabled; R12: the caller gets the traceback, too."""
    async with perform(Part("a", patient())) as play:
        with pytest.raises(CommandCrashed, match=r"a: Player.die\(\) crashed") as caught:
            await play.ref("a").ask(Player.die())
        assert isinstance(caught.value.__cause__, OSError)
