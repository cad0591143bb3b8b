from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU, register_message

from labtroupe.errors import ArgumentError, CommandRefused, Outcome, ProtocolError
from labtroupe.protocol import Decoder, modbus

from ._feeding import cut, cuts, frames, some

READ = modbus.read_input_registers(7, 8, 2)
ANSWER = bytes.fromhex("07 04 04 000a 0102")
# What reads answers, each with a function that it is for.
READERS: list[tuple[int, Callable[[bytes], object]]] = [
    (4, modbus.registers),
    (1, functools.partial(modbus.bits, count=9)),
    (6, modbus.raise_refusal),
]


@pytest.mark.parametrize(
    ("request_", "asked", "answered", "says"),
    [
        (modbus.read_coils(7, 0x13, 19), "01 0013 0013", "01 03 cd6b05", "1011001111010110101"),
        (modbus.read_discrete_inputs(7, 0xC4, 22), "02 00c4 0016", "02 03 acdb35", "0011010111011011101011"),
        (modbus.read_holding_registers(7, 0x6B, 3), "03 006b 0003", "03 06 022b 0000 0064", [555, 0, 100]),
        (modbus.read_input_registers(7, 8), "04 0008 0001", "04 02 000a", [10]),
        (modbus.write_coil(7, 0xAC, on=True), "05 00ac ff00", "05 00ac ff00", None),
        (modbus.write_coil(7, 0xAC, on=False), "05 00ac 0000", "05 00ac 0000", None),
        (modbus.write_register(7, 1, 3), "06 0001 0003", "06 0001 0003", None),
        (
            modbus.write_coils(7, 0x13, [digit == "1" for digit in "1011001110"]),
            "0f 0013 000a 02 cd01",
            "0f 0013 000a",
            None,
        ),
        (modbus.write_registers(7, 1, [10, 258]), "10 0001 0002 04 000a 0102", "10 0001 0002", None),
    ],
)
def test_requests_and_answers_are_as_the_specification_has_them(
    request_: bytes, asked: str, answered: str, says: str | list[int] | None
) -> None:
    """Modbus Application Protocol Specification V1.1b3, the examples of 6.1 to 6.6, 6.11 and 6.12."""
    answer = bytes.fromhex("07" + answered)

    assert request_ == bytes.fromhex("07" + asked)
    assert modbus.answers(request_)(answer)
    match says:
        case str():
            assert modbus.bits(answer, len(says)) == [digit == "1" for digit in says]
        case list():
            assert modbus.registers(answer) == says
        case None:
            modbus.raise_refusal(answer)


@pytest.mark.parametrize(
    ("request_", "sent"),
    [
        # Modbus over Serial Line V1.02, 6.2.2: the checksum of 02 07 is 0x1241, its low byte first.
        (b"\x02\x07", "0207 41 12"),
        (modbus.read_holding_registers(1, 0, 10), "01 03 0000 000a c5cd"),
    ],
)
def test_a_frame_on_a_serial_line_ends_with_its_checksum(request_: bytes, sent: str) -> None:
    assert modbus.Rtu().encode(request_) == bytes.fromhex(sent)


def test_a_frame_over_tcp_begins_with_its_number_and_length() -> None:
    """Modbus Messaging on TCP/IP V1.0b, 3.1.3: transaction, protocol 0, length, unit."""
    decoder = modbus.Tcp().decoder()
    sent = [decoder.outgoing(modbus.Tcp().encode(READ)) for _ in range(2)]

    assert sent == [bytes.fromhex(f"{number} 0000 0006 07 04 0008 0002") for number in ("0001", "0002")]


@given(st.integers(0, 247), st.integers(0, 65535), st.lists(st.integers(0, 65535), min_size=1, max_size=123))
@some
def test_pymodbus_understands_what_we_send(unit: int, address: int, values: list[int]) -> None:
    request = modbus.write_registers(unit, address, values)
    rtu, tcp = modbus.Rtu(), modbus.Tcp()
    for framer, sent in [
        (FramerRTU(DecodePDU(is_server=True)), rtu.encode(request)),
        (FramerSocket(DecodePDU(is_server=True)), tcp.decoder().outgoing(tcp.encode(request))),
    ]:
        used, pdu = framer.handleFrame(sent, 0, 0)

        assert used == len(sent)
        assert isinstance(pdu, register_message.WriteMultipleRegistersRequest)
        assert (pdu.dev_id, pdu.address, pdu.registers) == (unit, address, values)


