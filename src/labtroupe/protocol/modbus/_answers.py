"""What Modbus answers say, and whether one is the answer to a request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from labtroupe.errors import CommandRefused, Outcome, ProtocolError
from labtroupe.protocol._shown import shown
from labtroupe.protocol.modbus._functions import (
    EXCEPTION,
    READS,
    READS_BITS,
    READS_REGISTERS,
    UNIT_AND_FUNCTION,
    WRITES,
)
from labtroupe.protocol.modbus._pymodbus import DecodePDU, ExcCodes, ExceptionResponse, ModbusPDU

# Exceptions after which the device may have acted: it failed on the way, is still at work, or is
# behind a gateway that has not heard from it.
_MAY_HAVE_ACTED: Final = (ExcCodes.DEVICE_FAILURE, ExcCodes.ACKNOWLEDGE, ExcCodes.GATEWAY_NO_RESPONSE)


def answers(request: bytes) -> Callable[[bytes], bool]:
    """Return the shape check for the answer to a request of this module.

    It is of the same unit and function, and as long as what was asked for, or repeats what was
    written; or it is an exception.
    """
    unit, function = request[0], request[1]
    exception = bytes([unit, function | EXCEPTION])
    count = int.from_bytes(request[4:6], "big")
    size = (count + 7) // 8 if function in READS_BITS else 2 * count
    head = bytes([unit, function, size & 0xFF]) if function in READS else request[:6]
    length = len(head) + size if function in READS else len(head)

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
    return list(_understood(answer, READS_REGISTERS).registers)


def bits(answer: bytes, count: int) -> list[bool]:
    """Return the first ``count`` bits that an answer has; it always has a multiple of eight.

    Raises:
        CommandRefused: The device said no.
        ProtocolError: It is no answer with so many bits.
    """
    found = list(_understood(answer, READS_BITS).bits)
    if len(found) < count:
        raise ProtocolError(f"{shown(answer)} has {len(found)} bits, and {count} were asked for")
    return found[:count]


def raise_refusal(answer: bytes) -> None:
    """Raise an error if the answer to a write is that the device said no.

    Raises:
        CommandRefused: It said no; its ``outcome`` is unknown if it may have acted all the same.
        ProtocolError: It is no answer to a write.
    """
    _understood(answer, WRITES)


def _understood(answer: bytes, functions: Sequence[int]) -> ModbusPDU:
    """Return what an answer to one of these functions says, or raise what it says."""
    # pymodbus would try, and log, what it has no answer for.
    known = len(answer) > UNIT_AND_FUNCTION and answer[1] & ~EXCEPTION in functions
    pdu = DecodePDU(is_server=False).decode(answer[1:]) if known else None
    if pdu is None:
        raise ProtocolError(f"{shown(answer)} is no Modbus answer of function {functions}")
    if isinstance(pdu, ExceptionResponse):
        raise _refusal(pdu)
    return pdu


def _refusal(pdu: ExceptionResponse) -> CommandRefused:
    code = pdu.exception_code
    name = ExcCodes(code).name.replace("_", " ").lower() if code in list(ExcCodes) else "unknown"
    error = CommandRefused(f"function {pdu.function_code & ~EXCEPTION} was refused: exception {code}, {name}")
    if code in _MAY_HAVE_ACTED:
        error.outcome = Outcome.UNKNOWN
    return error
