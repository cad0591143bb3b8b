"""What goes over a wire, kept on a tape, and said again."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from labtroupe.errors import ConfigError
from labtroupe.simulation import ScriptBroken, Tape, make_device
from labtroupe.tapes import TapeFrame, TapeHeader, read_tape, tape_line
from labtroupe.testing import byte_double

ALL = bytes(range(256)).decode("latin-1")
HEADER = TapeHeader(
    1, "heater", "linkam-t95", "serial:/dev/ttyUSB0", "2026-11-21T20:58:25+00:00", "labtroupe 1.0"
)
FRAMES = (
    TapeFrame(0.1, received="hello\r"),
    TapeFrame(1.0, sent="T\r"),
    TapeFrame(1.5, received="24"),
    TapeFrame(1.75, received=".0\r"),
    TapeFrame(3.75, sent="E\r"),
    TapeFrame(4.0, sent="T\r"),
    TapeFrame(4.5, received="25.0\r"),
)


def write(path: Path, *frames: TapeFrame) -> Path:
    path.write_text(tape_line(HEADER) + "".join(tape_line(frame) for frame in frames))
    return path


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    """A tape of five frames in two exchanges, and a command without an answer."""
    return write(tmp_path / "heater.jsonl", *FRAMES)


def test_a_tape_is_read_as_it_was_written(tape: Path) -> None:
    found = read_tape(tape)

    assert found.header == HEADER
    assert found.frames == list(enumerate(FRAMES, start=2))


def test_a_line_is_readable_where_the_bytes_are_text_and_exact_in_any_case(tmp_path: Path) -> None:
    line = tape_line(TapeFrame(0.25, sent="VOLT? \x00\xff\r"))

    assert line == '{"at": 0.25, "sent": "VOLT? \\u0000\\u00ff\\r"}\n'
    ((_, frame),) = read_tape(write(tmp_path / "t", TapeFrame(0, received=ALL))).frames
    assert frame.data == bytes(range(256))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", ":3: "),
        ('{"at": 1}', ":3: it needs either `sent` or `received`"),
        ('{"at": 1, "sent": "a", "received": "b"}', ":3: it needs either"),
        ('{"at": 1, "said": "a"}', ":3: Object contains unknown field `said`"),
        ('{"at": 1, "sent": "\\u20ac"}', ":3: a character is no byte"),
        ('{"at": -1, "sent": "a"}', ":3: it is at -1 s, and what is above it at 0 s"),
        ('{"at": 1, "se', ":3: Input data was truncated"),
    ],
)
def test_a_line_that_is_none_of_a_tape_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = write(tmp_path / "t", TapeFrame(0, sent="a"))
    with path.open("a") as file:
        file.write(line + "\n")

    with pytest.raises(ConfigError, match=f"{path}{message}") as caught:
        read_tape(path)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("\n", "\r\n", id="ends of lines"),
        pytest.param("\n", "\n\n", id="empty lines"),
        pytest.param('{"tape"', '\ufeff{"tape"', id="byte order mark"),
        pytest.param("\\u0085", "\x85", id="a character that ends lines elsewhere"),
        pytest.param('{"tape"', '{"note": "by hand", "tape"', id="a note"),
    ],
)
def test_a_tape_may_have_been_through_an_editor(tmp_path: Path, before: str, after: str) -> None:
    path = write(tmp_path / "t", TapeFrame(0.5, sent="a\x85\xe9"), TapeFrame(0.5, received="b"))
    path.write_bytes(path.read_text().replace(before, after).encode())

    assert [frame.data for _, frame in read_tape(path).frames] == [b"a\x85\xe9", b"b"]


def test_a_file_that_is_no_tape_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "new").write_text('{"tape": 2, "made": "otherwise"}\n')

    with pytest.raises(ConfigError, match="empty:1: "):
        read_tape(tmp_path / "empty")
    with pytest.raises(ConfigError, match="version 2, and 1 is known"):
        read_tape(tmp_path / "new")
    with pytest.raises(ConfigError, match="cannot read the tape"):
        make_device("tape", path=str(tmp_path / "missing"))
    with pytest.raises(ConfigError, match="strict is 0 or 1"):
        make_device("tape", path=str(tmp_path / "empty"), strict="often")
    for within in ("nan", "-1"):
        with pytest.raises(ConfigError, match="within"):
            make_device("tape", path=str(write(tmp_path / "t")), within=within)


async def test_a_tape_says_again_what_the_device_has_said_when_it_has(
    tape: Path, autojump_clock: MockClock
) -> None:
    async with byte_double(Tape(tape)) as double:
        transport = await double.open()
        await trio.sleep(7)
        start = trio.current_time()
        await transport.send(b"T")
        await transport.send(b"\r")
        pieces = [(await transport.receive(), trio.current_time() - start) for _ in range(2)]
        await transport.send(b"E\rT\r")
        pieces.append((await transport.receive(), trio.current_time() - start))
        await transport.aclose()

    assert pieces == [(b"24", 0.5), (b".0\r", 0.75), (b"25.0\r", 1.25)]


def test_other_traffic_than_that_on_the_tape_says_what_differs_and_in_which_line(tape: Path) -> None:
    device = Tape(tape)
    device.respond(b"T\r", 0.0)
    with pytest.raises(ScriptBroken) as caught:
        device.respond(b"O\r", 1.0)

    assert str(caught.value).splitlines() == [
        "line 6 of heater.jsonl:",
        r"  expected: b'E\r'",
        r"  got:      b'O\r'",
        "              ^ byte 0",
    ]


def test_less_and_more_than_is_on_the_tape_is_other_traffic(tape: Path) -> None:
    device = Tape(tape)
    device.respond(b"T\rE\r", 0.0)
    with pytest.raises(ScriptBroken, match=r"line 7 of heater\.jsonl"):
        device.check_done()
    device.respond(b"T\r", 0.0)
    device.check_done()
    with pytest.raises(ScriptBroken, match=r"after the end of heater\.jsonl"):
        device.respond(b"T", 0.0)


@pytest.mark.parametrize("pause", [1.9, 2.0, 2.1])
def test_times_are_checked_if_asked(tape: Path, pause: float) -> None:
    device = Tape(tape, within=0.11)
    device.respond(b"T\r", 10.0)

    # Two seconds after the answer has ended.
    assert device.respond(b"E\r", 10.75 + pause) == []


@pytest.mark.parametrize("pause", [1.8, 2.2])
def test_what_comes_at_another_time_says_so(tape: Path, pause: float) -> None:
    device = Tape(tape, within=0.11)
    device.respond(b"T\r", 10.0)
    with pytest.raises(ScriptBroken) as caught:
        device.respond(b"E\r", 10.75 + pause)

    assert str(caught.value) == f"line 6 of heater.jsonl: b'E\\r' came after {pause:g} s, and not 2 s"


@pytest.mark.parametrize(
    ("said", "where", "expected", "got"),
    [
        pytest.param(b"T\rX\rE\rT\r", "line 6 of", rb"b'E\r'", rb"b'X\rE\rT\r'", id="something new"),
        pytest.param(b"T\rT\r", "line 6 of", rb"b'E\r'", rb"b'T\r'", id="something left out"),
        pytest.param(b"E\rT\rT\r", "line 3 of", rb"b'T\r'", rb"b'E\rT\rT\r'", id="another order"),
        pytest.param(b"T\rE2\rT\r", "line 6 of", rb"b'E\r'", rb"b'E2\rT\r'", id="another argument"),
        pytest.param(b"T\rE\r", "line 7 of", rb"b'T\r'", b"nothing", id="less"),
        pytest.param(b"T\rE", "line 6 of", rb"b'E\r'", rb"b'E'", id="a part"),
        pytest.param(b"T\rE\rT\rT\r", "after the end of", b"nothing", rb"b'T\r'", id="more"),
    ],
)
def test_each_kind_of_other_traffic_is_said(
    tape: Path, said: bytes, where: str, expected: bytes, got: bytes
) -> None:
    def replay(*pieces: bytes) -> None:
        device = Tape(tape)
        for piece in pieces:
            device.respond(piece, 0.0)
        device.check_done()

    with pytest.raises(ScriptBroken) as at_once:
        replay(said)
    with pytest.raises(ScriptBroken) as by_bytes:
        replay(*(bytes([byte]) for byte in said))

    lines, others = str(at_once.value).splitlines(), str(by_bytes.value).splitlines()
    assert lines[:2] == [f"{where} heater.jsonl:", f"  expected: {expected.decode()}"]
    assert lines[2] == f"  got:      {got.decode()}"
    # In pieces, nothing behind the difference is looked at.
    assert (lines[:2], lines[3]) == (others[:2], others[3])


@pytest.mark.parametrize(("said", "line"), [(b"T\rT\r", 7), (b"E\r", 6)])
def test_of_what_was_left_out_it_is_said_which_line_came_instead(tape: Path, said: bytes, line: int) -> None:
    with pytest.raises(ScriptBroken) as caught:
        Tape(tape).respond(said, 0.0)

    assert str(caught.value).splitlines()[4:] == [f"  which is line {line} of heater.jsonl"]


def test_a_lenient_tape_may_be_long(tmp_path: Path) -> None:
    """A day of looks at one value: who asks is not to wait until all of it was searched."""
    path = write(tmp_path / "t", *(TapeFrame(float(at), sent="T\r") for at in range(20_000)))
    device = Tape(path, strict=False)
    start = time.process_time()
    for _ in range(1000):
        device.respond(b"T\rU\r", 0.0)

    assert time.process_time() - start < 1.0


def test_a_power_cycle_begins_the_tape_anew(tape: Path) -> None:
    device = Tape(tape, within=0.1)
    device.respond(b"T\r", 0.0)
    device.power_cycle(100.0)

    assert [answer for _, answer in device.respond(b"T\r", 200.0)] == [b"24", b".0\r"]


def test_a_lenient_tape_is_asked_at_any_time(tape: Path) -> None:
    device = make_device("tape", path=str(tape), strict="0")
    answers = [b"".join(device.receive(b"T\r", at)) for at in (0.0, 1.0, 2.0)]

    assert answers == [b"24.0\r", b"25.0\r", b"24.0\r"]
