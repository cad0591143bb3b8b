"""OTP's supervisor_SUITE, first part: starting, stopping, looking after children, describing them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from labtroupe.actor import finish
from labtroupe.errors import RestartLimitError, UnknownInstrumentError, WrongState
from labtroupe.lifecycle import State
from labtroupe.messages import CleanupFailed
from labtroupe.policy import Policy, Restart, RestartLimit, Strategy
from labtroupe.supervision import ChildSpec, Supervisor, branch

from ._play import Part, Play, Player, otp, perform


async def ignore(_: int) -> None:
    """End without an error before ever having been up, as OTP's `ignore`."""
    finish()


def stops(play: Play) -> list[str]:
    """Return who has been cleaned up, in order."""
    return [line.removeprefix("stop ") for line in play.diary if line.startswith("stop")]


# --- start ---


async def test_a_supervisor_without_children_runs_until_it_is_stopped(autojump_clock: MockClock) -> None:
    """OTP: sup_start_normal."""
    async with perform() as play:
        await trio.sleep(1000)
        assert not play.ended.is_set()
        assert list(play.supervisor) == []
    assert play.failure is None


@pytest.mark.parametrize("restart", list(Restart))
async def test_a_child_may_end_in_its_start_and_is_known_all_the_same(
    autojump_clock: MockClock, restart: Restart
) -> None:
    """OTP: sup_start_ignore_child, sup_start_ignore_temporary_child; S4.

    There a temporary one is forgotten.  Here only if it was added while the supervisor
    ran; one that a bench describes stays visible.
    """
    async with perform(Part("a", otp(restart), ignore), Part("b")) as play:
        assert await play.supervisor.wait_settled("a") is State.STOPPED
        await play.supervisor.wait_settled("b")
        assert State.RUNNING not in play.moves("a")
        assert play.lives() == "b1"
        assert [member.spec.name for member in play.supervisor] == ["a", "b"]
        play.supervisor.start("a")
        assert await play.supervisor.wait_settled("a") is State.STOPPED
        assert play.diary.count("start a") == play.diary.count("stop a") == 2


@pytest.mark.parametrize("restart", list(Restart))
async def test_an_added_child_that_ends_in_its_start_is_forgotten_if_it_is_temporary(
    autojump_clock: MockClock, restart: Restart
) -> None:
    """OTP: sup_start_ignore_temporary_child_start_child, _simple, sup_start_ignore_permanent_child_...; S4.

    A simple_one_for_one supervisor there forgets a permanent one too.
    """
    async with perform() as play:
        play.add(Part("a", otp(restart), ignore))
        play.add(Part("b", otp(restart)))
        await play.supervisor.wait_state("b", State.RUNNING)
        await wait_all_tasks_blocked()
        known = ["b"] if restart is Restart.TEMPORARY else ["a", "b"]
        assert [member.spec.name for member in play.supervisor] == known
        assert play.counts() == (len(known), 1, 0, len(known))


async def test_an_added_child_whose_start_fails_is_kept_and_tried_again(autojump_clock: MockClock) -> None:
    """OTP: sup_start_child_returns_error, _simple: there it is not taken; a device may be switched on yet."""

    async def fail_twice(life: int) -> None:
        if life < 3:
            raise OSError("reason")

    async with perform() as play:
        a = play.add(Part("a", Policy(), fail_twice))
        assert await a.ask(Player.life(), timeout=60) == 3
        assert play.counts() == (1, 1, 0, 1)


async def test_a_child_that_cannot_be_started_any_more_is_known_with_its_reason(
    autojump_clock: MockClock,
) -> None:
    """OTP: sup_start_restart_child_returns_error; S6: the start itself returns nothing, the state says it."""

    async def fail_later(life: int) -> None:
        if life > 1:
            raise OSError("reason")

    async with perform(Part("a", Policy(limit=RestartLimit(max_restarts=2)), fail_later)) as play:
        await play.all_up()
        play.supervisor.stop("a")
        await play.supervisor.wait_settled("a")
        play.supervisor.start("a")
        await trio.sleep(10)
        assert play.state("a") is State.FAILED
        assert "reason" in play.supervisor.member("a").cell.reason
        assert play.counts() == (1, 0, 0, 1)