@given(st.lists(st.integers(0, 65535), min_size=1, max_size=125), st.booleans(), cuts)
@some
def test_we_understand_what_pymodbus_sends(values: list[int], over_tcp: bool, lengths: list[int]) -> None:  # noqa: FBT001
    """L6."""
    pdu = register_message.ReadInputRegistersResponse(registers=values, dev_id=7, transaction_id=1)
    server = DecodePDU(is_server=True)
    sent = (FramerSocket if over_tcp else FramerRTU)(server).buildFrame(pdu)
    decoder: Decoder = modbus.Tcp().decoder() if over_tcp else modbus.Rtu().decoder()
    decoder.outgoing(bytes(12))
    (answer,) = frames(decoder, *cut(sent, lengths))

    assert modbus.answers(modbus.read_input_registers(7, 0, len(values)))(answer)
    assert modbus.registers(answer) == values
    assert decoder.pending == b""


def test_what_comes_behind_an_answer_is_kept() -> None:
    """L1: it is stray input, and the link has to see it."""
    decoder = modbus.Rtu().decoder()
    decoder.feed(modbus.Rtu().encode(ANSWER) + b"\x07")

    assert decoder.next_frame() == ANSWER
    assert decoder.next_frame() is None
    assert decoder.pending == b"\x07"


@pytest.mark.parametrize(
    ("received", "why"),
    [
        ("07 41 00 0000", "has function code 65"),
        ("07 c1 00 0000", "has function code 193"),
        ("07 04 02 000a 0000", "its checksum is wrong"),
        ("07 84 02 0000", "its checksum is wrong"),
    ],
)
def test_on_a_serial_line_what_is_no_answer_is_dropped(received: str, why: str) -> None:
    """L3, L6."""
    decoder = modbus.Rtu().decoder()
    decoder.feed(bytes.fromhex(received))
    with pytest.raises(ProtocolError, match=why):
        decoder.next_frame()

    assert decoder.pending == b""
    assert frames(decoder, modbus.Rtu().encode(ANSWER)) == [ANSWER]


def test_over_tcp_an_answer_to_an_earlier_request_is_dropped() -> None:
    """L2: its number says which request it answers."""
    framing = modbus.Tcp()
    decoder = framing.decoder()
    sent = [decoder.outgoing(framing.encode(READ)) for _ in range(2)]
    late, ours = (
        number[:2] + framing.encode(READ + end)[2:] for number, end in zip(sent, (b"A", b"B"), strict=True)
    )

    assert frames(decoder, late) == []
    assert decoder.pending == b""
    assert frames(decoder, ours) == [READ + b"B"]


def test_the_numbers_begin_again_after_the_last() -> None:
    framing = modbus.Tcp()
    decoder = framing.decoder()
    numbers = [decoder.outgoing(framing.encode(READ))[:2] for _ in range(65537)]

    assert numbers[65534:] == [b"\xff\xff", b"\x00\x00", b"\x00\x01"]


def test_over_tcp_what_is_no_modbus_is_dropped() -> None:
    """L3, L6: another protocol number, or a length that Modbus has not."""
    decoder = modbus.Tcp().decoder()
    for received in ("0001 0007 0002 0704 0001", "0001 0000 00ff 07"):
        decoder.feed(bytes.fromhex(received))
        with pytest.raises(ProtocolError, match=r"protocol number|cannot be 255 bytes"):
            decoder.next_frame()

        assert decoder.pending == b""
    assert frames(decoder, modbus.Tcp().encode(ANSWER)) == [ANSWER]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("08 04 04 000a 0102", id="another unit"),
        pytest.param("07 03 04 000a 0102", id="another function"),
        pytest.param("07 04 02 000a", id="fewer registers"),
        pytest.param("07 04 06 000a 0102 0000", id="more registers"),
        pytest.param("07 04 04 000a", id="half of them"),
        pytest.param("07 83 02", id="an exception of another function"),
        pytest.param("07 84", id="half an exception"),
        pytest.param("", id="nothing"),
    ],
)
def test_an_answer_to_another_request_fails_the_shape_check(answer: str) -> None:
    """L3."""
    accepts = modbus.answers(READ)

    assert accepts(ANSWER)
    assert accepts(bytes.fromhex("07 84 02"))
    assert not accepts(bytes.fromhex(answer))


