"""The client against scripted answers: everything a bench can do instead of answering well."""

from __future__ import annotations

import json
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from labtroupe import errors
from labtroupe.client import Client
from labtroupe.client import _operator as operator_module
from labtroupe.errors import BenchError, CommandError, CommandTimeout, LabtroupeError, NotRunning, Outcome

RESULT = b'{"result": {"value": 1.5, "unit": "V"}}\n'


@attrs.define(eq=False)
class Server:
    """Listens, and gives one connection the answer it was told."""

    path: Path
    listener: socket.socket
    requests: list[dict[str, object]]
    thread: threading.Thread | None = None

    def answer(self, *chunks: bytes) -> Client:
        """Send these after the next request, then hang up; return a client to make it."""
        self.thread = threading.Thread(target=self._answer, args=chunks)
        self.thread.start()
        return Client(self.path)

    def _answer(self, *chunks: bytes) -> None:
        connection, _ = self.listener.accept()
        with connection, connection.makefile("rb") as lines:
            self.requests.append(json.loads(lines.readline()))
            for chunk in chunks:
                connection.sendall(chunk)


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on a Unix socket."""
    with tempfile.TemporaryDirectory(prefix="lt-") as folder, socket.socket(socket.AF_UNIX) as listener:
        path = Path(folder) / "one.sock"
        listener.bind(str(path))
        listener.listen()
        found = Server(path, listener, [])
        yield found
        if found.thread is not None:
            found.thread.join(5)


def error_line(code: str, outcome: str | None = None) -> bytes:
    """Return the line for an error."""
    body = {"code": code, "message": "it", "remedy": "Do.", "instrument": "heater", "outcome": outcome}
    return json.dumps({"error": body}).encode() + b"\n"


def test_a_request_says_all_that_is_asked(server: Server) -> None:
    result = server.answer(RESULT).call("psu", "voltage", ["1"], {"rate": "2"}, timeout=3.0)

    assert (result.value, result.unit) == (1.5, "V")
    assert server.requests == [
        {
            "op": "call",
            "args": {
                "name": "psu",
                "command": "voltage",
                "args": ["1"],
                "kwargs": {"rate": "2"},
                "timeout": 3.0,
            },
        }
    ]


def test_a_halt_says_whom_and_why_and_a_halt_of_all_nobody_by_name(server: Server) -> None:
    """S10."""
    answer = (
        b'{"result": {"reports": [{"instrument": "psu", "confirmed": true, "reason": ""}], "not_kept": ""}}\n'
    )
    result = server.answer(answer).halt(["psu"], "smoke")
    server.answer(answer).halt()

    assert [(each.instrument, each.confirmed) for each in result.reports] == [("psu", True)]
    assert server.requests == [
        {"op": "halt", "args": {"names": ["psu"], "reason": "smoke"}},
        {"op": "halt", "args": {"names": None, "reason": ""}},
    ]


def test_a_bench_that_goes_away_leaves_the_outcome_of_a_halt_unknown(server: Server) -> None:
    """R3: it may be halted, or not."""
    with pytest.raises(BenchError, match="the bench one has gone") as caught:
        server.answer().halt()

    assert caught.value.outcome is Outcome.UNKNOWN


def test_an_answer_may_come_in_pieces(server: Server) -> None:
    assert server.answer(RESULT[:9], RESULT[9:]).call("psu", "voltage").value == 1.5


def test_a_newer_bench_may_say_more(server: Server) -> None:
    answer = b'{"result": {"value": null, "unit": "", "quality": 3}}\n'

    assert server.answer(answer).call("psu", "hold").value is None


@pytest.mark.parametrize(
    "error",
    [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, LabtroupeError)],
    ids=lambda error: error.__name__,
)
def test_an_error_arrives_as_its_own_class(server: Server, error: type[LabtroupeError]) -> None:
    with pytest.raises(LabtroupeError) as caught:
        server.answer(error_line(error.code, "unknown")).call("heater", "ramp")

    assert type(caught.value) is error
    assert str(caught.value) == "heater: it"
    assert (caught.value.code, caught.value.remedy) == (error.code, "Do.")
    assert caught.value.outcome is Outcome.UNKNOWN


def test_an_error_of_a_users_own_arrives_with_its_code(server: Server) -> None:
    with pytest.raises(CommandError) as caught:
        server.answer(error_line("jammed", "refused")).call("heater", "ramp")

    assert caught.value.code == "jammed"


def test_classes_with_facts_of_their_own_can_be_made_from_a_sentence() -> None:
    """What `as_error` does with all of them."""
    assert str(CommandTimeout("it")) == str(NotRunning("it")) == "it"


def test_a_bench_that_goes_away_leaves_the_outcome_of_a_call_unknown(server: Server) -> None:
    """R3: it may have acted before it went."""
    with pytest.raises(BenchError, match="the bench one has gone") as caught:
        server.answer().call("heater", "ramp")

    assert caught.value.outcome is Outcome.UNKNOWN


def test_a_bench_that_goes_away_in_mid_answer_has_gone(server: Server) -> None:
    with pytest.raises(BenchError, match="the bench one has gone") as caught:
        server.answer(RESULT[:9]).status()

    assert caught.value.outcome is None


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400\n", b'{"result": {"value": 1}}\n', b"[]\n", b"\xff\n"])
def test_a_bench_of_another_version_is_told(server: Server, answer: bytes) -> None:
    with pytest.raises(BenchError, match="does not answer as this labtroupe expects") as caught:
        server.answer(answer).call("heater", "ramp")

    assert "version" in caught.value.remedy


def test_a_bench_that_hangs_is_told_of(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operator_module, "PATIENCE", 0.05)

    with pytest.raises(BenchError, match="runs, but does not answer"):
        Client(server.path).status()


def test_a_call_to_a_bench_that_hangs_ends_soon_after_its_timeout(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R1: a deadline is a deadline, whatever becomes of the bench."""
    monkeypatch.setattr(operator_module, "GRACE", 0.02)

    with pytest.raises(BenchError) as caught:
        Client(server.path).call("heater", "ramp", timeout=0.02)

    assert caught.value.outcome is Outcome.UNKNOWN


def test_events_end_with_the_present(server: Server) -> None:
    lines = b"".join(
        b'{"item": {"kind": "state", "text": "running", "instrument": "psu", "time": %d, "life": 2}}\n' % time
        for time in (1, 2)
    )
    events = list(server.answer(lines).events())

    assert [(event.kind, event.instrument, event.time) for event in events] == [
        ("state", "psu", 1.0),
        ("state", "psu", 2.0),
    ]
    assert events[0].fields["life"] == 2


def test_following_ends_with_an_error_when_the_bench_goes_away(server: Server) -> None:
    with pytest.raises(BenchError, match="the bench one has gone"):
        list(server.answer().events(follow=True))


def test_an_error_ends_the_events(server: Server) -> None:
    with pytest.raises(errors.UnknownInstrumentError):
        list(server.answer(error_line("unknown-instrument")).events(instrument="pump"))