async def test_when_a_required_child_fails_to_start_its_error_is_passed_on(autojump_clock: MockClock) -> None:
    """OTP: faulty_application_shutdown, sup_start_fail; S11, S15: bare, with the cause and its traceback."""

    async def undefined(_: int) -> None:
        raise AttributeError("an_undefined_function")

    async with perform(Part("a"), Part("b", Policy(required=True), undefined)) as play:
        await play.ended.wait()
    assert isinstance(play.failure, RestartLimitError)
    assert play.failure.instrument == "b"
    assert isinstance(play.failure.__cause__, AttributeError)
    assert play.failure.__cause__.__traceback__ is not None
    assert play.diary.count("start a") == play.diary.count("stop a")


# --- stop ---


async def test_a_clean_up_without_limit_is_waited_for(autojump_clock: MockClock) -> None:
    """OTP: sup_stop_infinity; S2."""
    async with perform(Part("a", Policy(shutdown=math.inf), stop_seconds=1e5)) as play:
        await play.all_up()
    assert (play.diary[-1], trio.current_time()) == ("stop a", 1e5)


@pytest.mark.parametrize("added", [False, True])
async def test_a_clean_up_beyond_its_time_is_cut_short(autojump_clock: MockClock, *, added: bool) -> None:
    """OTP: sup_stop_timeout, sup_stop_timeout_dynamic; S2, P17: killed there, cancelled and reported here."""
    parts = [Part("a", Policy(shutdown=1)), Part("b", Policy(shutdown=1), stop_seconds=200)]
    async with perform(*([] if added else parts)) as play:
        for part in parts if added else []:
            play.add(part)
        await play.all_up()
    assert (stops(play), trio.current_time()) == (["a"], 1)
    assert [(e.instrument, e.reason) for e in play.events if isinstance(e, CleanupFailed)] == [
        ("b", "not done within 1 s")
    ]


@pytest.mark.parametrize("added", [False, True])
async def test_a_clean_up_may_get_no_time_at_all(autojump_clock: MockClock, *, added: bool) -> None:
    """OTP: sup_stop_brutal_kill, sup_stop_brutal_kill_dynamic; S2."""
    parts = [Part(f"a{number}", Policy(shutdown=0), stop_seconds=1) for number in range(10)]
    async with perform(*([] if added else parts)) as play:
        for part in parts if added else []:
            play.add(part)
        await play.all_up()
    assert (stops(play), trio.current_time()) == ([], 0)
    assert sum(isinstance(event, CleanupFailed) for event in play.events) == 10


async def test_children_that_end_by_themselves_do_not_disturb_the_stop(autojump_clock: MockClock) -> None:
    """OTP: sup_stop_race; S1, S2: whatever they end with, and whatever their restart type."""
    parts = [Part(f"{kind}-{how}", otp(kind)) for kind in Restart for how in ("die", "end")]
    async with perform(Part("a"), *parts, Part("z", otp(), stop_seconds=1)) as play:
        await play.all_up()
        for part in parts:
            dying = part.name.endswith("die")
            play.ref(part.name).tell(Player.die() if dying else Player.end())
    assert play.failure is None
    assert sorted(stops(play)) == sorted(["a", "z", *(part.name for part in parts)])
    assert trio.current_time() == 1


@pytest.mark.parametrize("restart", list(Restart))
async def test_children_that_fail_while_they_are_stopped_do_not_disturb_the_stop(
    autojump_clock: MockClock, restart: Restart
) -> None:
    """OTP: sup_stop_non_shutdown_exit_dynamic; S15: their errors are said and not lost."""
    async with perform() as play:
        for name in "ab":
            play.add(Part(name, otp(restart)))
        await play.all_up()
        play.ref("a").tell(Player.die_when_cancelled())
        await wait_all_tasks_blocked()
    assert play.failure is None
    assert sorted(stops(play)) == ["a", "b"]
    assert [e.instrument for e in play.events if isinstance(e, CleanupFailed)] == ["a"]


