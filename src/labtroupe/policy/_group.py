"""Whose fate a child shares."""

from __future__ import annotations

import enum

import attrs

from labtroupe.policy._limit import RestartLimit


class Strategy(enum.StrEnum):
    """Who is restarted with a child that has failed."""

    ONE_FOR_ONE = "one_for_one"
    """Nobody, save those that depend on it."""
    ONE_FOR_ALL = "one_for_all"
    """All of its group."""
    REST_FOR_ONE = "rest_for_one"
    """Those of its group that come after it."""


class AutoShutdown(enum.StrEnum):
    """Whether a supervisor ends with its significant children, when no other life of theirs follows."""

    NEVER = "never"
    ANY = "any"
    """With the first of them."""
    ALL = "all"
    """With the last of them."""


@attrs.frozen
class Group:
    """How the members of a group share their fate.

    Where one restart is everybody's, the members start one after the other in
    their order and stop in reverse, and ``limit`` counts the restarts of all of
    them together.  In ``one_for_one`` each member has the limit of its own policy.
    """

    strategy: Strategy = Strategy.ONE_FOR_ONE
    limit: RestartLimit = RestartLimit()
