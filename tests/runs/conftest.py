"""What the tests of runs share: a bench with one instrument, which a double stands in for."""

from __future__ import annotations

import operator
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
import trio

from labtroupe import Bench
from labtroupe.testing import Double, FakeBench, MakeDouble

from ._beds import Patient, PatientBench


@pytest.fixture
def patient(make_double: MakeDouble) -> Double[Patient]:
    """What can add, and takes a command for as long as that is not cut off."""
    double = make_double(Patient)
    double.when(Patient.add).calls(operator.add)
    double.when(Patient.dwell()).hang()
    return double


@pytest.fixture
def patient_bench(fake_bench: FakeBench, patient: Double[Patient]) -> PatientBench:
    """Run a bench with it, for not longer than a test may take; what is given is said of it in its file."""

    @asynccontextmanager
    async def patient_bench(more: str = "") -> AsyncGenerator[Bench]:
        text = f'[instruments.patient]\nkind = "{Patient.__module__}:Patient"\naddress = "sim:scpi"\n{more}'
        with trio.fail_after(20):
            async with fake_bench(text, {"patient": patient}) as bench:
                yield bench

    return patient_bench
