"""What a class of instruments may declare, and what is said about the rest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import new_class
from typing import Any

import attrs
import pytest
import trio

from labtroupe import Barrier, Instrument, Lines, command
from labtroupe.errors import ConfigError
from labtroupe.instrument import Link, Manners, check_complete

from ._memory import Device, MemoryTransport


def is_busy(frame: bytes) -> bool:
    """Be what looks at frames."""
    return frame == b"BUSY"


def method(self: object, frame: bytes) -> bool:
    """Be a method that looks at frames."""
    return self is not None and is_busy(frame)


def declare(name: str, value: object) -> type[object]:
    """Return a class of instruments with one attribute."""
    return new_class("Pump", (Instrument,), exec_body=lambda body: body.update({name: value}))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("framing", b"+", r"""Pump.framing is b'+'; it has to be a framing, such as Lines(b"\r\n")"""),
        ("framing", Lines, "it has to be a framing"),
        ("resync", Barrier(b"ID?", bool), "it has to be a tuple of ways to get in step"),
        ("resync", (Barrier,), "it has to be a tuple of ways to get in step"),
        ("spacing", "50 ms", "Pump.spacing is '50 ms'; it has to be a number of seconds"),
        ("silence", -1.0, "it has to be a number of seconds"),
        ("simulation", Device, 'it has to be a text, such as "sim:package.module:Class"'),
        ("busy", b"BUSY", "it has to be a function that takes a frame"),
        ("unsolicited", method, "a function that takes a frame and nothing else"),
    ],
)
def test_what_cannot_be_meant_is_told_where_the_class_is_written(name: str, value: object, said: str) -> None:
    with pytest.raises(TypeError, match=re.escape(said)):
        declare(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("busy", staticmethod(is_busy)),
        ("busy", is_busy),
        ("unsolicited", None),
        ("resync", [Barrier(b"ID?", bool)]),
        ("spacing", 1),
    ],
)
def test_what_can_be_meant_is_let_pass(name: str, value: object) -> None:
    assert declare(name, value)


class Untyped(Instrument):
    """One whose command has an argument without a type."""

    @command  # pyright: ignore[reportUnknownArgumentType]
    async def pump(self, volume) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 # pyright: ignore[reportUnknownParameterType,reportMissingParameterType]
        """Pump."""


class Misspelt(Instrument):
    """One whose command has an argument of a type that there is not."""

    @command  # pyright: ignore[reportUnknownArgumentType]
    async def pump(self, volume: Litters) -> None:  # type: ignore[name-defined]  # noqa: F821 # pyright: ignore[reportUndefinedVariable,reportUnknownParameterType]
        """Pump."""


@dataclass
class Data(Instrument):
    """One with the wrong decorator."""

    volume: float = 0.0


class Own(Instrument):
    """One that is made in its own way."""

    def __init__(self) -> None:  # pyright: ignore[reportMissingSuperCall]
        """Forget the link."""


class Hiding(Instrument):
    """One with a command that goes by the name of something else."""

    @command
    async def remember(self) -> None:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        """Hide what every instrument has."""


@attrs.define(eq=False)
class Right(Instrument):
    """One that is as it should be."""

    volume: float = 0.0

    @command
    async def pump(self, volume: float) -> None:
        """Pump."""


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Untyped, "volume of Untyped.pump has no type; write one, such as volume: float"),
        (Misspelt, "the types of Misspelt.pump cannot be evaluated (name 'Litters' is not defined)"),
        (Data, "Data does not take its link; decorate it with @attrs.define(eq=False)"),
        (Hiding, "Hiding.remember hides the remember that every instrument has; give it another name"),
        (Own, "Own does not take its link"),
    ],
)
def test_a_class_that_cannot_be_used_is_told_what_to_do(kind: type[Instrument], said: str) -> None:
    check_complete(Right)
    with pytest.raises(ConfigError, match=re.escape(said)):
        check_complete(kind)


@attrs.frozen
class Broken(Lines):
    """A framing with a fault of its own."""

    def decoder(self) -> Any:  # noqa: ANN401 - none
        """Fail."""
        raise ZeroDivisionError


async def test_a_framing_that_fails_leaves_no_port_open() -> None:
    """S16: or each later life would only be told that the port is taken."""
    opened: list[MemoryTransport] = []

    async def connect() -> MemoryTransport:
        opened.append(MemoryTransport(Device(lambda _: [])))
        return opened[-1]

    link = Link("memory", connect, Manners(framing=Broken()))
    with trio.fail_after(5), pytest.raises(ZeroDivisionError):
        await link.open()
    await link.aclose()
    assert opened == []


async def test_text_and_bytes_are_told_apart() -> None:
    async def connect() -> MemoryTransport:
        return MemoryTransport(Device(lambda request: [(0.0, request + b"\n")]))

    link = Link("memory", connect, Manners(resync=(Barrier(b"ID?", bool, lateness=0.0),)))
    with trio.fail_after(5):
        await link.open()
        await link.resync()
        with pytest.raises(TypeError, match="'T' is no bytes; text goes with `query` or `write`"):
            await link.exchange("T")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        with pytest.raises(TypeError, match="b'T' is no text; bytes go with `exchange` or `send`"):
            await link.query(b"T")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        assert link.suspicion is None
        await link.aclose()
