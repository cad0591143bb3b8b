"""Simulated devices on ptys, in a process of their own: ``_device.py PORTS SECONDS``.

Prints the paths of the ports, then answers each line with the moment at which it
came, in nanoseconds on the clock of `time.perf_counter_ns`, which all processes
share, after so many seconds.  A line that begins with ``HOLD`` is not answered.
Ends when its standard input does.
"""

from __future__ import annotations

import heapq
import os
import select
import sys
import time
import tty
from collections.abc import Iterator

ANSWER = 20
"""Bytes of an answer."""


def open_ports(count: int) -> Iterator[tuple[int, str]]:
    """Open so many ptys, and yield the device's end and the path of the other of each."""
    for _ in range(count):
        master, slave = os.openpty()
        tty.setraw(slave)
        # The slave stays open, so that the device's end does not break off when nobody else has it.
        yield master, os.ttyname(slave)


def serve(ports: list[int], delay: float) -> None:
    """Answer until standard input ends."""
    unfinished = dict.fromkeys(ports, b"")
    due: list[tuple[float, int, bytes]] = []
    poll = select.poll()
    for fd in (sys.stdin.fileno(), *ports):
        poll.register(fd, select.POLLIN)
    while True:
        wait = None if not due else max(0.0, due[0][0] - time.perf_counter()) * 1000
        for fd, _ in poll.poll(wait):
            now = time.perf_counter_ns()
            if fd == sys.stdin.fileno():
                return
            *lines, unfinished[fd] = (unfinished[fd] + os.read(fd, 65536)).split(b"\n")
            for line in lines:
                if not line.startswith(b"HOLD"):
                    heapq.heappush(due, (now * 1e-9 + delay, fd, b"%0*d\n" % (ANSWER - 1, now)))
        while due and due[0][0] <= time.perf_counter():
            _, fd, answer = heapq.heappop(due)
            os.write(fd, answer)


if __name__ == "__main__":
    opened = list(open_ports(int(sys.argv[1])))
    sys.stdout.write(" ".join(path for _, path in opened) + "\n")
    sys.stdout.flush()
    serve([master for master, _ in opened], float(sys.argv[2]))
