"""QMI's remote calls and locks: test_rpc."""

from __future__ import annotations

import math

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from labtroupe.errors import (
    CommandCrashed,
    CommandRefused,
    CommandTimeout,
    Leased,
    NotRunning,
    Outcome,
    WrongState,
)
from labtroupe.lifecycle import State
from labtroupe.messages import command, commands_of

from ._play import Part, Player, perform


@attrs.define(eq=False)
class Calculator(Player):
    """Calculates slowly."""

    @command(timeout=1.0)
    async def square_root(self, number: float) -> float:
        """The square root of a number, after so many milliseconds."""
        if number < 0:
            raise ValueError("Bad value!")
        await trio.sleep(number / 1e3)
        return math.sqrt(number)

    @command
    async def careful_root(self, number: float) -> float:
        """The same, which says no where it has no answer."""
        if number < 0:
            raise CommandRefused("no root of a negative number")
        return await self.square_root(number)


class Scientific(Calculator):
    """Calculates more."""

    @command
    async def logarithm(self, number: float) -> float:
        """The natural logarithm."""
        return math.log(number)

    @command
    async def lease(self, unlock: str) -> str:
        """Have the name of a method that refs have."""
        return unlock


def calculator(name: str = "a") -> Part:
    """Return the part of a calculator."""
    return Part(name, player=Scientific)


# --- calls ---


async def test_a_call_returns_what_the_command_returns(autojump_clock: MockClock) -> None:
    """QMI: test_blocking_rpc, test_nonblocking_rpc."""
    async with perform(calculator()) as play:
        a = play.supervisor.ref("a", Calculator)
        assert await a.proxy.square_root(256.0) == 16.0
        assert await a.send(Calculator.square_root(256.0)) == 16.0


async def test_an_error_that_the_code_did_not_foresee_comes_with_its_cause(autojump_clock: MockClock) -> None:
    """QMI: test_blocking_rpc, test_nonblocking_rpc: there, any exception is an answer; R12."""
    async with perform(calculator()) as play:
        a = play.supervisor.ref("a", Calculator)
        with pytest.raises(CommandRefused, match="no root"):
            await a.ask(Calculator.careful_root(-1.0))
        assert play.lives() == "a1"
        with pytest.raises(CommandCrashed, match="Bad value!") as caught:
            await a.proxy.square_root(-1.0)
        assert isinstance(caught.value.__cause__, ValueError)
        reply = a.send(Calculator.square_root(-1.0))
        with pytest.raises(CommandCrashed, match="Bad value!") as caught:
            await reply
        assert isinstance(caught.value.__cause__, ValueError)
        assert await play.life("a") == 3


def test_a_command_keeps_what_is_written_about_it() -> None:
    """QMI: the docstrings of methods reach the proxy; commands have signatures, units and limits too."""
    commands = commands_of(Scientific)
    assert (commands["square_root"].__doc__ or "").startswith("The square root")
    assert [parameter.name for parameter in commands["square_root"].parameters] == ["number"]


async def test_a_call_ends_in_time_with_or_without_a_timeout_of_its_own(autojump_clock: MockClock) -> None:
    """QMI: test_blocking_rpc_timeout, test_nonblocking_rpc_timeout; R1: there, the call goes on."""
    async with perform(calculator()) as play:
        a = play.supervisor.ref("a", Calculator)
        with pytest.raises(CommandTimeout):
            await a.ask(Calculator.square_root(1024.0))
        assert trio.current_time() == 1.0
        reply = a.send(Calculator.square_root(1024.0), timeout=0.5)
        with pytest.raises(CommandTimeout):
            await reply
        assert trio.current_time() == 1.5
        assert await a.ask(Calculator.square_root(0.0)) == 0.0  # nothing of them is left
        assert trio.current_time() == 1.5


