from __future__ import annotations

import pytest

from labtroupe.lifecycle import MOVES, State


def reachable(start: State) -> set[State]:
    """Return every state that can follow, sooner or later."""
    found: set[State] = set()
    ahead = [start]
    while ahead:
        new = MOVES[ahead.pop()] - found
        found |= new
        ahead += new
    return found


def test_the_table_has_a_row_for_each_state() -> None:
    assert set(MOVES) == set(State)


@pytest.mark.parametrize("state", State)
def test_a_move_goes_somewhere_else(state: State) -> None:
    assert state not in MOVES[state]


@pytest.mark.parametrize("state", State)
def test_no_state_is_the_end(state: State) -> None:
    """S6, S13: whatever has become of an instrument, it can run again."""
    assert State.RUNNING in reachable(state)


@pytest.mark.parametrize("state", State)
def test_every_state_can_come_about(state: State) -> None:
    """An actor begins as stopped: nobody has started it yet."""
    assert state in reachable(State.STOPPED)


@pytest.mark.parametrize("state", sorted(set(State) - {State.HALTED}))
def test_whatever_it_does_it_can_be_halted(state: State) -> None:
    """S10."""
    assert State.HALTED in MOVES[state]


@pytest.mark.parametrize("state", State)
def test_to_run_again_is_to_start_again(state: State) -> None:
    """Nothing answers that has not been opened; behind the latch of a halt it may have been."""
    assert (State.RUNNING in MOVES[state]) == (state in {State.STARTING, State.HALTED})


@pytest.mark.parametrize("state", sorted(set(State) - {State.STOPPED}))
def test_whatever_it_does_it_can_be_stopped(state: State) -> None:
    """S13: terminate wins."""
    assert State.STOPPED in MOVES[state]


def test_the_states_are_the_words_that_users_see() -> None:
    assert [str(state) for state in State] == [
        "starting",
        "running",
        "stopping",
        "stopped",
        "backoff",
        "failed",
        "halted",
    ]