async def test_a_child_that_will_not_stop_holds_up_nobody(autojump_clock: MockClock) -> None:
    """OTP: child_unlink; R13, S2: there, one that has cut the link to its supervisor."""
    async with perform(Part("naughty"), Part("b")) as play:
        await play.all_up()
        play.ref("naughty").tell(Player.ignore_cancellation(1000.0))
        await wait_all_tasks_blocked()
        play.supervisor.stop("naughty")
        await play.die("b")
        assert await play.life("b") == 2
        assert trio.current_time() == 0
        assert await play.supervisor.wait_settled("naughty") is State.STOPPING
        assert "wedged" in play.supervisor.member("naughty").cell.reason


# --- looking after children ---


async def test_the_verbs_of_an_operator_tell_the_states_apart(autojump_clock: MockClock) -> None:
    """OTP: child_adm, extra_return; S13.

    To start what runs already is harmless here, an error there; nothing is returned
    by a start but the ref, which is the same for all lives.
    """
    async with perform(Part("a")) as play:
        sup = play.supervisor
        await play.all_up()
        assert play.counts() == (1, 1, 0, 1)
        with pytest.raises(WrongState, match="there is a child 'a' already, and it is running"):
            play.add(Part("a"))

        sup.stop("a")
        assert await sup.wait_settled("a") is State.STOPPED
        assert play.counts() == (1, 0, 0, 1)
        sup.stop("a")
        with pytest.raises(WrongState, match="there is a child 'a' already, and it is stopped"):
            play.add(Part("a"))

        sup.start("a")
        assert await sup.wait_settled("a") is State.RUNNING
        sup.start("a")
        assert await play.life("a") == 2
        with pytest.raises(WrongState, match="a is running, and is stopped first"):
            sup.remove("a")

        sup.stop("a")
        await sup.wait_settled("a")
        sup.remove("a")
        assert play.counts() == (0, 0, 0, 0)
        a = play.add(Part("a"))
        assert await a.ask(Player.life()) == 1
        assert play.counts() == (1, 1, 0, 1)
        await play.die("a")
        assert await a.ask(Player.life()) == 2


@pytest.mark.parametrize(
    "verb", ["start", "stop", "restart", "remove", "suspend", "resume", "clear", "member"]
)
async def test_who_is_not_known_is_not_found(autojump_clock: MockClock, verb: str) -> None:
    """OTP: child_adm, which_children: {error, not_found}; S13."""
    async with perform(Part("a")) as play:
        await play.all_up()
        with pytest.raises(UnknownInstrumentError, match="there is no instrument 'hej'; there are: a"):
            getattr(play.supervisor, verb)("hej")
        assert play.lives() == "a1"


async def test_children_are_listed_as_they_come_and_go(autojump_clock: MockClock) -> None:
    """OTP: which_children, which_children_simple_one_for_one; S14: the first first, there last."""
    async with perform() as play:
        assert play.listed() == []
        play.add(Part("a"))
        play.add(Part("b", otp(Restart.TEMPORARY)))
        await play.all_up()
        assert play.listed() == [("a", State.RUNNING), ("b", State.RUNNING)]
        play.supervisor.stop("a")
        await play.supervisor.wait_settled("a")
        assert play.listed() == [("a", State.STOPPED), ("b", State.RUNNING)]
        play.supervisor.remove("a")
        assert play.listed() == [("b", State.RUNNING)]
        play.ref("b").tell(Player.end())
        await wait_all_tasks_blocked()
        assert play.listed() == []


