"""What a function in Python says about one instrument, as a table in TOML does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Generic, Literal, TypeVar

import attrs

from labtroupe.actor import DEFAULT_CAPACITY
from labtroupe.bench._instrument_table import KEYS
from labtroupe.instrument import Bus, Instrument, Reattach
from labtroupe.policy import Backoff, RestartLimit
from labtroupe.transport import Address

T_co = TypeVar("T_co", bound=Instrument, covariant=True)


@attrs.frozen(eq=False, init=False)
class InstrumentSpec(Generic[T_co]):
    """What a bench in Python says about one instrument.

    Besides the class and the address it takes the keys of a table in ``bench.toml``, under the same
    names and with the same defaults; all others are settings of the class.  They are held against
    what can be wrong when the bench is checked or opened.

    Attributes:
        instrument_type: Its class.
        bus: What is said about the bus that its device is on.
        depends_on: What is said about those that must be running while it is.
        keys: The other keys that differ from their defaults, its settings included.
    """

    instrument_type: type[T_co]
    bus: InstrumentSpec[Bus] | None
    depends_on: tuple[InstrumentSpec[Instrument], ...]
    keys: Mapping[str, object]

    def __init__(  # noqa: PLR0913 - they are the keys of a table
        self,
        instrument_type: type[T_co],
        address: str | Address = "",
        *,
        bus: InstrumentSpec[Bus] | None = None,
        identity: str = "",
        simulation: str = "",
        reattach: Reattach | Literal["adopt", "restore", "reset", "ask"] = Reattach.ADOPT,
        connect: Literal["wanted", "required", "on-demand"] = "wanted",
        depends_on: Iterable[InstrumentSpec[Instrument]] = (),
        critical: bool = False,
        mailbox: int = DEFAULT_CAPACITY,
        start_timeout: float = 10.0,
        shutdown: float = 2.0,
        restart: RestartLimit = RestartLimit(),  # noqa: B008 - frozen
        backoff: Backoff = Backoff(),  # noqa: B008 - likewise
        **settings: object,
    ) -> None:
        _check_class(instrument_type)
        keys: dict[str, object] = {
            "address": address,
            "identity": identity,
            "simulation": simulation,
            "reattach": reattach,
            "connect": connect,
            "critical": critical,
            "mailbox": mailbox,
            "start_timeout": start_timeout,
            "shutdown": shutdown,
            "restart": restart,
            "backoff": backoff,
        }
        written = {key: value for key, value in keys.items() if value != KEYS[key].default}
        self.__attrs_init__(  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType] - attrs makes it
            instrument_type, bus, tuple(depends_on), {**written, **settings}
        )


def _check_class(given: object) -> None:
    if not (isinstance(given, type) and issubclass(given, Instrument)):
        raise TypeError(
            f"an InstrumentSpec begins with the class of the instrument, such as LinkamT95, not {given!r}"
        )
