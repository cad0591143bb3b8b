"""The client of a running bench: what the command line talks through; needs no trio."""

from __future__ import annotations

from labtroupe.client._client import Client
from labtroupe.client._exact import from_exact, to_plain
from labtroupe.client._operator import GRACE, Operator
from labtroupe.client._records import EventRecord
from labtroupe.client._sockets import (
    benches_by_process,
    find_bench,
    find_only_bench,
    make_socket_path,
    running_benches,
)

__all__ = [
    "GRACE",
    "Client",
    "EventRecord",
    "Operator",
    "benches_by_process",
    "find_bench",
    "find_only_bench",
    "from_exact",
    "make_socket_path",
    "running_benches",
    "to_plain",
]