async def test_an_operator_may_stop_an_added_child_twice(autojump_clock: MockClock) -> None:
    """OTP: child_adm_simple; S13: by its name, and with the same verbs as for any child."""
    async with perform() as play:
        play.add(Part("a"))
        play.add(Part("b"))
        await play.all_up()
        for _ in range(2):
            play.supervisor.stop("a")
            assert await play.supervisor.wait_settled("a") is State.STOPPED
            assert play.counts() == (2, 1, 0, 2)
        play.supervisor.remove("a")
        assert play.counts() == (1, 1, 0, 1)
        with pytest.raises(UnknownInstrumentError):
            play.supervisor.stop("a")


async def test_children_that_are_being_restarted_count_as_not_active(autojump_clock: MockClock) -> None:
    """OTP: count_restarting_children; S14."""
    down = False

    async def unless_down(_: int) -> None:
        if down:
            raise OSError("fail_start")

    async with perform(*(Part(name, otp(max_restarts=1000), unless_down) for name in "abc")) as play:
        await play.all_up()
        for name in "abc":
            await play.die(name)
        await play.all_up()
        assert play.counts() == (3, 3, 0, 3)


# --- describing children ---


async def test_a_spec_can_be_read_with_its_defaults(autojump_clock: MockClock) -> None:
    """OTP: sup_start_map, sup_start_map_simple: permanent, a worker; 2 s for the clean-up, there 5."""
    spec = ChildSpec(name="a", factory=lambda: Player(Part("a")), actor_type=Player)
    supervisor = Supervisor([spec])
    read = supervisor.member("a").spec
    assert read is spec
    assert (read.policy.restart, read.policy.shutdown, read.inner) == (Restart.PERMANENT, 2.0, None)
    assert (read.policy.significant, read.policy.required, read.policy.depends_on) == (False, False, ())
    async with perform() as play:
        play.add(Part("b", otp(Restart.TEMPORARY)))
        assert play.supervisor.member("b").spec.policy.restart is Restart.TEMPORARY
        with pytest.raises(UnknownInstrumentError):
            play.supervisor.member("c")


@pytest.mark.parametrize(
    "describe",
    [
        lambda: Restart("prmanent"),
        lambda: Policy(shutdown=-10),
        lambda: Policy(restart=Restart.PERMANENT, significant=True),
        lambda: RestartLimit(max_restarts=-1),
        lambda: RestartLimit(max_seconds=0),
        lambda: RestartLimit(max_attempts=-1),
        lambda: Strategy("none_for_one"),
        lambda: Supervisor([Part("a", Policy(depends_on=("b",))).spec()]),
        lambda: Supervisor([Part("a", Policy(group="b")).spec()]),
        lambda: Supervisor([Part("a", Policy(depends_on=("a",))).spec()]),
    ],
)
async def test_what_is_described_wrongly_is_refused_when_it_is_made(describe: Callable[[], object]) -> None:
    """OTP: child_specs, child_specs_map, sup_flags, sup_start_map_faulty_specs, sup_start_error_return."""
    with pytest.raises(ValueError, match=r"."):
        describe()


async def test_two_children_cannot_have_one_name() -> None:
    """OTP: child_specs, child_specs_map: duplicate_child_name; a name is unique in the whole tree."""
    with pytest.raises(ValueError, match="a"):
        Supervisor([Part("a").spec(), Part("a").spec()])
    with pytest.raises(ValueError, match="a"):
        Supervisor([Part("a").spec(), branch("b", Supervisor([Part("a").spec()]))])


@pytest.mark.parametrize("missing", ["name", "factory", "actor_type"])
def test_a_spec_must_say_who_and_how(missing: str) -> None:
    """OTP: sup_start_map_faulty_specs: missing_id, missing_start; an unknown field is refused here."""
    fields: dict[str, Any] = {"name": "a", "factory": lambda: Player(Part("a")), "actor_type": Player}
    with pytest.raises(TypeError, match=missing):
        ChildSpec(**{name: value for name, value in fields.items() if name != missing})
    with pytest.raises(TypeError, match="silly_flag"):
        ChildSpec(**fields, silly_flag=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
