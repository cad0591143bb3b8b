"""Pekko's ask pattern: AskSpec of classic and typed actors, ActorContextAskSpec, ExplicitAskSpec."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from labtroupe.actor import ActorRef
from labtroupe.errors import (
    CommandCrashed,
    CommandError,
    CommandRefused,
    CommandTimeout,
    NotRunning,
    Outcome,
    UnknownInstrumentError,
)
from labtroupe.lifecycle import State
from labtroupe.messages import CommandFailed, LateAnswer, command

from ._play import Part, Play, Player, perform


class OutOfPaperError(CommandError):
    """A refusal of an actor's own kind."""


class Asker(Player):
    """Asks others from within its commands."""

    @command
    async def misread(self, other: ActorRef[Player]) -> None:
        """Fail over an answer that is in order."""
        answer = await other.ask(Player.echo("pong"))
        raise NotImplementedError(answer)

    @command
    async def forward_refusal(self, other: ActorRef[Player], reason: str) -> None:
        """Let the refusal of another pass through."""
        await other.ask(Player.refuse(reason))

    @command
    async def run_out(self) -> None:
        """Say no in a way of its own."""
        raise OutOfPaperError("no paper left")


def failures(play: Play) -> list[str]:
    """Return the codes of the requests that failed."""
    return [event.code for event in play.events if isinstance(event, CommandFailed)]


async def test_ask_waits_for_the_answer_and_send_gives_its_reply(autojump_clock: MockClock) -> None:
    """Pekko: send request to actor and wrap the answer in Future, succeed when the actor is alive."""
    async with perform(Part("a")) as play:
        assert await play.ref("a").ask(Player.echo("ping")) == "ping"
        reply = play.ref("a").send(Player.echo("ping"))
        assert not reply.ended
        assert await reply == "ping"


async def test_the_proxy_asks_in_the_same_way(autojump_clock: MockClock) -> None:
    """Pekko: provide a symbolic alias that works the same."""
    async with perform(Part("a")) as play:
        assert await play.ref("a").proxy.echo("ping") == "ping"


async def test_who_does_not_exist_cannot_be_asked(autojump_clock: MockClock) -> None:
    """Pekko: return broken promises on EmptyLocalActorRefs, fail if the actor doesn't exist; S13."""
    async with perform(Part("a")) as play:
        with pytest.raises(UnknownInstrumentError, match="there is no instrument 'b'; there are: a"):
            play.ref("b")


async def test_who_is_stopped_answers_at_once_that_it_is(autojump_clock: MockClock) -> None:
    """Pekko: fail the future if the actor is already terminated, broken promises on DeadLetters; R8."""
    async with perform(Part("a")) as play:
        await play.all_up()
        play.supervisor.stop("a")
        await play.supervisor.wait_settled("a")
        reply = play.ref("a").send(Player.echo("ping"))
        assert reply.ended
        with pytest.raises(NotRunning, match="stopped by an operator"):
            await reply
        assert trio.current_time() == 0


@pytest.mark.parametrize("seconds", [0.0, -1000.0])
async def test_without_time_nothing_is_sent(autojump_clock: MockClock, seconds: float) -> None:
    """Pekko: return broken promises on 0 timeout, on < 0 timeout; R1: no time left is no mistake."""
    async with perform(Part("a")) as play:
        await play.all_up()
        reply = play.ref("a").send(Player.echo("ping"), timeout=seconds)
        assert reply.ended
        with pytest.raises(CommandTimeout):
            await reply
        await wait_all_tasks_blocked()
        assert reply.outcome is Outcome.NOT_SENT
        assert "echo ping" not in play.diary


async def test_a_timeout_names_the_actor_the_message_and_the_time(autojump_clock: MockClock) -> None:
    """Pekko: include target, timeout and message class information in AskTimeout; R5: and the stage."""
    async with perform(Part("silent")) as play:
        with pytest.raises(CommandTimeout) as caught:
            await play.ref("silent").ask(Player.echo(17, 60.0), timeout=0.5)
        assert str(caught.value) == (
            "silent: Player.echo(17, 60.0) was not done within 0.5 s; it was running"
        )
        assert (caught.value.stage, caught.value.elapsed) == ("running", 0.5)
        assert trio.current_time() == 0.5


