"""Writes the generated parts of the pages: ``python docs/generate.py``; with ``--cards``, those of the kinds.

Such a part stands between two comments that name it.  It is made from the code,
from rules.toml, and from the docstrings of the tests.  With ``--check`` nothing
is written; it prints which pages are out of date, and exits with 1 if any is.
The cards take some seconds, and so are written only when asked for; the tests that
try the kinds compare them.
"""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from labtroupe.lifecycle import MOVES, State

DOCS: Final = Path(__file__).parent
TESTS: Final = DOCS.parent / "tests"

_PART: Final = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end of what is generated -->)", re.DOTALL)
_RULES: Final = re.compile(r"\b([RLSP])(\d{1,2})(?:-\1(\d{1,2}))?\b")


def pages() -> Iterator[tuple[Path, str]]:
    """Yield each page with generated parts, and what it should be."""
    for path in sorted(DOCS.rglob("*.md")):
        text = path.read_text()
        if _PART.search(text):
            yield path, _PART.sub(lambda part: f"{part[1]}\n{PARTS[part[2]]()}\n\n{part[3]}", text)


def states() -> str:
    """Return the table of states: what each means, and what may follow."""
    rows = [
        f"| `{state}` | {meaning} | {', '.join(f'`{each}`' for each in State if each in MOVES[state])} |"
        for state, meaning in meanings().items()
    ]
    return "\n".join(["| State | Means | May become |", "| --- | --- | --- |", *rows])


def meanings() -> Mapping[State, str]:
    """Return the docstring below each state."""
    module = ast.parse(inspect.getsource(State))
    texts = [
        str(node.value.value)
        for node in ast.walk(module)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    ]
    # The first is that of the class.
    return dict(zip(State, texts[1:], strict=True))


def diagram() -> str:
    """Return the moves between states as a diagram; to be halted comes over all others, and is drawn so."""
    others = [each for each in State if each is not State.HALTED]
    if not all(State.HALTED in MOVES[each] and each in MOVES[State.HALTED] for each in others):
        sys.exit("halted does not come over all other states any more: draw it otherwise")
    moves = [f"        {a} --> {b}" for a in others for b in others if b in MOVES[a]]
    begin = ["```mermaid", "stateDiagram-v2", '    state "not halted" as others {']
    end = ["    }", "    others --> halted", "    halted --> others", "```"]
    return "\n".join([*begin, *moves, *end])


def rules(family: str) -> str:
    """Return the table of the rules of one family."""
    found = tests_by_rule()
    rows = list[str]()
    for rule, text in families()[family].items():
        if family == "wire" and not found[rule]:
            continue  # Still to be built.
        number = len(found[rule])
        named = f"[{number}](#{rule.lower()})" if number else "no test yet"
        rows.append(f"| {rule} | {text} | {named} |")
    return "\n".join(["| Rule | Says | Tests |", "| --- | --- | --- |", *rows])


def tests() -> str:
    """Return the tests of each rule, in the words of their names."""
    parts = list[str]()
    for rule, names in tests_by_rule().items():
        if names:
            links = [f"- [{name}](../../tests/{path})" for path, name in names]
            parts.append("\n".join([f"### {rule}", "", *links]))
    return "\n\n".join(parts)


@cache
def tests_by_rule() -> Mapping[str, list[tuple[str, str]]]:
    """Return the tests that name each rule in their docstrings, as paths and names."""
    known = [rule for family in families().values() for rule in family]
    found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                for rule in rules_in(ast.get_docstring(node) or ""):
                    name = node.name.removeprefix("test_").replace("_", " ")
                    found[rule].append((path.relative_to(TESTS).as_posix(), name))
    if unknown := found.keys() - known:
        sys.exit(f"{', '.join(sorted(unknown))}: a test names it, and rules.toml does not")
    return {rule: found[rule] for rule in known}


def rules_in(docstring: str) -> list[str]:
    """Return the rules that a docstring names, such as ``R1, P5-P7``."""
    spans = [(letter, int(a), int(b or a)) for letter, a, b in _RULES.findall(docstring)]
    return list(dict.fromkeys(f"{letter}{i}" for letter, a, b in spans for i in range(a, b + 1)))


def families() -> Mapping[str, Mapping[str, str]]:
    """Return the sentence of each rule, by family."""
    return tomllib.loads((DOCS / "rules.toml").read_text())


PARTS: Final[Mapping[str, Callable[[], str]]] = {
    "states": states,
    "diagram": diagram,
    "requests": lambda: rules("requests"),
    "wire": lambda: rules("wire"),
    "supervision": lambda: rules("supervision"),
    "properties": lambda: rules("properties"),
    "tests": tests,
}


CARDS: Final[Mapping[str, Sequence[str]]] = {
    "dc-power-supply": [],
    "linkam-t95": [],
    "modbus": ["unit=3"],
    "modbus-rtu-bus": ["--probe", "look_for 1"],
    "scpi": [],
}
"""The kinds that come with labtroupe, and how each is tried."""


def write_cards() -> None:
    """Try each kind, and write its card."""
    for kind, words in CARDS.items():
        card = DOCS / "reference" / "cards" / f"{kind}.md"
        command = [sys.executable, "-m", "labtroupe", "test", kind, *words, "--card", str(card)]
        subprocess.run(command, check=True)  # noqa: S603 - our own


def main() -> None:
    """Write the pages, or say which are out of date."""
    if "--cards" in sys.argv:
        write_cards()
    outdated = [(path, text) for path, text in pages() if path.read_text() != text]
    for path, text in outdated:
        if "--check" in sys.argv:
            print(f"{path.relative_to(DOCS.parent)} is out of date; run: python docs/generate.py")
        else:
            path.write_text(text)
    sys.exit(bool(outdated) and "--check" in sys.argv)


if __name__ == "__main__":
    main()
