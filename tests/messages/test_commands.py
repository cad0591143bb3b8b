from __future__ import annotations

import math
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Annotated, Any, cast

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labtroupe.actor import Actor
from labtroupe.errors import ArgumentError, Outcome
from labtroupe.messages import (
    DEFAULT_TIMEOUT,
    Command,
    Message,
    Parameter,
    Range,
    Unit,
    accepted_commands,
    command,
    commands_of,
)

Celsius = Annotated[float, Range(-196, 600), Unit("degC")]


@attrs.define(eq=False)
class Thermostat(Actor):
    """A plate heater, which is a slotted class like every actor."""

    target: float = 20.0

    @command(timeout=2.0, idempotent=True)
    async def temperature(self) -> Annotated[float, Unit("degC")]:
        """Plate temperature."""
        return self.target

    @command
    async def heat(
        self, celsius: Celsius, *, rate: Annotated[float, Range(0.1, 150)] = 10.0, tag: str = ""
    ) -> str:
        """Heat the plate."""
        self.target = celsius
        return f"{rate:g}{tag}"

    @command
    async def follow(self, points: object, /, step: int = 1) -> None:
        """Follow a curve."""

    async def helper(self) -> None:
        """Be no command."""


@attrs.define(eq=False)
class Careful(Thermostat):
    """Heats slowly, and follows no curve."""

    @command(timeout=9.0)
    async def heat(
        self, celsius: Celsius, *, rate: Annotated[float, Range(0.1, 150)] = 10.0, tag: str = ""
    ) -> str:
        """Heat the plate slowly."""
        return await super().heat(celsius, rate=rate / 10, tag=tag)

    @command
    async def cool(self) -> None:
        """Cool the plate."""

    # What pyright refuses here is what is tested below.
    async def follow(  # pyright: ignore[reportIncompatibleVariableOverride]
        self, points: object, /, step: int = 1
    ) -> None:
        """Override a command with what is none."""


class Lamp:
    """Something else, with a command of the same name."""

    @command
    async def temperature(self) -> float:
        """Colour temperature."""
        return 2700.0


def heat(*args: object, **kwargs: object) -> Message[str]:
    """Make a message as a program does that the type checkers have not seen."""
    return cast("Callable[..., Message[str]]", Thermostat.heat)(*args, **kwargs)


# --- messages are values ---


@pytest.mark.parametrize(
    "same",
    [
        Thermostat.heat(celsius=40.0),
        Thermostat.heat(40),
        Thermostat.heat(40.0, rate=10.0),
        Thermostat.heat(tag="", rate=10, celsius=40.0),
    ],
)
def test_messages_compare_by_value_however_the_arguments_are_written(same: Message[str]) -> None:
    assert same == Thermostat.heat(40.0)
    assert hash(same) == hash(Thermostat.heat(40.0))


@pytest.mark.parametrize(
    "other",
    [
        Thermostat.heat(41.0),
        Thermostat.heat(40.0, rate=9.0),
        Thermostat.heat(40.0, tag="slow"),
        Careful.heat(40.0),
        Thermostat.temperature(),
        Lamp.temperature(),
    ],
)
def test_other_arguments_or_another_command_make_another_message(other: Message[object]) -> None:
    """The command of a subclass is another one: it is carried out otherwise."""
    assert other != Thermostat.heat(40.0)


@given(celsius=st.floats(-196, 600), rate=st.floats(0.1, 150), tag=st.text())
def test_the_same_arguments_make_the_same_message(celsius: float, rate: float, tag: str) -> None:
    one, other = (
        Thermostat.heat(celsius, rate=rate, tag=tag),
        Thermostat.heat(tag=tag, rate=rate, celsius=celsius),
    )

    assert one == other
    assert len({one, other}) == 1


def test_a_message_is_frozen() -> None:
    message = Thermostat.heat(40.0)

    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        message.args = (600.0,)  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue] - the point


def test_a_message_is_hashable_when_its_arguments_are() -> None:
    assert {Thermostat.follow((1, 2))} == {Thermostat.follow((1, 2), step=1)}
    with pytest.raises(TypeError, match="unhashable"):
        hash(Thermostat.follow([1, 2]))


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (Thermostat.temperature(), "Thermostat.temperature()"),
        (Thermostat.heat(celsius=40.0), "Thermostat.heat(40.0, rate=10.0, tag='')"),
        (Thermostat.heat(40, tag="x", rate=2), "Thermostat.heat(40, rate=2, tag='x')"),
        (Thermostat.follow([1], 2), "Thermostat.follow([1], 2)"),
        (Careful.heat(1), "Careful.heat(1, rate=10.0, tag='')"),
        (Careful.temperature(), "Thermostat.temperature()"),
    ],
)
def test_a_message_reads_as_the_code_that_makes_it(message: Message[object], code: str) -> None:
    assert repr(message) == code
    assert eval(code) == message  # noqa: S307 - the code above


