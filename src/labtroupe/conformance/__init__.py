"""Trying a driver: a menu of what goes wrong with devices, and the card that says what holds."""

from __future__ import annotations

from labtroupe.conformance._card import Card, Result, Verdict
from labtroupe.conformance._check import Check
from labtroupe.conformance._menu import CHECKS
from labtroupe.conformance._run import run_card
from labtroupe.conformance._subject import Subject, make_subject, parse_message

__all__ = [
    "CHECKS",
    "Card",
    "Check",
    "Result",
    "Subject",
    "Verdict",
    "make_subject",
    "parse_message",
    "run_card",
]
