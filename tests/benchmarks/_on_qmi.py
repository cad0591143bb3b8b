"""The same with QMI, in a process of its own: it brings threads, a log and numpy with it."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

from ._harness import Missing

# Without the UDP responder that a context opens on all interfaces: a benchmark
# is not to be found in the network.
_SCRIPT = """
import sys, time
import qmi
from qmi.core.context import QMI_Context
from qmi.core.messaging import MessageRouter
from qmi.core.rpc import QMI_RpcObject, rpc_method

class Counter(QMI_RpcObject):
    @rpc_method
    def look(self) -> int:
        return 0

MessageRouter.start_udp_responder = lambda self, port: None
qmi.start("benchmark", None, init_logging=False)
counter = qmi.make_rpc_object("counter", Counter)
count = int(sys.argv[1])
for _ in range(count // 10):
    counter.look()
began = time.process_time()
for _ in range(count):
    counter.look()
print((time.process_time() - began) / count)
qmi.stop()
"""


def ask_qmi(count: int) -> float:
    """One caller."""
    if find_spec("qmi") is None:
        raise Missing("QMI is not installed; `pip install -e '.[benchmarks]'` does it")
    command = [sys.executable, "-c", _SCRIPT, str(count)]
    return float(subprocess.run(command, capture_output=True, check=True, timeout=120).stdout)  # noqa: S603 - ours
