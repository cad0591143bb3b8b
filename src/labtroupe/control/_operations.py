"""What can be asked of the control service, by name: the same over the socket and in the process."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from labtroupe.control._service import Service


def operations_of(service: Service) -> Mapping[str, Callable[..., object]]:
    """Return the operations of a service that have one result; some are to be awaited."""
    return {
        "status": service.status,
        "describe": service.describe,
        "call": service.call,
        # To ask is to call; over the socket, its answer is one for a program.
        "ask": service.call,
        "connections": service.connecting.report,
        "connect": service.connecting.connect,
        "ensure_connected": service.connecting.ensure_connected,
        "start": service.start,
        "stop": service.stop,
        "restart": service.restart,
        "suspend": service.suspend,
        "resume": service.resume,
        "clear": service.clear,
        "halt": service.halt,
        "reset": service.reset,
        "inject": service.inject,
    }
