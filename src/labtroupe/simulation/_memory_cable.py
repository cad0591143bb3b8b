"""A cable within the process, to a simulated device: no port of the system's, and any clock will do."""

from __future__ import annotations

import attrs

from labtroupe.simulation._cable import Cable, Hear
from labtroupe.transport import MemoryPort


@attrs.define(eq=False)
class MemoryCable(Cable):
    """A cable to ``memory:NAME``, which only this process can open.

    Attributes:
        name: Its name.
    """

    name: str
    _port: MemoryPort = attrs.field(init=False)
    _plugged: bool = attrs.field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        """Make the port, unplugged."""
        self._port = MemoryPort(self.name)

    @property
    def address(self) -> str:
        """The port, as an address."""
        return f"memory:{self.name}"

    def plug(self) -> None:
        """See `Cable.plug`."""
        self._port.plug()
        self._plugged = True

    def unplug(self) -> None:
        """See `Cable.unplug`."""
        self._plugged = False
        self._port.unplug()

    def close(self) -> None:
        """See `Cable.close`."""
        self.unplug()

    def refuse(self, *, refused: bool) -> None:
        """See `Cable.refuse`."""
        super().refuse(refused=refused)
        self._port.refused = refused

    async def run(self, hear: Hear) -> None:
        """See `Cable.run`."""
        while True:
            await self._port.wait_heard()
            room = await self.wait_paced()
            if data := self._port.take(room):
                hear(data)

    def send_now(self, data: bytes) -> int:
        """See `Cable.send_now`."""
        return self._port.say(data)

    async def send(self, data: bytes) -> None:
        """See `Cable.send`."""
        while self._plugged and (data := data[self.send_now(data) :]):
            await self._port.wait_changed()
