"""OTP's supervisor_SUITE, third part: restart loops, trees, significant children, and thousands of them."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from labtroupe.errors import RestartLimitError, TooManyChildren, WrongState
from labtroupe.lifecycle import State
from labtroupe.policy import AutoShutdown, Backoff, Group, Policy, Restart, RestartLimit, Strategy
from labtroupe.supervision import Supervisor, branch

from ._play import AT_ONCE, Part, Play, Player, failing, otp, perform

LOOPING = Policy(
    backoff=Backoff(1.0, 1.0, jitter=0.0), limit=RestartLimit(max_restarts=1000, max_attempts=1000)
)


class Door:
    """Lets children start, or not."""

    closed = False

    async def opening(self, _: int) -> None:
        """Fail while it is closed."""
        if self.closed:
            raise OSError("fail_start")


# --- restart loops ---


@pytest.mark.parametrize("added", [False, True])
async def test_an_operator_gets_through_to_a_restart_loop(autojump_clock: MockClock, *, added: bool) -> None:
    """OTP: hanging_restart_loop, hanging_restart_loop_simple; S13: stop wins, start tries once more now."""
    door = Door()
    part = Part("a", LOOPING, door.opening)
    async with perform(*([] if added else [part])) as play:
        if added:
            play.add(part)
        await play.all_up()
        door.closed = True
        await play.die("a")
        await trio.sleep(5.5)
        assert play.listed() == [("a", State.BACKOFF)]
        assert play.counts() == (1, 0, 0, 1)
        with pytest.raises(WrongState, match="already, and it is backoff"):
            play.add(Part("a"))
        with pytest.raises(WrongState, match="a is backoff, and is stopped first"):
            play.supervisor.remove("a")

        tries = part.lives
        play.supervisor.start("a")
        await wait_all_tasks_blocked()
        assert part.lives == tries + 1

        play.supervisor.stop("a")
        assert await play.supervisor.wait_settled("a") is State.STOPPED
        tries = part.lives
        await trio.sleep(100)
        assert part.lives == tries

        door.closed = False
        play.supervisor.start("a")
        assert await play.supervisor.wait_settled("a") is State.RUNNING
        door.closed = True
        await play.die("a")
        await trio.sleep(5.5)
        before = trio.current_time()
    assert trio.current_time() == before


async def test_a_supervisor_ends_although_a_start_hangs(autojump_clock: MockClock) -> None:
    """OTP: hanging_restart_loop: its start blocks for 2 s; S2, S11: here, one for ever."""
    hang = False

    async def opening(_: int) -> None:
        if hang:
            await trio.sleep_forever()

    async with perform(Part("a", LOOPING, opening, start_timeout=1e5)) as play:
        await play.all_up()
        hang = True
        await play.die("a")
        await trio.sleep(2)
        assert play.state("a") is State.STARTING
        play.supervisor.stop("a")
        assert await play.supervisor.wait_settled("a") is State.STOPPED
        play.supervisor.start("a")
        await wait_all_tasks_blocked()
    assert trio.current_time() == 2


async def test_in_a_restart_loop_the_earlier_stay_and_the_later_wait(autojump_clock: MockClock) -> None:
    """OTP: hanging_restart_loop_rest_for_one; S3, S13: the later come back when the loop is over."""
    door = Door()
    group = Group(Strategy.REST_FOR_ONE, LOOPING.limit)
    async with perform(
        Part("a", LOOPING), Part("b", LOOPING, door.opening), Part("c", LOOPING), groups={"": group}
    ) as play:
        await play.all_up()
        door.closed = True
        await play.die("b")
        await trio.sleep(5.5)
        assert play.lives() == "a1"
        assert play.counts() == (3, 1, 0, 3)
        assert play.diary.count("start c") == 1
        with pytest.raises(WrongState, match="b is backoff"):
            play.supervisor.remove("b")
        play.supervisor.stop("b")
        assert await play.supervisor.wait_settled("b") is State.STOPPED
        door.closed = False
        play.supervisor.start("b")
        await play.all_up()
        assert play.lives() == f"a1 b{play.supervisor.member('b').cell.life} c2"


# --- trees ---


def below(*parts: Part, auto_shutdown: AutoShutdown = AutoShutdown.NEVER) -> Supervisor:
    """Return a supervisor to be put below another one."""
    return Supervisor([part.spec() for part in parts], auto_shutdown=auto_shutdown)


async def test_a_tree_restarts_what_is_below_and_passes_on_what_cannot_be_mended(
    autojump_clock: MockClock,
) -> None:
    """OTP: tree; S6, S13.

    There, what was added is lost with its supervisor, and what an operator has stopped
    comes back with the others of its group.  Here both stay as he has left them.
    """
    limit = RestartLimit(max_restarts=4, max_seconds=3600.0, max_attempts=1000)
    first, second, third = below(Part("a"), Part("b")), below(), below()
    always, seldom = Policy(backoff=AT_ONCE), Policy(backoff=AT_ONCE, restart=Restart.TRANSIENT)
    async with perform(
        branch("first", first, always),
        branch("second", second, always),
        branch("third", third, seldom),
        groups={"": Group(Strategy.ONE_FOR_ALL, limit)},
    ) as play:
        await play.all_up()
        play.supervisor.stop("third")
        await play.supervisor.wait_settled("third")
        assert play.counts() == (3, 2, 3, 0)
        for part in (Part("c", otp(max_restarts=4), failing(2, 3, 4, 5)), Part("d")):
            second.add(part.spec())
        await play.supervisor.wait_state("d", State.RUNNING)
        await play.die("d")
        assert play.lives() == "first1 a1 b1 second1 c1 d2"

        await play.die("c")
        assert play.lives() == "first2 a2 b2 second2 c6 d3"
        assert play.counts() == (3, 2, 3, 0)
        assert not play.ended.is_set()


async def test_what_cannot_be_mended_below_ends_the_whole_tree_in_the_end(autojump_clock: MockClock) -> None:
    """OTP: tree, and the escalations; S6, S15: with the first cause behind all the others."""
    diary: list[str] = []
    parts = [Part("a", otp(max_restarts=0)), Part("b")]
    for part in parts:
        part.diary = diary
    policy = Policy(critical=True, limit=RestartLimit(max_restarts=0))
    async with perform(branch("rack", below(*parts), policy)) as play:
        await play.all_up()
        await play.die("a")
        await play.ended.wait()
    assert play.failure is not None
    assert play.failure.instrument == "rack"
    cause = play.failure.__cause__
    assert isinstance(cause, RestartLimitError)
    assert cause.instrument == "a"
    assert isinstance(cause.__cause__, OSError)
    assert diary[-1] == "stop b"


@pytest.mark.parametrize("how", ["rack", "worker-dies", "worker-ends", "worker"])
async def test_a_supervisor_and_its_worker_come_back_whoever_went(
    autojump_clock: MockClock, how: str
) -> None:
    """OTP: simple_global_supervisor: kill_supervisor, kill_worker, exit_worker, restart_worker; S3, S13."""
    rack = Supervisor(
        [Part("worker").spec()], groups={"": Group(Strategy.ONE_FOR_ALL, RestartLimit(max_seconds=60.0))}
    )
    async with perform(branch("rack", rack)) as play:
        await play.all_up()
        match how:
            case "worker-dies":
                await play.die("worker")
            case "worker-ends":
                await play.end("worker")
            case _:
                play.supervisor.restart(how)
        await play.all_up()
        assert await play.life("worker") == 2
        assert play.lives() == ("rack2 worker2" if how == "rack" else "rack1 worker2")


async def test_a_supervisor_is_found_and_its_verbs_reach_down(autojump_clock: MockClock) -> None:
    """OTP: which_children, child_adm, on the supervisor of the child; S13: here from the top, by name."""
    async with perform(branch("rack", below(Part("a"), Part("b")))) as play:
        await play.all_up()
        play.supervisor.stop("a")
        assert await play.supervisor.wait_settled("a") is State.STOPPED
        assert play.lives() == "rack1 b1"
        play.supervisor.stop("rack")
        assert await play.supervisor.wait_settled("rack") is State.STOPPED
        assert play.lives() == ""
        play.supervisor.start("rack")
        await play.supervisor.wait_state("rack", State.RUNNING)
        assert play.lives() == "rack2 b2"  # a stays stopped


# --- significant children ---

ENDING = [AutoShutdown.ANY, AutoShutdown.ALL]


def significant(name: str, restart: Restart) -> Part:
    """Return the part of one whose end may be that of its supervisor."""
    return Part(name, attrs.evolve(otp(restart, max_restarts=5), significant=True))


@pytest.mark.parametrize("auto_shutdown", list(AutoShutdown))
@pytest.mark.parametrize("restart", [Restart.TEMPORARY, Restart.TRANSIENT])
@pytest.mark.parametrize("how", ["stop", "die", "end"])
async def test_the_end_of_one_that_is_not_significant_ends_nobody(
    autojump_clock: MockClock, how: str, restart: Restart, auto_shutdown: AutoShutdown
) -> None:
    """OTP: nonsignificant_temporary, nonsignificant_transient."""
    async with perform(Part("a", otp(restart)), Part("b"), auto_shutdown=auto_shutdown) as play:
        await play.all_up()
        await leave(play, "a", how)
        await trio.sleep(100)
        assert not play.ended.is_set()
        again = restart is Restart.TRANSIENT and how == "die"
        assert play.lives() == ("a2 b1" if again else "b1")


@pytest.mark.parametrize(
    ("restart", "how", "ends"),
    [
        (Restart.TEMPORARY, "stop", False),
        (Restart.TEMPORARY, "die", True),
        (Restart.TEMPORARY, "end", True),
        (Restart.TRANSIENT, "stop", False),
        (Restart.TRANSIENT, "die", False),
        (Restart.TRANSIENT, "end", True),
    ],
)
@pytest.mark.parametrize("added", [False, True])
async def test_with_the_first_of_its_significant_children_a_supervisor_ends(
    autojump_clock: MockClock, how: str, restart: Restart, *, ends: bool, added: bool
) -> None:
    """OTP: significant_temporary, significant_transient, significant_simple: any_significant."""
    parts = [significant("a", restart), significant("b", restart), Part("c")]
    async with perform(*([] if added else parts), auto_shutdown=AutoShutdown.ANY) as play:
        for part in parts if added else []:
            play.add(part)
        await play.all_up()
        await leave(play, "a", how)
        await trio.sleep(100)
        assert play.ended.is_set() is ends
        if ends:
            assert sorted(line for line in play.diary if line.startswith("stop")) == [
                *("stop a", "stop b", "stop c")
            ]
    assert play.failure is None


@pytest.mark.parametrize("restart", [Restart.TEMPORARY, Restart.TRANSIENT])
@pytest.mark.parametrize("added", [False, True])
async def test_with_the_last_of_its_significant_children_a_supervisor_ends(
    autojump_clock: MockClock, restart: Restart, *, added: bool
) -> None:
    """OTP: significant_temporary, significant_transient, significant_simple: all_significant."""
    parts = [significant("a", restart), significant("b", restart), Part("c")]
    async with perform(*([] if added else parts), auto_shutdown=AutoShutdown.ALL) as play:
        for part in parts if added else []:
            play.add(part)
        await play.all_up()
        await play.end("a")
        await trio.sleep(100)
        assert (play.lives(), play.ended.is_set()) == ("b1 c1", False)
        await play.end("b")
        await trio.sleep(100)
        assert play.ended.is_set()
        assert play.diary[-1] == "stop c"
    assert play.failure is None


@pytest.mark.parametrize(
    ("strategy", "lives"),
    [
        (Strategy.ONE_FOR_ONE, "a1 b2 c1"),
        (Strategy.ONE_FOR_ALL, "a2 b2 c2"),
        (Strategy.REST_FOR_ONE, "a1 b2 c2"),
    ],
)
@pytest.mark.parametrize("auto_shutdown", ENDING)
async def test_a_significant_bystander_that_is_restarted_ends_nobody(
    autojump_clock: MockClock, strategy: Strategy, lives: str, auto_shutdown: AutoShutdown
) -> None:
    """OTP: significant_bystander."""
    parts = [
        significant("a", Restart.TRANSIENT),
        Part("b", otp(Restart.TRANSIENT, max_restarts=5)),
        significant("c", Restart.TRANSIENT),
    ]
    async with perform(*parts, groups={"": Group(strategy)}, auto_shutdown=auto_shutdown) as play:
        await play.all_up()
        await play.die("b")
        await trio.sleep(100)
        assert (play.lives(), play.ended.is_set()) == (lives, False)


@pytest.mark.parametrize("important", [False, True])
async def test_a_supervisor_that_has_ended_is_an_ended_child_of_another(
    autojump_clock: MockClock, *, important: bool
) -> None:
    """OTP: significant_escalation."""
    rack = below(significant("a", Restart.TRANSIENT), auto_shutdown=AutoShutdown.ANY)
    policy = Policy(restart=Restart.TRANSIENT, significant=important)
    async with perform(branch("rack", rack, policy), Part("b"), auto_shutdown=AutoShutdown.ANY) as play:
        await play.all_up()
        await play.end("a")
        await trio.sleep(100)
        assert play.ended.is_set() is important
        assert play.lives() == ("" if important else "b1")
    assert play.failure is None


async def leave(play: Play, name: str, how: str) -> None:
    """Let a child go in one of three ways."""
    match how:
        case "stop":
            play.supervisor.stop(name)
            await play.supervisor.wait_settled(name)
        case "die":
            await play.die(name)
        case _:
            await play.end(name)


# --- thousands ---


async def test_children_by_the_thousand_are_counted_and_listed(autojump_clock: MockClock) -> None:
    """OTP: count_children; S4, S14."""
    async with perform() as play:
        for names in (range(500), range(500, 1000)):
            for name in names:
                play.add(Part(f"{name}", otp(Restart.TEMPORARY)))
            await play.all_up()
            assert play.counts() == (names.stop, names.stop, 0, names.stop)
            assert [name for name, _ in play.listed()] == [f"{each}" for each in range(names.stop)]
        for name in range(1000):
            play.ref(f"{name}").tell(Player.end())
        await wait_all_tasks_blocked()
        assert play.counts() == (0, 0, 0, 0)


async def test_supervisors_by_the_hundred_are_counted_as_such(autojump_clock: MockClock) -> None:
    """OTP: count_children_supervisor: by the thousand there; S14."""
    async with perform() as play:
        for name in range(100):
            play.supervisor.add(branch(f"{name}", below(), Policy(restart=Restart.TEMPORARY)))
        await play.all_up()
        assert play.counts() == (100, 100, 100, 0)


async def test_a_supervisor_has_as_many_children_as_it_may(autojump_clock: MockClock) -> None:
    """OTP has no maximum; S4: TooManyChildren, until one has gone."""
    async with perform(Part("a"), max_children=2) as play:
        play.add(Part("b", otp(Restart.TEMPORARY)))
        await play.all_up()
        with pytest.raises(TooManyChildren, match="c would be one more than the 2 allowed"):
            play.add(Part("c"))
        await play.end("b")
        play.add(Part("c"))
        await play.all_up()
        assert play.lives() == "a1 c1"


async def end_together(play: Play, names: Sequence[str]) -> None:
    """Let all end by themselves at the same time."""
    for name in names:
        play.ref(name).tell(Player.end())
    await wait_all_tasks_blocked()


async def be_stopped(play: Play, names: Sequence[str]) -> None:
    """Let an operator stop one child after the other, and forget it."""
    for name in names:
        play.supervisor.stop(name)
        await play.supervisor.wait_settled(name)
        play.supervisor.remove(name)


async def work_of(count: int, leave: Callable[[Play, Sequence[str]], Awaitable[None]]) -> int:
    """Return how many function calls it takes to let so many children come and go."""
    calls, names = 0, [f"{number}" for number in range(count)]

    def note(_: object, event: str, __: object) -> None:
        nonlocal calls
        calls += event == "call"

    async with perform() as play:
        sys.setprofile(note)
        try:
            for name in names:
                play.add(Part(name, otp(Restart.TEMPORARY)))
            await play.all_up()
            await leave(play, names)
        finally:
            sys.setprofile(None)
        assert play.listed() == []
    return calls


async def test_ten_times_the_children_are_ten_times_the_work(autojump_clock: MockClock) -> None:
    """OTP: simple_one_for_one_scale_many_temporary_children: where they come and go at the same time."""
    few, many = await work_of(20, end_together), await work_of(200, end_together)

    assert many < 20 * few


async def test_an_order_is_no_more_work_than_a_look_at_every_child(autojump_clock: MockClock) -> None:
    """OTP: scale_start_stop_many_children; S1: there, it is that for one child."""
    few, many = await work_of(10, be_stopped), await work_of(50, be_stopped)

    assert many < 1.5 * 5**2 * few
