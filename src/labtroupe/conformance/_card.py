"""The card of a driver: what was tried, and what holds."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence

import attrs


class Verdict(enum.StrEnum):
    """What a check has found."""

    HOLDS = "holds"
    """The driver keeps the promise."""
    FAILS = "fails"
    """It does not."""
    NOT_DECLARED = "not declared"
    """The promise needs something that the class does not declare."""
    NOT_TRIED = "not tried"
    """An earlier check has shown that there is no point."""


@attrs.frozen
class Result:
    """What one check has found.

    Attributes:
        check: Its name.
        promise: What it looks for, in one sentence.
        verdict: Whether that holds.
        note: What was seen.
        fix: What to do about it; empty where there is nothing to do.
    """

    check: str
    promise: str
    verdict: Verdict
    note: str = ""
    fix: str = ""


@attrs.frozen
class Card:
    """What holds of one driver.

    Attributes:
        driver: Its name.
        device: What it was tried with.
        probe: The command that was asked.
        results: In the order of the menu.
    """

    driver: str
    device: str
    probe: str
    results: tuple[Result, ...]

    @property
    def failed(self) -> Sequence[Result]:
        """The promises that the driver does not keep, or that could not be tried."""
        return [each for each in self.results if each.verdict in {Verdict.FAILS, Verdict.NOT_TRIED}]

    @property
    def summary(self) -> str:
        """How many of the promises hold, in one line."""
        return ", ".join(
            f"{count} {verdict}"
            for verdict in Verdict
            if (count := sum(each.verdict is verdict for each in self.results)) or verdict is Verdict.HOLDS
        )

    def as_markdown(self) -> str:
        """Return a page to be kept beside the driver; the same for the same driver."""
        return "\n".join([*self._head(), *map(_row, self.results), *self._fixes(), ""])

    def as_text(self) -> str:
        """Return what is wrong, in lines for a terminal."""
        lines = [f"{self.driver}, asked {self.probe}, with {self.device}: {self.summary}"]
        for each in self.results:
            if each.verdict is Verdict.FAILS:
                lines += [
                    f"  {each.check}: {each.promise}",
                    f"    It does not: {each.note}",
                    f"    {each.fix}",
                ]
        return "\n".join(lines)

    def _head(self) -> Iterator[str]:
        yield f"# Conformance card of {self.driver}"
        yield ""
        yield f"Asked `{self.probe}` of `{self.device}`: {self.summary}."
        yield ""
        yield "| Check | Promise | Verdict | Seen |"
        yield "| --- | --- | --- | --- |"

    def _fixes(self) -> Iterator[str]:
        for each in self.results:
            if each.fix:
                yield f"\n**{each.check}**: {each.fix}"


def _row(result: Result) -> str:
    return f"| {result.check} | {result.promise} | {result.verdict} | {result.note.replace('|', '/')} |"
