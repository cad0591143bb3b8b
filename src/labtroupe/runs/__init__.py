"""Procedures: plain, blocking functions that run in threads, use a bench, and leave a log."""

from __future__ import annotations

from labtroupe.runs._cancellation import RunCancelled
from labtroupe.runs._conduct import GRACE, run_procedure
from labtroupe.runs._log import RecordedRun, read_run
from labtroupe.runs._records import Begin, CommandRecord, End, How, Record, Report
from labtroupe.runs._run import Run

__all__ = [
    "GRACE",
    "Begin",
    "CommandRecord",
    "End",
    "How",
    "Record",
    "RecordedRun",
    "Report",
    "Run",
    "RunCancelled",
    "read_run",
    "run_procedure",
]