async def test_replies_may_be_awaited_out_of_order(autojump_clock: MockClock) -> None:
    """QMI: test_nonblocking_rpc_queue; P7."""
    async with perform(calculator()) as play:
        a, same = (play.supervisor.ref("a", Calculator) for _ in range(2))
        replies = [
            ref.send(Calculator.square_root(float(number)), timeout=10)
            for ref, number in ((a, 128), (same, 129), (a, 130), (same, 131), (a, 132), (a, 133))
        ]
        for place in (0, 1, 4, 2, 3, 5):
            assert await replies[place] == math.sqrt(128 + place)
            if place == 4:
                assert [reply.ended for reply in replies] == [True, True, True, True, True, False]


async def test_a_class_has_the_commands_of_its_base_classes(autojump_clock: MockClock) -> None:
    """QMI: test_subclass."""
    async with perform(calculator()) as play:
        a = play.supervisor.ref("a", Scientific)
        assert await a.ask(Scientific.logarithm(10.0)) == pytest.approx(2.302585)
        assert await a.ask(Scientific.square_root(100.0)) == 10.0
        assert await a.ask(Calculator.square_root(100.0)) == 10.0


async def test_a_command_may_have_any_name(autojump_clock: MockClock) -> None:
    """QMI: test_bad_name_lock and the like, test_my_lock_method: refused there, as proxies have methods."""
    async with perform(calculator()) as play:
        a = play.supervisor.ref("a", Scientific)
        assert await a.ask(Scientific.lease("foo")) == "foo"
        assert await a.proxy.lease(unlock="foo") == "foo"


async def test_who_was_removed_refuses_every_call(autojump_clock: MockClock) -> None:
    """QMI: test_call_to_removed_object; R8."""
    async with perform(calculator()) as play:
        a = play.supervisor.ref("a", Calculator)
        await play.all_up()
        play.supervisor.stop("a")
        await play.supervisor.wait_settled("a")
        play.supervisor.remove("a")
        with pytest.raises(NotRunning):
            await a.ask(Calculator.square_root(16.0))
        reply = a.send(Calculator.square_root(16.0))
        with pytest.raises(NotRunning):
            await reply
        assert reply.outcome is Outcome.NOT_SENT


async def test_who_is_suspended_before_it_is_stopped_finishes_what_runs(autojump_clock: MockClock) -> None:
    """QMI: test_remove_object_while_call_queued; S13: to stop alone cancels what runs, too."""
    async with perform(calculator()) as play:
        a = play.supervisor.ref("a", Calculator)
        running = a.send(Calculator.square_root(512.0))
        queued = [a.send(Calculator.square_root(number), timeout=1000) for number in (15.0, 17.0)]
        await wait_all_tasks_blocked()
        play.supervisor.suspend("a")
        assert await running == math.sqrt(512)
        await trio.sleep(100)
        assert not any(reply.ended for reply in queued)
        play.supervisor.stop("a")
        for reply in queued:
            with pytest.raises(NotRunning):
                await reply
            assert reply.outcome is Outcome.NOT_SENT


async def test_a_ref_knows_the_name(autojump_clock: MockClock) -> None:
    """QMI: test_get_name_of_RpcObject, test_get_address_of_RpcObject: a name is unique in the whole tree."""
    async with perform(calculator("tc1")) as play:
        assert play.supervisor.ref("tc1", Calculator).name == "tc1"


async def test_a_name_is_taken_once(autojump_clock: MockClock) -> None:
    """QMI: test_making_object_in_inactive_context_excepts, which is about a name; S13."""
    async with perform(calculator("duplicate")) as play:
        with pytest.raises(WrongState, match="'duplicate' already"):
            play.add(calculator("duplicate"))


async def test_a_supervisor_that_has_ended_takes_nobody(autojump_clock: MockClock) -> None:
    """QMI: test_making_duplicate_object_in_context_excepts, which is about an end; S13."""
    async with perform() as play:
        pass
    with pytest.raises(NotRunning, match="the bench stops"):
        play.add(calculator("notactive"))
    assert play.listed() == []


# --- locks ---


