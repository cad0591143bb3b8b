"""``labtroupe ports``: what is plugged in, who it is, and who holds it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import attrs
import click

from labtroupe.cli._options import Output, output_option
from labtroupe.cli._output import print_json, print_json_lines
from labtroupe.client import benches_by_process
from labtroupe.ports import Holder, Identity, Port, holders_of_each, serial_ports, usb_devices

_HEADS = ("port", "address", "bench", "holder", "description")


@attrs.frozen
class _Row:
    """A port, as it is printed."""

    kind: Literal["serial", "usb"]
    path: str
    address: str
    description: str
    identity: Identity
    holders: Sequence[Holder]
    bench: str


@click.command()
@output_option
def ports(output: Output) -> None:
    """Show every serial port and USB device, who it is, and which processes hold it; touches none."""
    rows = _find()
    match output:
        case Output.JSON:
            print_json(rows)
        case Output.JSONL:
            print_json_lines(rows)
        case Output.TABLE:
            _print_table(rows)


def _find() -> Sequence[_Row]:
    serial, usb = serial_ports(), usb_devices()
    holders = holders_of_each(port.path for port in (*serial, *usb))
    benches = benches_by_process()

    def row(kind: Literal["serial", "usb"], port: Port, address: str) -> _Row:
        held = holders[port.path]
        bench = next((benches[holder.pid] for holder in held if holder.pid in benches), "")
        return _Row(kind, port.path, address, port.description, port.identity, held, bench)

    return [
        *(row("serial", port, _serial_address(port)) for port in serial),
        *(row("usb", port, _usb_address(port)) for port in usb),
    ]


def _serial_address(port: Port) -> str:
    names = ("vid", "pid", "serial_number" if _is_unique(port.identity) else "location", "interface")
    known = {name: getattr(port.identity, name) for name in names}
    query = "&".join(f"{name}={value}" for name, value in known.items() if value)
    return f"serial:?{query}" if query else f"serial:{port.path}"


def _usb_address(port: Port) -> str:
    who = port.identity
    rest = f"/{who.serial_number}" if _is_unique(who) else f"?location={who.location}"
    return f"usb://{who.vid}:{who.pid}{rest}"


def _is_unique(identity: Identity) -> bool:
    """Return whether there is a serial number, and one that can be written in an address."""
    number = identity.serial_number
    return bool(number) and number.isprintable() and not set(number) & set("&?")


def _print_table(rows: Sequence[_Row]) -> None:
    from labtroupe.cli._table import print_table  # noqa: PLC0415 - rich, which JSON does without

    if not rows:
        print("no serial ports and no USB devices")
        return
    print_table(
        _HEADS,
        (
            (row.path, row.address, row.bench, " and ".join(map(str, row.holders)), row.description)
            for row in rows
        ),
    )
