"""Modbus over a serial line (RTU) and over TCP: framings, requests, and what answers say.

After "Modbus Application Protocol Specification" V1.1b3, "Modbus over Serial Line" V1.02 and
"Modbus Messaging on TCP/IP" V1.0b.  A request or an answer, without its framing, is the address of
the unit and the protocol data unit, the same over both.  Needs the extra ``labtroupe[modbus]``;
without it, to import this raises a `ConfigError`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Final

import attrs

from labtroupe.errors import ArgumentError, CommandRefused, ConfigError, Outcome, ProtocolError
from labtroupe.protocol._checksums import crc16_modbus
from labtroupe.protocol._cutting import Cut, CuttingDecoder, garbage
from labtroupe.protocol._length_prefixed import LengthPrefixed

try:
    from pymodbus.constants import ExcCodes
    from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU, bit_message, register_message
except ImportError as missing:
    raise ConfigError("Modbus needs what is not installed: pip install 'labtroupe[modbus]'") from missing

# Function codes whose answers say how many bytes follow, and those whose answers repeat the address
# and four bytes of the request.
_READS_BITS: Final = (1, 2)
_READS_REGISTERS: Final = (3, 4)
_READS: Final = _READS_BITS + _READS_REGISTERS
_WRITES: Final = (5, 6, 15, 16)
_EXCEPTION: Final = 0x80

# Bytes of the unit's address and the function code, and of the checksum.
_UNIT_AND_FUNCTION: Final = 2
_CRC: Final = 2
# Application protocol, 4.1: a PDU of 253 bytes at most; the unit's address is one more.
_MAX_LENGTH: Final = 254
# Application protocol, 6.11 and 6.12.
_MAX_COILS_WRITTEN: Final = 1968
_MAX_REGISTERS_WRITTEN: Final = 123

# Exceptions after which the device may have acted: it failed on the way, is still at work, or is
# behind a gateway that has not heard from it.
_MAY_HAVE_ACTED: Final = (ExcCodes.DEVICE_FAILURE, ExcCodes.ACKNOWLEDGE, ExcCodes.GATEWAY_NO_RESPONSE)


@attrs.frozen
class Rtu:
    """Modbus on a serial line.

    Its frames end with a pause, which no program can see reliably.  So the end of an answer is told
    by its function code and byte count, for the functions that this module has requests for.
    Nothing tells where a frame begins: after garbage, clear the decoder once the line is quiet.
    """

    def encode(self, request: bytes) -> bytes:
        """Return ``request`` with its checksum.

        Raises:
            ArgumentError: It is too short or too long; so is an empty one, as nothing ends half a frame.
        """
        _check_length(request)
        return request + crc16_modbus(request)

    def decoder(self) -> CuttingDecoder:
        """Return a new decoder; it holds less than 260 bytes and what was fed last (L6)."""
        return CuttingDecoder(self.cut)

    def cut(self, held: bytearray) -> Cut | None:
        """Return the answer or the garbage that ``held`` begins with, ``None`` until more comes."""
        if len(held) <= _UNIT_AND_FUNCTION:
            return None
        function = held[1] & ~_EXCEPTION
        if function not in _READS + _WRITES:
            return garbage(held, len(held), f"no Modbus answer, as it has function code {held[1]}")
        if held[1] & _EXCEPTION:
            end = _UNIT_AND_FUNCTION + 1
        elif function in _READS:
            end = _UNIT_AND_FUNCTION + 1 + held[2]
        else:
            end = _UNIT_AND_FUNCTION + 4
        if len(held) < end + _CRC:
            return None
        answer, crc = bytes(held[:end]), bytes(held[end : end + _CRC])
        if crc != crc16_modbus(answer):
            return garbage(held, len(held), "no Modbus answer, as its checksum is wrong")
        return end + _CRC, answer


@attrs.frozen
class Tcp:
    """Modbus over TCP; an answer to an earlier request is known by its number, and dropped."""

    def encode(self, request: bytes) -> bytes:
        """Return ``request`` with the header, in which the decoder will put a number.

        Raises:
            ArgumentError: It is too short or too long; so is an empty one, as nothing ends half a frame.
        """
        _check_length(request)
        return _MBAP.encode(bytes(_MBAP.head) + request)

    def decoder(self) -> TcpDecoder:
        """Return a new decoder for one connection."""
        return TcpDecoder()


# Two bytes of the transaction's number, two of the protocol's, which is 0, and the length.
_MBAP: Final = LengthPrefixed(2, head=4, max_length=_MAX_LENGTH)


@attrs.define(eq=False)
class TcpDecoder:
    """Numbers requests, and drops answers to others than the last; holds less than 260 bytes (L6)."""

    _inner: CuttingDecoder = attrs.field(factory=_MBAP.decoder, init=False)
    # Of the last request; None before the first.
    _number: int | None = attrs.field(default=None, init=False)

    @property
    def pending(self) -> bytes:
        """What was fed and has not been given out as a frame."""
        return self._inner.pending

    def outgoing(self, data: bytes) -> bytes:
        """Return ``data`` with the next number in it."""
        self._number = ((self._number or 0) + 1) & 0xFFFF
        return self._number.to_bytes(2, "big") + data[2:]

    def feed(self, data: bytes) -> None:
        """Take bytes as they arrived, cut anywhere; then ask for frames until there is none."""
        self._inner.feed(data)

    def next_frame(self) -> bytes | None:
        """Return the answer to the last request, or ``None`` until more is fed.

        Raises:
            ProtocolError: What is held is not Modbus.  All of it has been dropped.
        """
        while (frame := self._inner.next_frame()) is not None:
            number, protocol, answer = frame[:2], frame[2:4], frame[4:]
            if protocol != b"\0\0":
                self.clear()
                raise ProtocolError(f"no Modbus answer, as it has protocol number {protocol!r}")
            if self._number is None or self._number == int.from_bytes(number, "big"):
                return answer
        return None

    def clear(self) -> None:
        """Forget all that is held."""
        self._inner.clear()


def read_coils(unit: int, address: int, count: int = 1) -> bytes:
    """Return the request for ``count`` outputs, 1 to 2000 bits, from ``address`` on.

    Raises:
        ArgumentError: There is no such unit, address or count; the same for all requests below.
    """
    return _request(unit, bit_message.ReadCoilsRequest(address=address, count=count))


def read_discrete_inputs(unit: int, address: int, count: int = 1) -> bytes:
    """Return the request for ``count`` inputs, 1 to 2000 bits, from ``address`` on."""
    return _request(unit, bit_message.ReadDiscreteInputsRequest(address=address, count=count))


def read_holding_registers(unit: int, address: int, count: int = 1) -> bytes:
    """Return the request for ``count`` holding registers, 1 to 125, from ``address`` on."""
    return _request(unit, register_message.ReadHoldingRegistersRequest(address=address, count=count))


def read_input_registers(unit: int, address: int, count: int = 1) -> bytes:
    """Return the request for ``count`` input registers, 1 to 125, from ``address`` on."""
    return _request(unit, register_message.ReadInputRegistersRequest(address=address, count=count))


def write_coil(unit: int, address: int, *, on: bool) -> bytes:
    """Return the request to switch one output."""
    return _request(unit, bit_message.WriteSingleCoilRequest(address=address, bits=[on]))


def write_register(unit: int, address: int, value: int) -> bytes:
    """Return the request to write one holding register, 0 to 65535."""
    return _request(unit, register_message.WriteSingleRegisterRequest(address=address, registers=[value]))


def write_coils(unit: int, address: int, values: Sequence[bool]) -> bytes:
    """Return the request to switch 1 to 1968 outputs, from ``address`` on."""
    _check_count(values, _MAX_COILS_WRITTEN)
    return _request(unit, bit_message.WriteMultipleCoilsRequest(address=address, bits=values))


def write_registers(unit: int, address: int, values: Sequence[int]) -> bytes:
    """Return the request to write 1 to 123 holding registers, 0 to 65535, from ``address`` on."""
    _check_count(values, _MAX_REGISTERS_WRITTEN)
    return _request(unit, register_message.WriteMultipleRegistersRequest(address=address, registers=values))


def answers(request: bytes) -> Callable[[bytes], bool]:
    """Return the shape check for the answer to a request of this module.

    It is of the same unit and function, and as long as what was asked for, or repeats what was
    written; or it is an exception.
    """
    unit, function = request[0], request[1]
    exception = bytes([unit, function | _EXCEPTION])
    count = int.from_bytes(request[4:6], "big")
    size = (count + 7) // 8 if function in _READS_BITS else 2 * count
    head = bytes([unit, function, size & 0xFF]) if function in _READS else request[:6]
    length = len(head) + size if function in _READS else len(head)

    def accepts(answer: bytes) -> bool:
        if answer.startswith(exception):
            return len(answer) == len(exception) + 1
        return answer.startswith(head) and len(answer) == length

    return accepts


def registers(answer: bytes) -> list[int]:
    """Return the registers that an answer has, each from 0 to 65535.

    Raises:
        CommandRefused: The device said no.
        ProtocolError: It is no answer with registers.
    """
    return list(_understood(answer, _READS_REGISTERS).registers)


def bits(answer: bytes, count: int) -> list[bool]:
    """Return the first ``count`` bits that an answer has; it always has a multiple of eight.

    Raises:
        CommandRefused: The device said no.
        ProtocolError: It is no answer with so many bits.
    """
    found = list(_understood(answer, _READS_BITS).bits)
    if len(found) < count:
        raise ProtocolError(f"{answer!r} has {len(found)} bits, and {count} were asked for")
    return found[:count]


def raise_refusal(answer: bytes) -> None:
    """Raise an error if the answer to a write is that the device said no.

    Raises:
        CommandRefused: It said no; its ``outcome`` is unknown if it may have acted all the same.
        ProtocolError: It is no answer to a write.
    """
    _understood(answer, _WRITES)


def _request(unit: int, pdu: ModbusPDU) -> bytes:
    try:
        return struct.pack("BB", unit, pdu.function_code) + pdu.encode()
    except (ValueError, struct.error) as error:
        raise ArgumentError(f"no Modbus request: {error}") from error


def _check_length(request: bytes) -> None:
    if not _UNIT_AND_FUNCTION <= len(request) <= _MAX_LENGTH:
        raise ArgumentError(
            f"a Modbus request has {_UNIT_AND_FUNCTION} to {_MAX_LENGTH} bytes, not {len(request)}"
        )


def _check_count(values: Sequence[object], most: int) -> None:
    if not 1 <= len(values) <= most:
        raise ArgumentError(f"1 to {most} values can be written at once, and not {len(values)}")


def _understood(answer: bytes, functions: Sequence[int]) -> ModbusPDU:
    """Return what an answer to one of these functions says, or raise what it says."""
    # pymodbus would try, and log, what it has no answer for.
    known = len(answer) > _UNIT_AND_FUNCTION and answer[1] & ~_EXCEPTION in functions
    pdu = DecodePDU(is_server=False).decode(answer[1:]) if known else None
    if pdu is None:
        raise ProtocolError(f"{answer[:40]!r} is no Modbus answer of function {functions}")
    if isinstance(pdu, ExceptionResponse):
        raise _refusal(pdu)
    return pdu


def _refusal(pdu: ExceptionResponse) -> CommandRefused:
    code = pdu.exception_code
    name = ExcCodes(code).name.replace("_", " ").lower() if code in list(ExcCodes) else "unknown"
    error = CommandRefused(
        f"function {pdu.function_code & ~_EXCEPTION} was refused: exception {code}, {name}"
    )
    if code in _MAY_HAVE_ACTED:
        error.outcome = Outcome.UNKNOWN
    return error
