"""A device that never answers."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from labtroupe.simulation._device import SimulatedDevice


@attrs.define(eq=False)
class Silent(SimulatedDevice):
    """A device that is plugged in, and never answers."""

    def hear(self, data: bytes) -> Sequence[bytes]:  # noqa: ARG002 - whatever it is
        """Take no notice."""
        return ()