# --- arguments ---


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (partial(heat), "heat: missing a required argument: 'celsius'"),
        (partial(heat, 40.0, 5.0), "heat: too many positional arguments"),
        (partial(heat, 40.0, speed=5.0), "heat: got an unexpected keyword argument 'speed'"),
        (partial(heat, 40.0, celsius=5.0), "heat: multiple values for argument 'celsius'"),
        (partial(heat, 601), "heat: celsius must be a number between -196 and 600 degC, not 601"),
        (partial(heat, -196.1), "heat: celsius must be a number between -196 and 600 degC, not -196.1"),
        (partial(heat, 40.0, rate=0), "heat: rate must be a number between 0.1 and 150, not 0"),
        (partial(heat, "hot"), "heat: celsius must be a number between -196 and 600 degC, not 'hot'"),
        (partial(heat, None), "heat: celsius must be a number between -196 and 600 degC, not None"),
        (partial(heat, celsius=True), "heat: celsius must be a number between -196 and 600 degC, not True"),
        (partial(heat, math.nan), "heat: celsius must be a number between -196 and 600 degC, not nan"),
        (partial(heat, math.inf), "heat: celsius must be a number between -196 and 600 degC, not inf"),
    ],
)
def test_a_message_with_a_bad_value_cannot_be_made(make: Callable[[], Message[str]], sentence: str) -> None:
    """R3: nothing was sent, and the error says so."""
    with pytest.raises(ArgumentError) as caught:
        make()

    assert str(caught.value) == sentence
    assert caught.value.outcome is Outcome.NOT_SENT


async def nothing(_: object) -> None:
    """Take nothing."""


async def some(_: object, a: object, b: object = 2) -> None:
    """Take arguments by position."""


async def named(_: object, a: object = 1, *, z: object = 26, c: object = 3) -> None:
    """Take some by name."""


async def required(_: object, a: object, *, c: object) -> None:
    """Require one by name."""


async def first(_: object, a: object, /, b: object = 2) -> None:
    """Take one by position only."""


async def more(_: object, a: object = 1, *more: object, **others: object) -> None:
    """Take any number of them."""


async def limited(
    _: object, a: Annotated[int, Range(0, 3)], b: Annotated[int, Range(0, 3)] = 9, *, c: object = 3
) -> None:
    """Take what is within limits."""


METHODS: list[Callable[..., Coroutine[Any, Any, None]]] = [
    nothing,
    some,
    named,
    required,
    first,
    more,
    limited,
]
ASKED = [Command[..., None](method, timeout=1.0) for method in METHODS]
Given = tuple[list[int], dict[str, int]]


def by_the_book(asked: Command[..., None], given: Given) -> object:
    """Return the message for these arguments, or what is wrong with them, as `inspect` binds them."""
    try:
        bound = asked.signature.bind(*given[0], **given[1])
    except TypeError as error:
        return f"{asked.name}: {error}"
    bound.apply_defaults()
    for each in asked.parameters:
        value = bound.arguments[each.name]
        if each.range is not None and value is not each.default and not 0 <= value <= 3:
            return f"{asked.name}: {each.name} must be a number between 0 and 3, not {value}"
    return Message(asked, bound.args, tuple(sorted(bound.kwargs.items())))


@given(
    asked=st.sampled_from(ASKED),
    given=st.tuples(
        st.lists(st.integers(0, 5), max_size=4),
        st.dictionaries(st.sampled_from(["a", "b", "c", "z"]), st.integers(0, 5), max_size=2),
    ),
)
def test_however_a_message_is_made_it_is_the_one_by_the_book(asked: Command[..., None], given: Given) -> None:
    """There is a shorter way for most of them."""
    try:
        made: object = asked(*given[0], **given[1])
    except ArgumentError as error:
        made = str(error)
    assert made == by_the_book(asked, given)
    assert repr(made) == repr(by_the_book(asked, given))


def test_a_message_without_arguments_is_made_once() -> None:
    """Most are polled, again and again."""
    assert Thermostat.temperature() is Thermostat.temperature()
    for _ in range(2):
        with pytest.raises(ArgumentError, match="missing a required argument: 'celsius'"):
            heat()


@pytest.mark.parametrize("celsius", [-196, -196.0, 0, 600, 600.0])
def test_the_limits_belong_to_the_range(celsius: float) -> None:
    assert Thermostat.heat(celsius).args == (celsius,)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Range(-196, 600), "between -196 and 600"),
        (Range(0.1, 0.3), "between 0.1 and 0.3"),
        (Range(minimum=0), "at least 0"),
        (Range(maximum=12_345_678), "at most 12345678"),
    ],
)
def test_limits_are_said_as_they_were_written(limits: Range, words: str) -> None:
    assert str(limits) == words


@pytest.mark.parametrize("value", [1, 1.0, 3, 2.999])
def test_a_number_within_the_limits_passes(value: float) -> None:
    Range(1, 3).check(value)


@pytest.mark.parametrize("value", [0.999, 3.001, math.nan, math.inf, -math.inf, True])
def test_what_is_no_number_within_the_limits_does_not(value: float) -> None:
    with pytest.raises(ArgumentError, match="is not between 1 and 3"):
        Range(1, 3).check(value)


