"""Any instrument that speaks SCPI: identification, queries, and its error queue.

After IEEE 488.2-1992 (the commands that begin with ``*``) and SCPI-1999 (``SYSTem:ERRor?``).
"""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from typing import Final

import attrs
import trio

from labtroupe.errors import CommandRefused, ProtocolError
from labtroupe.instrument import Barrier, DeviceClear, Instrument
from labtroupe.messages import command, when_idle
from labtroupe.protocol import Lines

_log: Final = logging.getLogger(__name__)
# Four fields: manufacturer, model, serial number, firmware (IEEE 488.2, 10.14.3).
# A manufacturer has a letter in its name, which no list of numbers begins with.
_IDENTITY: Final = re.compile(rb"[^,\d]*[A-Za-z][^,]*,[^,]*,[^,]*,.*\Z")
_ERROR: Final = re.compile(r'([+-]?\d+),\s*"(.*)"\Z')
# SCPI-1999 requires room for at least two errors; no real queue holds more.
_MOST_ERRORS: Final = 64
# The bit of the standard event register for "switched on since this was last read" (IEEE 488.2, 11.5.1).
_POWER_ON: Final = 0x80
# Seconds after which a device that has just said who it is has none, whatever the standard says.
_NO_REGISTER: Final = 1.0


def is_identity(answer: bytes) -> bool:
    """Return whether an answer is one to ``*IDN?``."""
    return _IDENTITY.match(answer) is not None


def _is_error(answer: bytes) -> bool:
    return _ERROR.match(answer.decode("ascii", "replace")) is not None


@attrs.frozen
class Identity:
    """What an instrument says it is, in the order of ``*IDN?``."""

    manufacturer: str
    model: str
    serial_number: str
    firmware: str


@attrs.define(eq=False)
class ScpiInstrument(Instrument):
    """An instrument that speaks SCPI; a base for those with commands of their own."""

    framing = Lines(b"\n")
    simulation = "sim:scpi"
    resync = (DeviceClear(), Barrier(b"*IDN?", is_identity, lateness=1.0))

    async def ask_identity(self) -> str:
        """Return the answer to ``*IDN?``."""
        return await self.link.query("*IDN?", is_identity)

    async def has_forgotten(self) -> bool | None:
        """Return whether it was switched on since this was last asked, which clears its ``*ESR?``."""
        with trio.move_on_after(_NO_REGISTER):
            answer = await self.link.query("*ESR?")
            with suppress(ValueError):
                return bool(int(answer) & _POWER_ON)
        await self.link.resync()
        return None

    async def reset_device(self) -> None:
        """Put it into its state after power-on (``*RST``), with nothing in its registers (``*CLS``)."""
        await self.link.write("*CLS")
        await self.reset()

    async def on_open(self) -> None:
        """Empty the error queue: what is in it belongs to nobody who asks us."""
        await self._forget_errors()

    async def recover(self) -> None:
        """Bring the link in step, and empty the error queue: its errors belong to what was cut off."""
        await super().recover()
        await self._forget_errors()

    @when_idle(10.0)
    @command(timeout=3.0, idempotent=True)
    async def identity(self) -> Identity:
        """Manufacturer, model, serial number and firmware (``*IDN?``)."""
        answer = await self.link.query("*IDN?", is_identity)
        return Identity(*(field.strip() for field in answer.split(",", 3)))

    @command(timeout=5.0)
    async def query(self, request: str) -> str:
        """Send any query and return its answer as it came.

        Args:
            request: A query with its question mark, such as ``MEAS:VOLT:DC?``.

        Raises:
            CommandRefused: It was answered, but not all of it was understood.
        """
        await self._forget_errors()
        answer = await self.link.query(request)
        await self._raise_errors(f"{request!r} was answered with {answer!r}, and")
        return answer

    @command(timeout=5.0)
    async def write(self, request: str) -> None:
        """Send any command that has no answer, and see whether it was accepted.

        What is set after that is not known, and is not restored.

        Raises:
            CommandRefused: The instrument put an error into its queue.
        """
        self.remember(None)
        await self._write(request)

    @command(timeout=5.0)
    async def errors(self) -> list[str]:
        """Read and empty the error queue (``SYSTem:ERRor?``), the oldest error first."""
        found: list[str] = []
        for _ in range(_MOST_ERRORS):
            answer = await self.link.query("SYST:ERR?", _is_error)
            if int(answer.partition(",")[0]) == 0:
                return found
            found.append(answer)
        raise ProtocolError(
            f"{self.link.address}: the error queue does not get empty after {_MOST_ERRORS} errors"
        )

    @command(timeout=5.0)
    async def reset(self) -> None:
        """Put the instrument into its state after power-on (``*RST``)."""
        self.remember(None)
        await self._write("*RST")

    async def _write(self, request: str) -> None:
        """Send a command that has no answer, and see whether it was accepted."""
        await self._forget_errors()
        await self.link.write(request)
        await self._raise_errors(f"{request!r}")

    async def _forget_errors(self) -> None:
        """Empty the error queue, or the next command would be blamed for what is in it."""
        errors = await self.errors()
        if errors:
            _log.warning("%s: errors that nobody has asked about: %s", self.link.address, "; ".join(errors))

    async def _raise_errors(self, what: str) -> None:
        errors = await self.errors()
        if errors:
            raise CommandRefused(f"{what} was refused: {'; '.join(errors)}")

    async def _number(self, request: str) -> float:
        return float(await self.link.query(request, _is_number))


def _is_number(answer: bytes) -> bool:
    try:
        float(answer)
    except ValueError:
        return False
    return True
