"""What an instrument declares about getting a suspect link in step again."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from attrs import validators


@attrs.frozen
class Barrier:
    """A query whose answer cannot be mistaken for that to any other query.

    A suspect link sends it and drops whatever comes until its answer does.  As
    devices answer in order, nothing that was asked earlier comes later.

    If this very query was cut off before, the answers to both look alike.  Then
    the link waits for both, or until nothing has come for as long as the device
    has just been late and ``lateness`` seconds more.

    Attributes:
        query: The request, without terminator.
        accepts: Whether an answer is one to this query.
        lateness: Seconds after which this device, if well, answers no more.
        budget: Seconds from sending the query within which something must answer it.
    """

    query: bytes
    accepts: Callable[[bytes], bool]
    lateness: float = attrs.field(default=1.0, validator=validators.ge(0))
    budget: float = attrs.field(default=2.0, validator=validators.gt(0))
