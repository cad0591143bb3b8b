from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any, cast

import attrs
import pytest

from labtroupe.messages import (
    DEFAULT_TIMEOUT,
    Quality,
    Reading,
    ReadingCommand,
    Unit,
    command,
    commands_of,
    every,
    reading,
)


@attrs.define(eq=False)
class Thermostat:
    """A plate heater, which is a slotted class like every actor."""

    celsius: float = 20.0

    @reading
    async def temperature(self) -> Annotated[float, Unit("degC")]:
        """Plate temperature."""
        return self.celsius

    @reading(timeout=2.0, fresh_for=0.5)
    async def power(self, channel: int = 1) -> float:
        """Power of one channel."""
        return 10.0 * channel

    @every(2.0)
    @reading
    async def level(self) -> float:
        """Level of the bath."""
        return 0.5

    @every(2.0)
    @reading(fresh_for=4.0)
    async def flow(self) -> float:
        """Flow of the bath."""
        return 1.0


@attrs.define(eq=False)
class Careful(Thermostat):
    """Reads in whole degrees."""

    @reading
    async def temperature(self) -> float:
        """Plate temperature, rounded."""
        return round(await super().temperature())


def test_a_reading_is_an_idempotent_command() -> None:
    """R6: nothing changes when it is taken twice, so a retry may take it twice."""
    assert isinstance(Thermostat.temperature, ReadingCommand)
    assert Thermostat.temperature.idempotent
    assert (Thermostat.temperature.timeout, Thermostat.power.timeout) == (DEFAULT_TIMEOUT, 2.0)
    assert commands_of(Thermostat)["temperature"] is Thermostat.temperature
    assert repr(Thermostat.power(2)) == "Thermostat.power(2)"


async def test_on_an_instance_a_reading_is_the_method() -> None:
    assert await Thermostat(21.0).temperature() == 21.0
    assert await Careful(21.3).temperature() == 21


def test_how_long_a_reading_is_good_is_declared_or_follows_from_its_period() -> None:
    assert Thermostat.temperature.fresh_for == 10.0
    assert Thermostat.power.fresh_for == 0.5
    assert Thermostat.level.fresh_for == 6.0
    assert Thermostat.flow.fresh_for == 4.0


def test_a_reading_has_a_value_only_after_the_first_answer() -> None:
    assert Reading[float]() == Reading(None, None, math.inf, Quality.NONE)


def test_the_qualities_are_the_words_that_users_see() -> None:
    """Programs go by them, so they stay the same."""
    assert [str(quality) for quality in Quality] == ["good", "stale", "lost", "none"]


async def needy(_: object, channel: int, *, mode: str = "") -> None:
    """Require an argument."""


async def needy_by_name(_: object, *, mode: str) -> None:
    """Require an argument by name."""


async def undemanding(_: object, /, channel: int = 1, *more: int, mode: str = "", **others: int) -> None:
    """Take all sorts of arguments, and require none."""


def sync(_: object) -> None:
    """Be no coroutine function."""


@pytest.mark.parametrize(("method", "missing"), [(needy, "channel"), (needy_by_name, "mode")])
def test_a_reading_that_requires_an_argument_is_refused(method: Callable[..., Any], missing: str) -> None:
    """There is one slot, and nobody who would give the argument."""
    with pytest.raises(
        TypeError, match=rf"^a reading requires no argument, and {method.__name__} requires '{missing}'$"
    ):
        reading(method)


def test_a_reading_may_have_arguments_that_need_not_be_given() -> None:
    assert reading(undemanding).command.name == "undemanding"


def test_a_reading_that_is_not_async_is_refused() -> None:
    with pytest.raises(TypeError, match="async"):
        reading(cast("Any", sync))


@pytest.mark.parametrize("fresh_for", [0.0, -1.0, math.nan])
def test_a_reading_that_is_never_good_is_refused(fresh_for: float) -> None:
    with pytest.raises(ValueError, match=r"^undemanding must be fresh for more than 0 s, not "):
        reading(fresh_for=fresh_for)(undemanding)


def test_a_reading_may_be_good_for_ever() -> None:
    """A serial number does not change."""
    assert reading(fresh_for=math.inf)(undemanding).command.fresh_for == math.inf


def test_a_command_is_no_reading() -> None:
    assert not isinstance(command(undemanding).command, ReadingCommand)