def test_a_default_needs_no_limit() -> None:
    """A default may stand for "none", outside what a caller may give."""

    class Meter:
        @command
        async def average(self, over: Annotated[int, Range(1, 10)] = 0) -> None:
            """Average."""

    assert Meter.average().args == (0,)
    with pytest.raises(ArgumentError):
        Meter.average(11)


def test_a_command_says_what_it_takes_and_gives() -> None:
    assert Thermostat.heat.parameters == (
        Parameter("celsius", float, Range(-196, 600), Unit("degC")),
        Parameter("rate", float, Range(0.1, 150), None, default=10.0),
        Parameter("tag", str, None, None, default=""),
    )
    assert [each.required for each in Thermostat.heat.parameters] == [True, False, False]
    assert Thermostat.temperature.returns == Parameter("return", float, None, Unit("degC"))
    assert str(Thermostat.temperature.returns.unit) == "degC"


# --- commands ---


def test_a_command_carries_what_was_declared() -> None:
    """R1: its timeout is the one without another; R6: idempotence is declared."""
    assert (Thermostat.temperature.timeout, Thermostat.temperature.idempotent) == (2.0, True)
    assert (Thermostat.heat.timeout, Thermostat.heat.idempotent) == (DEFAULT_TIMEOUT, False)
    assert (Thermostat.heat.name, Thermostat.heat.__doc__) == ("heat", "Heat the plate.")


async def test_on_an_instance_a_command_is_the_method() -> None:
    heater = Thermostat()

    assert await heater.heat(40.0, rate=2.0, tag="!") == "2!"
    assert await heater.temperature() == 40.0


async def test_an_overriding_command_can_call_the_one_it_overrides() -> None:
    """With ``super()``, though attrs builds a slotted class twice and knows only the methods it sees."""
    assert await Careful().heat(40.0) == "1"


@pytest.mark.parametrize("timeout", [0, -1.0, math.nan])
def test_a_timeout_that_makes_no_sense_is_refused(timeout: float) -> None:
    with pytest.raises(ValueError, match=r"^the timeout of Thermostat\.heat must be above 0 s, not "):
        Command(Thermostat.heat.function, timeout=timeout, idempotent=False)


def test_no_timeout_at_all_has_to_be_said() -> None:
    """R1: unbounded only by an explicit `math.inf`."""
    assert Command(Thermostat.heat.function, timeout=math.inf, idempotent=False).timeout == math.inf


def sync(_: object) -> None:
    """Be no coroutine function."""


@pytest.mark.parametrize("decorate", [command, command(timeout=1.0)])
def test_a_method_that_is_not_async_is_refused(decorate: Callable[[Any], object]) -> None:
    """Whoever forgets the ``async`` is told when the class is made, and not by the first call."""
    with pytest.raises(TypeError, match=r"^a command is an async method, and sync is not$"):
        decorate(sync)


# --- inheritance ---


def test_the_commands_of_a_class_are_its_own_and_those_of_its_bases() -> None:
    """Found in slotted classes too, which attrs builds twice."""
    assert commands_of(Thermostat) == {
        "temperature": Thermostat.temperature,
        "heat": Thermostat.heat,
        "follow": Thermostat.follow,
    }
    assert commands_of(Careful) == {
        "temperature": Thermostat.temperature,
        "heat": Careful.heat,
        "cool": Careful.cool,
    }
    assert commands_of(Actor) == {}


def test_a_message_for_the_base_is_one_for_the_subclass() -> None:
    """Who holds a ref to a thermostat need not know that it is a careful one."""
    assert accepted_commands(Careful) == {
        Thermostat.temperature,
        Thermostat.heat,
        Careful.heat,
        Careful.cool,
    }


def test_what_a_subclass_has_overridden_with_no_command_is_not_accepted() -> None:
    """Nobody could carry it out."""
    assert Thermostat.follow not in accepted_commands(Careful)
    assert all(each.name in commands_of(Careful) for each in accepted_commands(Careful))


def test_a_message_for_a_subclass_or_another_class_is_not_accepted() -> None:
    assert Careful.heat not in accepted_commands(Thermostat)
    assert Lamp.temperature not in accepted_commands(Thermostat)


def test_of_two_bases_the_first_one_counts() -> None:
    """As with every method."""

    class Warm(Lamp, Thermostat):
        pass

    assert commands_of(Warm)["temperature"] is Lamp.temperature
    assert set(commands_of(Warm)) == {"temperature", "heat", "follow"}


def test_limits_hold_where_there_may_be_no_value_too() -> None:
    """Bad values cannot exist, also in a union."""

    class Oven(Actor):
        @command
        async def bake(
            self, celsius: Annotated[float, Range(20, 300), Unit("degC")] | None = None
        ) -> None: ...

    assert Oven.bake(None).args == (None,)
    assert Oven.bake(200.0).args == (200.0,)
    with pytest.raises(ArgumentError, match="celsius must be a number between 20 and 300 degC, not 900"):
        Oven.bake(900.0)


@pytest.mark.parametrize(("minimum", "maximum"), [(3, 1), (float("nan"), 1), ("0", "1")])
def test_limits_that_nothing_is_within_cannot_be(minimum: float, maximum: float) -> None:
    with pytest.raises((ValueError, TypeError)):
        Range(minimum, maximum)
