"""What load_bench makes of a right file, and what it says about each mistake in a wrong one."""

from __future__ import annotations

import inspect
import pickle
import re
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from labtroupe.actor import Actor
from labtroupe.bench import BenchConfigError, InstrumentConfig, Mistake, load_bench
from labtroupe.errors import ConfigError
from labtroupe.instrument import Reattach
from labtroupe.kinds import DCPowerSupply, LinkamT95, ScpiInstrument
from labtroupe.policy import Backoff, Policy, RestartLimit
from labtroupe.supervision import ChildSpec
from labtroupe.transport import Address, SimAddress

EXAMPLE = Path(__file__).parents[2] / "examples" / "bench.toml"
MISTAKES = Path(__file__).with_name("test_config_mistakes.txt")

PSU = """\
[instruments.psu]
kind = "dc-power-supply"
address = "sim:dc-power-supply"
"""


@pytest.fixture(autouse=True)
def _in_an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def instruments(text: str) -> dict[str, InstrumentConfig]:
    """Return what a bench.toml with this text says of each instrument."""
    Path("bench.toml").write_text(text)
    return {each.name: each for each in load_bench("bench.toml").instruments}


def told(text: str) -> list[str]:
    """Return what is said about a bench.toml with this text, by lines."""
    with pytest.raises(BenchConfigError) as caught:
        instruments(text)
    return str(caught.value).splitlines()


# --- What is right


def test_the_example_is_right() -> None:
    bench = load_bench(EXAMPLE)

    heater, dmm, psu = bench.instruments
    assert (bench.name, bench.path) == ("synthesis-1", EXAMPLE)
    assert (heater.name, heater.kind, heater.instrument_type) == ("heater", "linkam-t95", LinkamT95)
    assert (dmm.name, dmm.instrument_type, dmm.address) == (
        "dmm",
        ScpiInstrument,
        SimAddress("scpi", (("via", "tcp"),)),
    )
    assert (psu.name, psu.instrument_type, psu.settings) == ("psu", DCPowerSupply, {"max_voltage": 12.0})


def test_every_key_is_taken_over() -> None:
    text = """\
        [instruments.heater]
        kind = "labtroupe.kinds:LinkamT95"
        address = "serial:/dev/ttyUSB0?baudrate=19200"
        identity = "LINKAM*"
        simulation = "sim:linkam-t95?ambient=18"
        reattach = "restore"
        connect = "required"
        depends_on = ["psu"]
        critical = true
        mailbox = 4
        start_timeout = 3
        shutdown = 1.5
        restart = { max_restarts = 1, max_seconds = 2.0, max_attempts = 3, healthy_after = 4.0 }
        backoff = { first = 1, longest = 2, jitter = 0.5 }
        """
    heater = instruments(inspect.cleandoc(text) + "\n" + PSU)["heater"]

    policy = Policy(
        depends_on=("psu",),
        required=True,
        critical=True,
        shutdown=1.5,
        limit=RestartLimit(max_restarts=1, max_seconds=2.0, max_attempts=3, healthy_after=4.0),
        backoff=Backoff(first=1.0, longest=2.0, jitter=0.5),
    )
    assert heater == InstrumentConfig(
        name="heater",
        kind="labtroupe.kinds:LinkamT95",
        instrument_type=LinkamT95,
        address=Address.parse("serial:/dev/ttyUSB0?baudrate=19200"),
        bus="",
        identity="LINKAM*",
        simulation="sim:linkam-t95?ambient=18",
        reattach=Reattach.RESTORE,
        settings={},
        policy=policy,
        start_timeout=3.0,
        mailbox=4,
    )


def test_what_is_not_written_is_as_the_supervisor_has_it() -> None:
    psu = instruments(PSU)["psu"]

    spec = ChildSpec(name="psu", factory=Actor, actor_type=psu.instrument_type)
    assert (psu.policy, psu.start_timeout, psu.mailbox) == (spec.policy, spec.start_timeout, spec.mailbox)


def test_a_bench_without_a_name_has_that_of_its_file() -> None:
    Path("optics-2.toml").write_text(PSU)

    assert load_bench("optics-2.toml").name == "optics-2"


def test_instruments_are_in_the_order_of_the_file() -> None:
    text = PSU.replace("psu", "b") + PSU.replace("psu", "c") + PSU.replace("psu", "a")

    assert list(instruments(text)) == ["b", "c", "a"]


def test_line_ends_of_windows_and_a_byte_order_mark_are_no_mistakes() -> None:
    Path("bench.toml").write_bytes(b"\xef\xbb\xbf" + PSU.replace("\n", "\r\n").encode())

    assert len(load_bench("bench.toml").instruments) == 1


def test_two_of_the_same_simulated_device_are_two_devices() -> None:
    assert len(instruments(PSU + PSU.replace("psu", "other"))) == 2