def test_an_answer_with_fewer_bits_than_were_asked_for_is_none() -> None:
    """L3: it always has a multiple of eight."""
    assert modbus.bits(bytes.fromhex("07 01 01 81"), 8) == [True] + [False] * 6 + [True]
    with pytest.raises(ProtocolError, match="has 8 bits, and 9 were asked for"):
        modbus.bits(bytes.fromhex("07 01 01 81"), 9)


@pytest.mark.parametrize("answer", ["07 01 02 ffff", "07 04 02 000a", "07 06 0001 0003"])
def test_an_answer_of_another_kind_is_none(answer: str) -> None:
    """L3: no registers, for example, can be read from the answer to a write."""
    understood = 0
    for _, read in READERS:
        try:
            read(bytes.fromhex(answer))
        except ProtocolError:
            continue
        understood += 1

    assert understood == 1


def test_an_answer_to_a_write_repeats_what_was_written() -> None:
    """L3."""
    accepts = modbus.answers(modbus.write_register(7, 1, 3))

    assert accepts(bytes.fromhex("07 06 0001 0003"))
    assert not accepts(bytes.fromhex("07 06 0001 0004"))
    assert not accepts(bytes.fromhex("07 06 0002 0003"))


@pytest.mark.parametrize(
    ("code", "says", "outcome"),
    [
        (1, "exception 1, illegal function", Outcome.REFUSED),
        (2, "exception 2, illegal address", Outcome.REFUSED),
        (3, "exception 3, illegal value", Outcome.REFUSED),
        (4, "exception 4, device failure", Outcome.UNKNOWN),
        (5, "exception 5, acknowledge", Outcome.UNKNOWN),
        (6, "exception 6, device busy", Outcome.REFUSED),
        (11, "exception 11, gateway no response", Outcome.UNKNOWN),
        (99, "exception 99, unknown", Outcome.REFUSED),
    ],
)
def test_an_exception_is_the_device_that_says_no(code: int, says: str, outcome: Outcome) -> None:
    """R3: and one that may have acted all the same is not called refused; V1.1b3, 7."""
    for function, read in READERS:
        with pytest.raises(CommandRefused, match=f"function {function} was refused: {says}") as refused:
            read(bytes([7, function | 0x80, code]))

        assert refused.value.outcome is outcome


@given(st.binary(max_size=12), st.sampled_from([b"", b"\x01", b"\x84", b"\x06", b"\x0f", b"\x2b", b"\x03"]))
@some
def test_an_answer_says_something_or_is_none(rest: bytes, function: bytes) -> None:
    """L3: nothing else is raised, whatever comes."""
    answer = b"\x07" + function + rest
    for _, read in READERS:
        try:
            read(answer)
        except (ProtocolError, CommandRefused):
            continue


@pytest.mark.parametrize(
    "make",
    [
        lambda: modbus.read_coils(7, 0, 0),
        lambda: modbus.read_coils(7, 0, 2001),
        lambda: modbus.read_discrete_inputs(7, -1),
        lambda: modbus.read_holding_registers(7, 0, 126),
        lambda: modbus.read_input_registers(7, 65536),
        lambda: modbus.read_input_registers(256, 0),
        lambda: modbus.read_input_registers(-1, 0),
        lambda: modbus.write_coil(7, 65536, on=True),
        lambda: modbus.write_register(7, 0, 65536),
        lambda: modbus.write_register(7, 0, -1),
        lambda: modbus.write_coils(7, 0, []),
        lambda: modbus.write_coils(7, 0, [True] * 1969),
        lambda: modbus.write_registers(7, 0, [0] * 124),
        lambda: modbus.write_registers(7, 0, []),
        lambda: modbus.write_registers(7, 65536, [0]),
        lambda: modbus.Rtu().encode(b""),
        lambda: modbus.Tcp().encode(bytes(255)),
    ],
)
def test_a_request_that_cannot_be_is_refused(make: Callable[[], bytes]) -> None:
    with pytest.raises(ArgumentError, match=r"Modbus request|values can be written"):
        make()


def test_without_its_extra_modbus_says_what_to_install() -> None:
    script = "import sys; sys.modules['pymodbus.pdu'] = None; import labtroupe.protocol.modbus"
    command = [sys.executable, "-c", script]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)  # noqa: S603 - ours

    assert result.stderr.endswith(
        "labtroupe.errors.ConfigError: Modbus needs what is not installed: pip install 'labtroupe[modbus]'\n"
    )
