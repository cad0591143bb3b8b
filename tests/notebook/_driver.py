"""Runs the steps of a notebook in a real kernel; a process of its own, for zmq leaves much behind.

Reads from standard input a JSON list of steps, each the source of a cell, the same with the seconds
after which the kernel is interrupted, or ``null`` to restart the kernel; writes what each printed.
"""

from __future__ import annotations

import json
import sys

from nbclient import NotebookClient
from nbclient.util import run_sync
from nbformat import NotebookNode, v4

PATIENCE = 60


def shown(cell: NotebookNode) -> dict[str, str]:
    """Return what a cell shows: its text, its HTML, and the name of its error."""
    found = {"text": "", "html": "", "error": ""}
    for output in cell.outputs:
        data = output.get("data", {})
        found["text"] += output.get("text", "") + data.get("text/plain", "")
        found["html"] += data.get("text/html", "")
        found["error"] += output.get("ename", "")
    return found


def main() -> None:
    """Run the steps."""
    steps: list[str | list[str | int] | None]
    ending, *steps = json.load(sys.stdin)
    notebook = v4.new_notebook()  # type: ignore[no-untyped-call]
    client = NotebookClient(
        notebook, kernel_name="python3", allow_errors=True, interrupt_on_timeout=True, shutdown_kernel=ending
    )
    results: list[object] = []
    with client.setup_kernel():
        for step in steps:
            if step is None:
                restart(client)
                continue
            source, client.timeout = step if isinstance(step, list) else (step, PATIENCE)  # type: ignore[assignment]
            notebook.cells.append(v4.new_code_cell(source))  # type: ignore[no-untyped-call]
            results.append(shown(client.execute_cell(notebook.cells[-1], len(notebook.cells) - 1)))
    json.dump(results, sys.stdout)


def restart(client: NotebookClient) -> None:
    """Restart the kernel, as the button does."""
    run_sync(client.km.restart_kernel)()  # type: ignore[union-attr, arg-type]
    run_sync(client.kc.wait_for_ready)(timeout=PATIENCE)  # type: ignore[union-attr]


main()
