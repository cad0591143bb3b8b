"""What cannot be tried is refused before the trial, also where no type checker looks."""

from __future__ import annotations

import abc
from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
import pytest

from labtroupe.actor import Actor
from labtroupe.conformance import make_subject
from labtroupe.errors import ConfigError
from labtroupe.kinds import LinkamT95

from ._drivers import Bath, Good

BATH = Bath()


class Abstract(Good, abc.ABC):
    """A base."""

    @abc.abstractmethod
    def colour(self) -> str:
        """Return its colour."""


@attrs.define(eq=False)
class NeedsChannel(Good):
    """Has a setting without a default."""

    channel: int


# They are wrong on purpose, so no type checker is to look.
make: Any = partial(make_subject, device=Bath)

MISTAKES: list[tuple[Callable[[], object], str]] = [
    (lambda: make(3), "3 is no class of instruments"),
    (lambda: make(Actor), "is no class of instruments"),
    (lambda: make(Abstract), "Abstract is abstract"),
    (lambda: make(NeedsChannel), "missing 1 required positional argument: 'channel'"),
    (lambda: make(Good, settings={"colour": 1}), "unexpected keyword argument 'colour'"),
    (lambda: make(Good, device=BATH), "Bath is given as one device"),
    (lambda: make(Good, device=lambda: BATH), "makes the same device again"),
    (lambda: make(Good, device=lambda: 3), "makes 3"),
    (lambda: make(Good, probe="temperature"), "'temperature' is no message to Good"),
    (lambda: make(Good, probe=Good.temperature), "Good.temperature is no message to Good"),
    (lambda: make(Good, probe=LinkamT95.temperature()), "is no message to Good"),
    (lambda: make(Good, commands=[Good.keep]), "Good.keep is no message to Good"),
]


@pytest.mark.parametrize(("mistake", "said"), MISTAKES, ids=[said for _, said in MISTAKES])
def test_what_cannot_be_tried_is_refused_and_says_why(mistake: Callable[[], object], said: str) -> None:
    """PLR-18."""
    with pytest.raises(ConfigError) as raised:
        mistake()

    assert said in str(raised.value)
    assert raised.value.remedy


def test_a_command_of_a_base_can_be_asked() -> None:
    """Of whichever class it was written."""
    subject = make_subject(NeedsChannel, device=Bath, settings={"channel": 1}, probe=Good.temperature())

    assert subject.probe == Good.temperature()
