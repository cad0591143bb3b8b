"""What an instrument declares about talking with its device."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import attrs
from attrs.validators import ge, gt

from labtroupe.instrument._resync import Strategy
from labtroupe.instrument._tag import Tag
from labtroupe.protocol import Framing, Lines


@attrs.frozen(kw_only=True)
class Manners:
    """How a device talks, and wants to be talked to.

    Attributes:
        framing: How requests become bytes, and bytes frames.
        resync: Ways to get a suspect link in step again, in the order in which they are tried.
            When none of them works, the link is lost and opened anew.
        spacing: Seconds that the device needs between the end of an exchange and the next request.
        silence: Seconds without a byte, while an answer is awaited, after which the device does
            not answer at all.
        busy: Whether a frame says that the device is still at work: no answer, but no silence either.
        unsolicited: Whether a frame is one that the device sends by itself; ``None`` if it sends none.
        lateness: Seconds after which the device answers no more, as far as that is declared.
        tag: The one among ``resync``, if there is one: it has a say in every exchange.
    """

    framing: Framing = Lines()
    resync: Sequence[Strategy] = ()
    spacing: float = attrs.field(default=0.0, validator=ge(0))
    silence: float = attrs.field(default=math.inf, validator=gt(0))
    busy: Callable[[bytes], bool] | None = None
    unsolicited: Callable[[bytes], bool] | None = None
    lateness: float = attrs.field(
        default=attrs.Factory(
            lambda self: max((each.lateness for each in self.resync), default=0.0), takes_self=True
        ),
        init=False,
    )
    tag: Tag | None = attrs.field(
        default=attrs.Factory(lambda self: _tag(self.resync), takes_self=True), init=False
    )


def _tag(strategies: Sequence[Strategy]) -> Tag | None:
    return next((each for each in strategies if isinstance(each, Tag)), None)
