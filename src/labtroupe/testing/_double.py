"""The double: what is in an actor's place, and answers messages as its script says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import attrs

from labtroupe.actor import Actor
from labtroupe.errors import UnknownCommandError
from labtroupe.messages import Command, Message, accepted_commands, commands_of
from labtroupe.policy import Policy
from labtroupe.supervision import ChildSpec
from labtroupe.testing._part import Part
from labtroupe.testing._received import Received
from labtroupe.testing._rule import Rule
from labtroupe.testing._stand_in import make_stand_in
from labtroupe.testing._violations import Violated, shortened

A = TypeVar("A", bound=Actor)
R = TypeVar("R")


@attrs.define(eq=False, repr=False)
class Double(Generic[A]):
    """Stands in for one actor of a tree, and answers messages as its script says.

    ::

        heater = Double(LinkamT95)
        heater.when(LinkamT95.temperature()).reply(21.5)
        heater.when(LinkamT95.ramp).hang()

    Everything around it is real: refs, mailbox, deadlines, halts, and the supervisor that restarts
    it when it crashes.  The script goes on over all its lives.  What the class does beside its
    commands, it does not.

    What is asked of it that no rule is about is refused, and noted.  `verify` raises what was
    noted, so that the test fails whatever has become of the refusal.

    Attributes:
        stands_for: The class.
        strict: Whether what no rule is about is refused.  Otherwise it is answered with the
            emptiest value that the command can return: ``None``, 0, an empty text.
        periodic: Whether it asks itself for what the class declares as periodic, as the real one does.
    """

    stands_for: type[A]
    strict: bool = attrs.field(default=True, kw_only=True)
    periodic: bool = attrs.field(default=False, kw_only=True)
    part: Part = attrs.field(init=False)
    _actor_type: type[A] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Make the class of what is to be in the actor's place.

        Raises:
            TypeError: It is no class of actors.
        """
        if Actor not in getattr(self.stands_for, "__mro__", ()):
            raise TypeError(f"a double stands for a class of actors, and not for {self.stands_for!r}")
        self.part = Part(commands_of(self.stands_for), self.strict)
        self._actor_type = make_stand_in(self.stands_for, self.part, periodic=self.periodic)

    # --- what it is to do ---

    def when(self, what: Message[R] | Command[..., R]) -> Rule[R]:
        """Say how a message is answered, or a command with any arguments, as often as it comes.

        What is said later comes first, so that a test can say otherwise than what it builds on.

        Raises:
            UnknownCommandError: It is no command of the class.
        """
        return self._rule(what, None)

    def expect(self, what: Message[R] | Command[..., R], *, times: int = 1) -> Rule[R]:
        """Say how a message is answered that has to come, so many times and no more.

        It comes before all that is said with `when`; of several, that which was said first.  What has
        come as often as it had to is a violation from then on, unless a `when` is about it; what is
        expected 0 times always is.

        Raises:
            UnknownCommandError: It is no command of the class.
            ValueError: It is to come less than 0 times.
        """
        return self._rule(what, times)

    @property
    def starting(self) -> Rule[None]:
        """How it gets ready in each life: ``starting.raises(DeviceAbsent("off")).reply(None)``."""
        return self.part.starting

    @property
    def making_safe(self) -> Rule[None]:
        """How it gets into its safe state, if the class declares one."""
        return self.part.making_safe

    def fail(self, error: Exception) -> None:
        """End its present life with an error, as a pulled cable does: ``fail(LinkLost("unplugged"))``.

        Raises:
            TypeError: It is no error, or a `CommandError`, which ends no life.
            RuntimeError: It has no life at present; for those that are to come there is `starting`.
        """
        self.part.fail(error)

    # --- what it has done ---

    @property
    def received(self) -> Sequence[Received]:
        """What has come, in the order in which its turn came, with sender, deadline and outcome."""
        return self.part.received

    @property
    def messages(self) -> Sequence[Message[Any]]:
        """The messages of these: ``assert heater.messages == [LinkamT95.ramp(40.0)]``."""
        return [each.message for each in self.part.received]

    def verify(self) -> None:
        """See that all was as the script says.

        Raises:
            Violated: Something came that was not expected, or something expected did not come.
        """
        whose = self.name or self.stands_for.__name__
        found = [*self.part.violations, *(f"{whose}: {each}" for each in self.part.unmet())]
        if found:
            raise Violated(shortened(found))

    # --- its place ---

    @property
    def name(self) -> str:
        """The name of the actor whose place it has; empty as long as it has none."""
        return self.part.name

    def spec(self, name: str, policy: Policy = Policy()) -> ChildSpec:  # noqa: B008 - a frozen value
        """Return the spec of a child that it stands in for.

        Raises:
            ValueError: It stands in for another one already.
        """
        kind = self.stands_for
        return self.instead_of(ChildSpec(name=name, factory=kind, actor_type=kind, policy=policy))

    def instead_of(self, spec: ChildSpec) -> ChildSpec:
        """Return the spec of a child, with this in its place.

        Raises:
            TypeError: The child is of another class.
            ValueError: It stands in for another one already.
        """
        actor_type = self.take_place(spec.name, spec.actor_type)
        return attrs.evolve(spec, factory=actor_type, actor_type=actor_type)

    def take_place(self, name: str, actor_type: type[Actor]) -> type[A]:
        """Take the place of an actor, and return the class of what is there from now on.

        Raises:
            TypeError: The actor is of another class.
            ValueError: It stands in for another one already.
        """
        mine = self.stands_for.__name__
        if not issubclass(self.stands_for, actor_type):
            raise TypeError(f"{name} is a {actor_type.__name__}, and the double stands for a {mine}")
        if self.name not in {"", name}:
            raise ValueError(f"the double has the place of {self.name}; make another one for {name}")
        self.part.name = name
        return self._actor_type

    def _rule(self, what: Message[Any] | Command[..., Any], times: int | None) -> Rule[Any]:
        command = what.command if isinstance(what, Message) else what
        if command not in accepted_commands(self.stands_for):
            known = ", ".join(sorted(self.part.commands)) or "none"
            raise UnknownCommandError(
                f"{what!r} is not a command of {self.stands_for.__name__}; its commands: {known}"
            )
        rule = Rule.of(what, times)
        self.part.rules.append(rule)
        return rule

    def __repr__(self) -> str:
        """Return whom it stands in for."""
        return f"<double of {self.name or 'nobody yet'}: {self.stands_for.__name__}>"
