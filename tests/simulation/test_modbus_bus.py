from __future__ import annotations

import pytest

from labtroupe.errors import CommandRefused
from labtroupe.protocol import modbus
from labtroupe.simulation import ModbusBus, make_device


def ask(bus: ModbusBus, request: bytes) -> bytes:
    """Return what is answered to a request, without its framing."""
    (answer,) = bus.receive(modbus.Rtu().encode(request), 0.0)
    decoder = modbus.Rtu().decoder()
    decoder.feed(answer)
    frame = decoder.next_frame()
    assert frame is not None
    assert modbus.answers(request)(frame)
    return frame


def test_each_device_has_registers_of_its_own() -> None:
    bus = ModbusBus()
    modbus.raise_refusal(ask(bus, modbus.write_register(2, 3, 77)))

    assert modbus.registers(ask(bus, modbus.read_holding_registers(2, 2, 2))) == [0, 77]
    assert modbus.registers(ask(bus, modbus.read_holding_registers(3, 2, 2))) == [0, 0]
    assert modbus.registers(ask(bus, modbus.read_input_registers(3, 14, 2))) == [314, 315]


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (modbus.read_holding_registers(1, 15, 2), "illegal address"),
        (modbus.write_register(1, 16, 0), "illegal address"),
        (modbus.write_coil(1, 0, on=True), "illegal function"),
    ],
)
def test_what_it_cannot_do_it_refuses(request_: bytes, says: str) -> None:
    answer = ask(ModbusBus(), request_)

    with pytest.raises(CommandRefused, match=says):
        (modbus.registers if request_[1] == 3 else modbus.raise_refusal)(answer)


def test_one_that_is_silent_or_not_there_says_nothing_and_the_others_go_on() -> None:
    bus = make_device("modbus-rtu-bus", units="1,2", silent="2")
    assert isinstance(bus, ModbusBus)
    for unit in (2, 3):
        assert list(bus.receive(modbus.Rtu().encode(modbus.read_holding_registers(unit, 0)), 0.0)) == []

    assert ask(bus, modbus.read_holding_registers(1, 0))


def test_a_request_may_come_in_pieces_and_half_a_one_is_forgotten() -> None:
    bus, frame = ModbusBus(), modbus.Rtu().encode(modbus.read_holding_registers(1, 0))

    assert [list(bus.receive(bytes([byte]), at / 1000)) for at, byte in enumerate(frame)][:-1] == [[]] * 7
    assert list(bus.receive(frame[:5], 1.0)) == []
    assert len(bus.receive(frame, 2.0)) == 1
    assert list(bus.receive(b"\xff" * 8, 2.1)) == []
    assert len(bus.receive(frame, 2.2)) == 1
