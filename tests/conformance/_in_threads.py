"""Drivers that are right, each in a way that is easily taken for wrong."""

from __future__ import annotations

import time

import attrs
import trio

from labtroupe import reading

from ._drivers import Good


@attrs.define(eq=False)
class WorksInThread(Good):
    """Does what takes its time in a thread, as the check of what blocks says."""

    @reading
    async def temperature(self) -> float:
        """Read the temperature."""
        value = await self._read()
        await trio.to_thread.run_sync(time.sleep, 0.05)
        return value


@attrs.define(eq=False)
class AsksFromThread(Good):
    """Asks the device from a thread, as what was written for threads does."""

    @reading
    async def temperature(self) -> float:
        """Read the temperature."""
        return await trio.to_thread.run_sync(trio.from_thread.run, self._read)


@attrs.define(eq=False)
class SwallowsInThread(Good):
    """Is not right: has an answer for everything, in a thread."""

    @reading
    async def temperature(self) -> float:
        """Read the temperature."""
        return await trio.to_thread.run_sync(self._read_or_zero)

    def _read_or_zero(self) -> float:
        try:
            return trio.from_thread.run(self._read)
        except Exception:  # noqa: BLE001 - that is what is wrong with it
            return 0.0
