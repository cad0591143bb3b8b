"""Whether a class of instruments can be used, which is known when its module has been read to the end."""

from __future__ import annotations

import inspect

from labtroupe.errors import ConfigError
from labtroupe.instrument._instrument import Instrument
from labtroupe.messages import commands_of


def check_complete(cls: type[Instrument]) -> None:
    """Check what can be known only when the module of a class has been read to its end.

    Raises:
        ConfigError: It cannot be used as an instrument.
    """
    for command in commands_of(cls).values():
        try:
            parameters, _ = command.parameters, command.returns
        except Exception as error:
            # An annotation is code, and may raise anything.
            raise ConfigError(f"the types of {command!r} cannot be evaluated ({error})") from error
        for each in parameters:
            if each.annotation is inspect.Parameter.empty:
                raise ConfigError(
                    f"{each.name} of {command!r} has no type; write one, such as {each.name}: float"
                )
        if hasattr(Instrument, command.name):
            raise ConfigError(
                f"{command!r} hides the {command.name} that every instrument has; give it another name"
            )
    taken = inspect.signature(cls).parameters.values()
    if not any(each.name == "link" or each.kind is each.VAR_KEYWORD for each in taken):
        raise ConfigError(
            f"{cls.__qualname__} does not take its link; decorate it with @attrs.define(eq=False), and "
            "declare as fields what else it has"
        )
