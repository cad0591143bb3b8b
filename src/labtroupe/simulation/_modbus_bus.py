"""Several Modbus devices on one serial line.

After "Modbus Application Protocol Specification" V1.1b3, as far as registers go, over RTU.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

import attrs

from labtroupe.protocol import crc16_modbus
from labtroupe.simulation._bus import SimulatedBus

_READ_HOLDING, _READ_INPUT, _WRITE = 3, 4, 6
# All take it in, and none answers.
_EVERYBODY: Final = 0
_EXCEPTION: Final = 0x80
_NO_FUNCTION, _NO_ADDRESS, _NO_VALUE = 1, 2, 3
_MOST_READ: Final = 125
# Unit, function, address, and a count or a value; then the checksum.
_HEAD: Final = struct.Struct(">BBHH")
_LENGTH: Final = _HEAD.size + 2
_REGISTERS: Final = 16
# Seconds after which half a frame does not go on.
_GAP: Final = 0.05


@attrs.define(eq=False)
class ModbusBus(SimulatedBus):
    """Some devices with 16 registers of either kind, each with an address of its own.

    What can be written begins with 0, and survives a power cycle; what is measured is always a
    hundred times the address of the device, and the register's.
    """

    _holding: dict[int, list[int]] = attrs.field(init=False)
    _unfinished: bytes = attrs.field(default=b"", init=False)

    def __attrs_post_init__(self) -> None:
        """Set all registers to 0."""
        self._holding = {unit: [0] * _REGISTERS for unit in self.units}
        super().__attrs_post_init__()

    def elapse(self, seconds: float) -> None:
        """Forget half a frame that did not go on."""
        if seconds > _GAP:
            self._unfinished = b""

    def hear(self, data: bytes) -> Sequence[bytes]:
        """Have the device that is meant answer; what is no request is heard by nobody."""
        self._unfinished += data
        answers: list[bytes] = []
        while len(self._unfinished) >= _LENGTH:
            request, crc = self._unfinished[: _HEAD.size], self._unfinished[_HEAD.size : _LENGTH]
            if crc != crc16_modbus(request):
                self._unfinished = b""
                break
            self._unfinished = self._unfinished[_LENGTH:]
            if request[0] == _EVERYBODY:
                for unit in self.listening:
                    self._answer(bytes([unit]) + request[1:])
            elif request[0] in self.listening:
                answer = self._answer(request)
                answers.append(answer + crc16_modbus(answer))
        return answers

    def speaker(self, answer: bytes) -> int:
        """Return the address that an answer begins with."""
        return answer[0]

    def _answer(self, request: bytes) -> bytes:
        unit, function, address, number = _HEAD.unpack(request)
        holding = self._holding[unit]
        last = address if function == _WRITE else address + number - 1
        if function not in {_READ_HOLDING, _READ_INPUT, _WRITE}:
            return bytes([unit, function | _EXCEPTION, _NO_FUNCTION])
        if function != _WRITE and not 1 <= number <= _MOST_READ:
            return bytes([unit, function | _EXCEPTION, _NO_VALUE])
        if last >= _REGISTERS:
            return bytes([unit, function | _EXCEPTION, _NO_ADDRESS])
        if function == _WRITE:
            holding[address] = number
            return request
        measured = [100 * unit + register for register in range(_REGISTERS)]
        values = (holding if function == _READ_HOLDING else measured)[address : last + 1]
        return struct.pack(f">BBB{number}H", unit, function, 2 * number, *values)
