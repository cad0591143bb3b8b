"""The tests of USB, each in a process whose ``/sys`` and ``/dev/bus/usb`` are umockdev's."""

from __future__ import annotations

import ctypes.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
MISSING = [name for name in ("umockdev-preload", "usb-1.0") if not ctypes.util.find_library(name)]


@pytest.mark.apt
@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.skipif(bool(MISSING), reason=f"needs libraries: {MISSING}; apt install umockdev libusb-1.0-0")
@pytest.mark.parametrize(
    "tests",
    [
        "test_contract.py",
        "test_usb_devices.py",
        "test_usb_bench.py",
        "test_usb_never_wrong.py",
        "test_endurance.py::test_thousands_of_cycles_of_opening_and_failing_grow_nothing",
    ],
)
def test_usb_under_umockdev(tests: str, tmp_path: Path) -> None:
    """L1-L9: what every transport keeps to, and what only USB has."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "", "-p", "no:cacheprovider", f"{HERE}/{tests}"]
    environment = {"LD_PRELOAD": "libumockdev-preload.so.0", "UMOCKDEV_DIR": str(tmp_path)}
    result = subprocess.run(  # noqa: S603 - ours
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=110
    )

    assert result.returncode == 0, result.stdout + result.stderr