async def test_who_has_a_lease_has_the_actor_for_himself(autojump_clock: MockClock) -> None:
    """QMI: test_lock, test_lock_unlock, test_lock_with_custom_token; S17: the token is a ref."""
    async with perform(calculator()) as play:
        a = play.supervisor.ref("a", Calculator)
        async with a.lease(holder="Ann") as mine:
            assert await mine.ask(Calculator.square_root(0.0)) == 0.0
            with pytest.raises(Leased, match="Ann") as caught:
                await a.ask(Calculator.square_root(0.0))
            assert caught.value.outcome is Outcome.NOT_SENT
            with pytest.raises(Leased, match="Ann"):
                a.tell(Player.remember("word"))
        assert await a.ask(Calculator.square_root(0.0)) == 0.0


async def test_another_lease_waits_until_the_first_has_ended(autojump_clock: MockClock) -> None:
    """QMI: test_lock_fail, test_lock_with_timeout, test_lock_with_timeout_2; S17: in line."""
    async with perform(calculator()) as play:
        a = play.ref("a")
        order: list[str] = []

        async def holder(name: str, seconds: float) -> None:
            async with a.lease(holder=name):
                order.append(f"{name} at {trio.current_time():g}")
                await trio.sleep(seconds)

        async with trio.open_nursery() as nursery:
            for name, seconds in (("Ann", 0.5), ("Ben", 1.0), ("Cas", 0.0)):
                nursery.start_soon(holder, name, seconds)
                await wait_all_tasks_blocked()
        assert order == ["Ann at 0", "Ben at 0.5", "Cas at 1.5"]


async def test_who_gives_up_waiting_for_a_lease_leaves_nothing_behind(autojump_clock: MockClock) -> None:
    """QMI: test_lock_with_timeout_fail, test_unlock_fail, test_lock_unlock_with_custom_token; S17."""
    async with perform(calculator()) as play:
        a = play.ref("a")
        async with a.lease(holder="Ann") as mine:
            with trio.move_on_after(0.4) as scope:
                async with a.lease(holder="Ben"):
                    pytest.fail("two have it")
            assert (scope.cancelled_caught, trio.current_time()) == (True, 0.4)
            assert await mine.ask(Player.echo("still mine")) == "still mine"
        assert await a.ask(Player.echo("free")) == "free"
        async with a.lease(holder="Cas"):
            assert trio.current_time() == 0.4


async def test_a_lease_can_be_taken_over_and_its_former_holder_sees_it(autojump_clock: MockClock) -> None:
    """QMI: test_force_unlock, twice; S17: not unlocked for all, but leased by somebody else."""
    async with perform(calculator()) as play:
        a = play.ref("a")
        async with a.lease(holder="Ann") as first:
            async with a.lease(holder="Ben", takeover=True) as second:
                assert await second.ask(Player.echo("mine")) == "mine"
                with pytest.raises(Leased, match="Ben"):
                    await first.ask(Player.echo("mine"))
            assert await a.ask(Player.echo("free")) == "free"


async def test_a_lease_ends_with_its_holder_however_he_goes(autojump_clock: MockClock) -> None:
    """QMI: test_lock_token_after_closed_context: locked for ever there, for want of the token; S17."""
    async with perform(calculator()) as play:
        a = play.ref("a")
        with pytest.raises(ZeroDivisionError):
            async with a.lease(holder="Ann"):
                raise ZeroDivisionError
        with trio.move_on_after(1):
            async with a.lease(holder="Ben"):
                await trio.sleep_forever()
        assert await a.ask(Player.echo("free")) == "free"


async def test_a_lease_does_not_keep_an_operator_out(autojump_clock: MockClock) -> None:
    """QMI: not there; S17, S10: halt and looking on pass through."""
    async with perform(calculator()) as play:
        a = play.ref("a")
        async with a.lease(holder="Ann") as mine:
            reply = mine.send(Player.echo("slow", 100.0))
            await wait_all_tasks_blocked()
            assert a.state is State.RUNNING
            await play.supervisor.halt(["a"], "smoke")
            assert reply.ended
