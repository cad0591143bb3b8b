"""Pykka's futures, proxies and registry: test_future, tests/proxy, test_registry."""

from __future__ import annotations

import traceback
from collections.abc import Sequence

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from labtroupe.actor import ActorRef, Reply, gather
from labtroupe.errors import (
    CommandCancelled,
    CommandCrashed,
    CommandTimeout,
    Deadlock,
    NotRunning,
    Outcome,
    UnknownInstrumentError,
)
from labtroupe.lifecycle import State
from labtroupe.messages import command

from ._play import Part, Play, Player, perform


@attrs.define(eq=False)
class Secretive(Player):
    """Has more than commands."""

    color: str = "grey"

    @property
    def expensive(self) -> str:
        """Raise, as looking at it does."""
        raise AssertionError("somebody has looked")

    async def helper(self) -> str:
        """Help the commands; is none."""
        return self.color

    @command
    async def paint(self, color: str) -> None:
        """Change the colour."""
        self.color = color

    @command
    async def seen(self) -> str:
        """Return the colour."""
        return await self.helper()

    @command
    async def talk_to_self(self, me: ActorRef[Secretive], word: str) -> None:
        """Leave something to do for later."""
        me.tell(Player.remember(word))


class Rehearsing(Secretive):
    """Stands in for the other one in a test."""

    @command
    async def seen(self) -> str:
        """Return what the test wants."""
        return "as rehearsed"


def secretive(play: Play, name: str = "a") -> ActorRef[Secretive]:
    """Return the ref to a secretive actor."""
    return play.supervisor.ref(name, Secretive)


# --- test_future ---


async def test_a_reply_ends_once(autojump_clock: MockClock) -> None:
    """Pykka: set_multiple_times_fails; R3: the first to end it decides, the others change nothing."""
    async with perform(Part("a")) as play:
        reply = play.ref("a").send(Player.ignore_cancellation(3.0))
        await wait_all_tasks_blocked()
        reply.cancel("not wanted any more")
        assert reply.outcome is Outcome.UNKNOWN
        assert not reply.fail(CommandTimeout("too late"))
        await trio.sleep(10)
        with pytest.raises(CommandCancelled, match="not wanted any more"):
            await reply


async def test_many_replies_are_gathered_in_the_order_of_the_questions(autojump_clock: MockClock) -> None:
    """Pykka: get_all_blocks_until_all_futures_are_available, join_combines_multiple_futures_into_one."""
    async with perform(*(Part(name) for name in "abc")) as play:
        replies = [play.ref(name).send(Player.echo(name, 3.0 - at)) for at, name in enumerate("abc")]
        assert await gather(*replies) == ["a", "b", "c"]
        assert trio.current_time() == 3
        assert await gather(*replies) == ["a", "b", "c"]


async def test_a_scope_around_several_replies_bounds_them_all(autojump_clock: MockClock) -> None:
    """Pykka: get_all_raises_timeout_if_not_all_futures_are_available, join_preserves_timeout_kwarg; R4."""
    async with perform(*(Part(name) for name in "abc")) as play:
        replies: list[Reply[object]] = []
        with trio.move_on_after(2) as scope:
            replies += [play.ref(name).send(Player.echo(name, float(at))) for at, name in enumerate("abc", 1)]
            await gather(*replies)
        assert scope.cancelled_caught
        assert [reply.outcome for reply in replies] == [Outcome.DONE, Outcome.UNKNOWN, Outcome.UNKNOWN]
        assert trio.current_time() == 2


async def test_a_reply_gives_its_answer_as_often_as_it_is_awaited(autojump_clock: MockClock) -> None:
    """Pykka: get_all_can_be_called_multiple_times, future_supports_await_syntax."""
    async with perform(Part("a")) as play:
        reply, refused = play.ref("a").send(Player.echo(["x"])), play.ref("a").send(Player.refuse())
        assert await reply is await reply
        for _ in range(2):
            with pytest.raises(Exception, match="no"):
                await refused


async def test_an_answer_may_be_anything_a_reply_too(autojump_clock: MockClock) -> None:
    """Pykka: future_in_future_works."""
    async with perform(Part("a"), Part("b")) as play:
        inner = play.ref("b").send(Player.echo("foo", 2.0))
        outer = play.ref("a").send(Player.echo(inner))
        assert await outer is inner
        assert await inner == "foo"


async def test_the_error_of_a_reply_leads_to_the_place_where_it_was_raised(autojump_clock: MockClock) -> None:
    """Pykka: get_raises_exception_with_full_traceback; R12."""
    async with perform(Part("a")) as play:
        with pytest.raises(CommandCrashed) as caught:
            await play.ref("a").ask(Player.die())
        cause = caught.value.__cause__
        assert isinstance(cause, OSError)
        assert traceback.extract_tb(cause.__traceback__)[-1].name == "die"


# --- tests/proxy ---


async def test_a_proxy_has_the_commands_of_its_actor_and_nothing_else(autojump_clock: MockClock) -> None:
    """Pykka: private_attr_, missing_attr_access_raises_exception, call_to_unknown_method_raises_..."""
    async with perform(Part("a", player=Secretive)) as play:
        await play.all_up()
        proxy = secretive(play).proxy
        for name in ("_helper", "helper", "color", "expensive", "memory", "on_stop", "no_such_thing"):
            with pytest.raises(AttributeError, match=f"Secretive has no command '{name}'"):
                getattr(proxy, name)


