"""A USB device that passes bytes on as they are, over its two bulk endpoints."""

from __future__ import annotations

import attrs

from labtroupe.testing._usb._device import UsbDevice


@attrs.define(eq=False)
class Pipe(UsbDevice):
    """It takes what there is room for, and sends what it has to say to whoever reads."""

    def take(self, data: bytes) -> int:
        """See `UsbDevice.take`."""
        taken = data[: max(self.room - len(self.heard), 0)]
        self.heard += taken
        return len(taken)

    def say(self, data: bytes) -> None:
        """See `UsbDevice.say`."""
        self.says += data

    @property
    def unsaid(self) -> int:
        """See `UsbDevice.unsaid`."""
        return len(self.says)