def test_a_device_that_is_not_there_is_no_mistake() -> None:
    """Nothing is opened; what is there is for the supervisor to find out."""
    text = PSU.replace("sim:dc-power-supply", "serial:/dev/no-such-port")

    assert str(instruments(text)["psu"].address) == "serial:/dev/no-such-port"


# --- Mistakes


def read_cases() -> dict[str, tuple[str, str]]:
    """Return by what it is about: a bench.toml, and what is to be said about it."""
    blocks = MISTAKES.read_text().removeprefix("=== ").split("\n\n=== ")
    rows = (re.fullmatch(r"(.*?)\n(.*?)---\n(.*)", block.rstrip(), re.DOTALL) for block in blocks)
    return {row[1]: (row[2], row[3]) for row in rows if row}


CASES = read_cases()


@pytest.mark.parametrize("case", CASES)
def test_mistakes_are_told_with_line_and_key(case: str) -> None:
    text, expected = CASES[case]

    assert told(text) == expected.splitlines()


def test_no_case_is_left_out() -> None:
    assert len(CASES) == len(re.findall("^===", MISTAKES.read_text(), re.MULTILINE))


def test_two_instruments_cannot_be_at_one_address_however_it_is_written() -> None:
    Path("port").symlink_to("/dev/ttyUSB7")
    addresses = {
        "a": "serial:/dev/ttyUSB7",
        "b": f"serial:{Path.cwd()}/port?baudrate=19200",
        "c": "tcp://HOST:5025",
        "d": "tcp://host:5025",
    }
    tables = (f'[instruments.{name}]\nkind = "scpi"\naddress = "{at}"\n' for name, at in addresses.items())

    assert told("".join(tables)) == [
        "bench.toml:6: instruments.b.address: a on line 3 has this address already; only one instrument can",
        "bench.toml:12: instruments.d.address: c on line 9 has this address already; only one instrument can",
    ]


def test_a_bench_that_cannot_be_named_after_its_file_needs_a_name() -> None:
    Path("my bench.toml").write_text(PSU)

    with pytest.raises(BenchConfigError) as caught:
        load_bench("my bench.toml")
    assert str(caught.value) == (
        'my bench.toml: bench: name is missing, and the file\'s name "my bench" is none for a bench; '
        'write one, such as name = "bench-1"'
    )


def test_a_kind_that_several_packages_have_is_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [EntryPoint("scpi", f"{package}:Scpi", "labtroupe.kinds") for package in ("b", "a", "a")]
    monkeypatch.setattr("labtroupe.bench._kinds._entry_points", lambda: EntryPoints(points))

    assert told('[instruments.a]\nkind = "scpi"\naddress = "sim:scpi"\n') == [
        'bench.toml:2: instruments.a.kind: several packages have a kind "scpi"; write one of a:Scpi, b:Scpi'
    ]


def test_a_kind_whose_entry_point_leads_nowhere_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [EntryPoint("pump", "no_pump:Pump", "labtroupe.kinds")]
    monkeypatch.setattr("labtroupe.bench._kinds._entry_points", lambda: EntryPoints(points))

    (text,) = told('[instruments.a]\nkind = "pump"\naddress = "sim:scpi"\n')
    assert "kind: pump, which is no_pump:Pump, cannot be imported (ModuleNotFoundError" in text


# --- Files that cannot be read


def test_a_file_that_is_not_there_is_a_mistake() -> None:
    with pytest.raises(BenchConfigError, match=r"^bench\.toml: there is no such file$"):
        load_bench("bench.toml")


def test_a_directory_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(BenchConfigError) as caught:
        load_bench(tmp_path)
    assert str(caught.value) == f"{tmp_path}: this is a directory; name the file in it"


def test_a_file_that_cannot_be_read_is_a_mistake() -> None:
    Path("file").touch()

    with pytest.raises(BenchConfigError) as caught:
        load_bench("file/bench.toml")
    assert str(caught.value) == "file/bench.toml: the file cannot be read (Not a directory)"


def test_text_in_another_encoding_is_a_mistake() -> None:
    Path("bench.toml").write_bytes("[bench]\n# Ofenprüfstand\n".encode("latin-1"))

    with pytest.raises(BenchConfigError) as caught:
        load_bench("bench.toml")
    assert str(caught.value) == "bench.toml:2: the byte 0xfc is not UTF-8; save the file as UTF-8"


# --- The error


def test_the_error_has_its_mistakes_for_programs() -> None:
    Path("bench.toml").write_text(PSU + "mailbox = 0\n")

    with pytest.raises(ConfigError) as caught:
        load_bench("bench.toml")
    error = caught.value
    assert isinstance(error, BenchConfigError)
    assert error.code == "config"
    assert error.mistakes == (
        Mistake("bench.toml", 4, "instruments.psu.mailbox", "must be at least 1, not 0"),
    )


def test_the_error_can_be_pickled() -> None:
    with pytest.raises(BenchConfigError) as caught:
        load_bench("bench.toml")

    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own
    assert (str(copy), copy.mistakes) == (str(caught.value), caught.value.mistakes)
