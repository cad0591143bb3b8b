"""What tests of instruments, and of what uses them, are made of: doubles for messages and bytes, a plugin.

pytest imports this in every project that has labtroupe installed, so it
imports nothing itself before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labtroupe.lazy import lazy

if TYPE_CHECKING:
    from labtroupe.simulation import Script, ScriptBroken, Tape
    from labtroupe.testing._byte_double import ByteDouble, DoubleVia, byte_double
    from labtroupe.testing._conformance import check_instrument
    from labtroupe.testing._double import Double
    from labtroupe.testing._doubled import doubled
    from labtroupe.testing._fixtures import FakeBench, MakeDouble
    from labtroupe.testing._probe import Probe
    from labtroupe.testing._received import Received
    from labtroupe.testing._rule import Rule
    from labtroupe.testing._values import ANY
    from labtroupe.testing._violations import Violated

__all__ = [
    "ANY",
    "ByteDouble",
    "Double",
    "DoubleVia",
    "FakeBench",
    "MakeDouble",
    "Probe",
    "Received",
    "Rule",
    "Script",
    "ScriptBroken",
    "Tape",
    "Violated",
    "byte_double",
    "check_instrument",
    "doubled",
]

_HOMES = {
    "ANY": "_values",
    "ByteDouble": "_byte_double",
    "Double": "_double",
    "DoubleVia": "_byte_double",
    "FakeBench": "_fixtures",
    "MakeDouble": "_fixtures",
    "Probe": "_probe",
    "Received": "_received",
    "Rule": "_rule",
    "Script": "_byte_double",
    "ScriptBroken": "_byte_double",
    "Tape": "_byte_double",
    "Violated": "_violations",
    "byte_double": "_byte_double",
    "check_instrument": "_conformance",
    "doubled": "_doubled",
}

__getattr__ = lazy(__name__, _HOMES)


def __dir__() -> list[str]:
    """List the public names."""
    return list(__all__)
