"""The same on Erlang/OTP, where it is installed: each measurement is a node of its own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from ._harness import Contender, Missing

_SCRIPT = Path(__file__).with_name("otp.escript")


def otp(work: str) -> Contender:
    """Return the contender that does a piece of work with `gen_server` and `supervisor`."""

    def measure(count: int) -> float:
        escript = shutil.which("escript")
        if escript is None:
            raise Missing("there is no Erlang/OTP on the PATH; Debian's package is erlang-base")
        command = [escript, str(_SCRIPT), work, str(count)]
        return float(subprocess.run(command, capture_output=True, check=True, timeout=120).stdout)  # noqa: S603 - ours

    return Contender("OTP", measure)