async def test_an_answer_that_comes_too_late_reaches_nobody(autojump_clock: MockClock) -> None:
    """Pekko: publish dead-letter if the ask has completed on timeout; R3, R9: it is an event."""
    async with perform(Part("a")) as play:
        reply = play.ref("a").send(Player.ignore_cancellation(10.0), timeout=1.0)
        with pytest.raises(CommandTimeout):
            await reply
        assert trio.current_time() == 1
        await trio.sleep(20)
        assert (reply.outcome, failures(play)) == (Outcome.UNKNOWN, ["timeout"])
        late = [event.command for event in play.events if isinstance(event, LateAnswer)]
        assert late == ["Player.ignore_cancellation(10.0)"]
        assert await play.life("a") == 1


async def test_answers_come_in_the_order_of_the_questions(autojump_clock: MockClock) -> None:
    """Pekko: receive replies in same order as sent; P7."""
    async with perform(Part("a", mailbox=100)) as play:
        replies = [play.ref("a").send(Player.echo(number)) for number in range(100)]
        ended: list[object] = []
        for reply in replies:
            ended.append(await reply)
            assert all(each.ended for each in replies[: len(ended)])
        assert ended == list(range(100))
        assert [line for line in play.diary if line.startswith("echo")] == [f"echo {n}" for n in range(100)]


async def test_a_refusal_reaches_its_caller_in_words(autojump_clock: MockClock) -> None:
    """Pekko: fail future for a fail response with text, unwrap StatusReply; R12."""
    async with perform(Part("a")) as play:
        with pytest.raises(CommandRefused, match="a: boom") as caught:
            await play.ref("a").ask(Player.refuse("boom"))
        assert caught.value.outcome is Outcome.REFUSED
        assert play.lives() == "a1"


async def test_a_refusal_of_ones_own_kind_reaches_its_caller_as_that(autojump_clock: MockClock) -> None:
    """Pekko: fail future for a fail response with custom exception; R12."""
    async with perform(Part("a", player=Asker)) as play:
        with pytest.raises(OutOfPaperError, match="a: no paper left"):
            await play.supervisor.ref("a", Asker).ask(Asker.run_out())
        assert play.lives() == "a1"


async def test_one_actor_asks_another_and_its_caller_gets_the_answer(autojump_clock: MockClock) -> None:
    """Pekko: provide a safe ask; R2."""
    async with perform(Part("a"), Part("b")) as play:
        assert await play.ref("a").ask(Player.relay(play.ref("b"), "pong")) == "pong"


async def test_who_fails_over_an_answer_crashes_and_not_who_gave_it(autojump_clock: MockClock) -> None:
    """Pekko: fail asking actor if responder function throws, mapping does not match response; R12."""
    async with perform(Part("a", player=Asker), Part("b")) as play:
        with pytest.raises(CommandCrashed, match="pong"):
            await play.supervisor.ref("a", Asker).ask(Asker.misread(play.ref("b")))
        assert await play.life("a") == 2
        assert await play.life("b") == 1


async def test_a_refusal_of_another_is_one_of_its_asker(autojump_clock: MockClock) -> None:
    """Pekko: unwrap error message StatusReply messages using askWithStatus; R12."""
    async with perform(Part("a", player=Asker), Part("b")) as play:
        with pytest.raises(CommandRefused, match="b: boho"):
            await play.supervisor.ref("a", Asker).ask(Asker.forward_refusal(play.ref("b"), "boho"))
        assert play.lives() == "a1 b1"


async def test_who_asks_another_in_vain_times_out_with_it(autojump_clock: MockClock) -> None:
    """Pekko: deal with timeouts in ask, must timeout if recipient doesn't reply in time; R2."""
    async with perform(Part("a"), Part("b")) as play:
        with pytest.raises(CommandTimeout) as caught:
            await play.ref("a").ask(Player.relay(play.ref("b"), "bar", 60.0), timeout=0.01)
        assert caught.value.instrument == "a"
        assert trio.current_time() == pytest.approx(0.01)
        assert failures(play).count("timeout") >= 1
        assert await play.life("b") == 1  # it is free again at once
        assert trio.current_time() == pytest.approx(0.01)


async def test_who_is_not_there_yet_is_asked_as_soon_as_it_is(autojump_clock: MockClock) -> None:
    """Pekko: work when reply uses actor selection; R8: a ref needs no resolving, and waits for a start."""

    async def slow(_: int) -> None:
        await trio.sleep(3)

    async with perform(Part("a", opening=slow)) as play:
        assert play.state("a") is State.STARTING
        assert await play.ref("a").ask(Player.echo("hi")) == "hi"
        assert trio.current_time() == 3
