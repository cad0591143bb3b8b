"""The generated parts of the pages are what docs/generate.py makes now."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_generated_pages_are_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "docs/generate.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own

    assert (result.stdout, result.stderr) == ("", "")
    assert result.returncode == 0


def test_the_index_leads_to_every_page() -> None:
    """A page that nobody can find is not read."""
    docs = ROOT / "docs"
    index = (docs / "README.md").read_text()
    kinds = ("tutorial", "how-to", "explanation", "reference")
    pages = [
        page.relative_to(docs).as_posix() for kind in kinds for page in sorted((docs / kind).glob("*.md"))
    ]

    assert [page for page in pages if f"]({page})" not in index] == []
