"""Out of a nursery with what a body raises, as it is: a nursery would wrap it in a group."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import cast

import attrs
import trio


@attrs.define(eq=False)
class Escape:
    """Carries what a block inside a nursery raises to where the nursery has ended.

    Attributes:
        error: It; ``None`` if there was nothing.
    """

    error: BaseException | None = attrs.field(default=None, init=False)

    @contextmanager
    def carry(self) -> Generator[None]:
        """Keep what the block raises; cancellations go their own way."""
        try:
            yield
        except BaseException as error:
            if isinstance(error, GeneratorExit) or _is_cancelled(error):
                raise
            self.error = error

    def release(self) -> None:
        """Raise it, if there is something."""
        if self.error is not None:
            raise self.error


def _is_cancelled(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return group.split(trio.Cancelled)[0] is not None
    return isinstance(error, trio.Cancelled)