async def test_to_make_a_proxy_looks_at_nothing(autojump_clock: MockClock) -> None:
    """Pykka: property_is_not_accessed_when_creating_proxy."""
    async with perform(Part("a", player=Secretive)) as play:
        await play.all_up()
        assert await secretive(play).proxy.seen() == "grey"


async def test_the_effect_of_a_command_is_seen_by_the_next(autojump_clock: MockClock) -> None:
    """Pykka: side_effect_of_method_call_is_observable, side_effect_of_deferred_method_call_is_observable."""
    async with perform(Part("a", player=Secretive)) as play:
        a = secretive(play)
        await a.proxy.paint("red")
        assert await a.proxy.seen() == "red"
        a.tell(Secretive.paint("blue"))
        assert await a.proxy.seen() == "blue"


async def test_a_proxy_of_a_stopped_actor_refuses_what_is_asked(autojump_clock: MockClock) -> None:
    """Pykka: proxy_constructor_raises_exception_if_actor_is_dead: to make one is harmless; R8."""
    async with perform(Part("a")) as play:
        await play.all_up()
        play.supervisor.stop("a")
        await play.supervisor.wait_settled("a")
        proxy = play.ref("a").proxy
        with pytest.raises(NotRunning, match="a: stopped"):
            await proxy.life()
        play.supervisor.start("a")
        assert await proxy.life() == 2


async def test_refs_are_compared_by_identity(autojump_clock: MockClock) -> None:
    """Pykka: eq_to_self, is_hashable, eq_to_another_proxy_for_same_actor_and_attr_path."""
    async with perform(Part("a")) as play:
        a, another = play.ref("a"), play.ref("a")
        assert a == a  # noqa: PLR0124 - that is the question
        assert {a: "a"}[a] == "a"
        assert a != another
        assert a.name == another.name


async def test_an_actor_can_leave_itself_something_to_do(autojump_clock: MockClock) -> None:
    """Pykka: can_proxy_itself_for_offloading_work_to_the_future, message self then stop: told, not asked."""
    async with perform(Part("a", player=Secretive)) as play:
        a = secretive(play)
        await a.ask(Secretive.talk_to_self(a, "later"))
        assert await a.ask(Player.recall()) == ["later"]


async def test_an_actor_that_asks_itself_is_told_so_at_once(autojump_clock: MockClock) -> None:
    """Pykka: can_proxy_itself_...: there, to wait for the answer would hang; R11."""
    async with perform(Part("a")) as play:
        with pytest.raises(Deadlock, match="a"):
            await play.ref("a").ask(Player.relay(play.ref("a"), "me"))
        assert trio.current_time() == 0
        assert await play.life("a") == 1


async def test_a_stand_in_may_override_a_command(autojump_clock: MockClock) -> None:
    """Pykka: actor_with_mocked_method_works."""
    async with perform(Part("a", player=Rehearsing)) as play:
        assert await secretive(play).proxy.seen() == "as rehearsed"
        assert await secretive(play).ask(Secretive.seen()) == "as rehearsed"


# --- test_registry ---


def names(play: Play, actor_type: type[Player] = Player) -> Sequence[str]:
    """Return the names of the children of a class."""
    return [each.spec.name for each in play.supervisor if issubclass(each.spec.actor_type, actor_type)]


async def test_a_supervisor_knows_its_children_in_whatever_state(autojump_clock: MockClock) -> None:
    """Pykka: actor_is_registered_when_started, actor_is_unregistered_when_stopped: stopped ones stay; S14."""
    async with perform(Part("a"), Part("b")) as play:
        await play.all_up()
        play.supervisor.stop("a")
        await play.supervisor.wait_settled("a")
        assert names(play) == ["a", "b"]
        assert [member.cell.state for member in play.supervisor] == [State.STOPPED, State.RUNNING]


async def test_children_can_be_looked_up_by_class_and_by_base_class(autojump_clock: MockClock) -> None:
    """Pykka: actors_may_be_looked_up_by_class, by_superclass, by_class_name, by_urn."""
    async with perform(Part("a"), Part("b", player=Secretive), Part("c", player=Rehearsing)) as play:
        assert names(play) == ["a", "b", "c"]
        assert names(play, Secretive) == ["b", "c"]
        assert play.supervisor.ref("c", Secretive).name == "c"
        with pytest.raises(TypeError, match="a is a Player, not a Secretive"):
            play.supervisor.ref("a", Secretive)
        with pytest.raises(UnknownInstrumentError, match="there are: a, b, c"):
            play.supervisor.ref("d", Player)


async def test_a_message_for_all_is_told_to_each(autojump_clock: MockClock) -> None:
    """Pykka: broadcast_sends_message_to_all_actors_if_no_target, of_given_class: there is no verb for it."""
    async with perform(Part("a"), Part("b", player=Secretive), Part("c", player=Secretive)) as play:
        for name in names(play, Secretive):
            play.ref(name).tell(Player.remember("word"))
        heard = {name: await play.ref(name).ask(Player.recall()) for name in "abc"}
        assert heard == {"a": [], "b": ["word"], "c": ["word"]}


async def test_the_end_of_a_supervisor_is_that_of_all_its_children(autojump_clock: MockClock) -> None:
    """Pykka: all_actors_can_be_stopped_through_registry; S2, P10."""
    async with perform(*(Part(name) for name in "abcde")) as play:
        await play.all_up()
    assert sorted(line for line in play.diary if line.startswith("stop")) == [f"stop {x}" for x in "abcde"]
