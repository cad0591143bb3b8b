"""The tests of USB, each in a process whose ``/sys`` and ``/dev/bus/usb`` are umockdev's."""

from __future__ import annotations

import ctypes.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
MISSING = [
    *["umockdev-wrapper"] * (shutil.which("umockdev-wrapper") is None),
    *["libusb-1.0"] * (ctypes.util.find_library("usb-1.0") is None),
]


@pytest.mark.apt
@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.skipif(bool(MISSING), reason=f"needs {MISSING}; apt install umockdev libusb-1.0-0")
@pytest.mark.parametrize(
    "tests",
    [
        "test_contract.py",
        "test_faults_over_cables.py",
        "test_usb_devices.py",
        "test_usb_bench.py",
        "test_usb_never_wrong.py",
        "test_endurance.py::test_thousands_of_cycles_of_opening_and_failing_grow_nothing",
    ],
)
def test_usb_under_umockdev(tests: str) -> None:
    """L1-L9: what every transport keeps to, and what only USB has."""
    options = ["-q", "-m", "", "-p", "no:cacheprovider"]
    command = ["umockdev-wrapper", sys.executable, "-m", "pytest", *options, f"{HERE}/{tests}"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=110)  # noqa: S603 - ours

    assert result.returncode == 0, result.stdout + result.stderr
