"""Benches that are described in Python: the same bench as from TOML, and the same mistakes."""

from __future__ import annotations

import enum
import functools
import inspect
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import attrs
import pytest
import trio

from labtroupe import BenchSpec, Instrument, InstrumentSpec, Range, open_bench
from labtroupe.bench import BenchConfigError, load_bench
from labtroupe.bench._config import _BenchTable
from labtroupe.bench._instrument_table import KEYS
from labtroupe.bench._values import fields_of
from labtroupe.errors import UnknownInstrumentError
from labtroupe.kinds import DCPowerSupply, LinkamT95, ScpiInstrument
from labtroupe.kinds.modbus import ModbusInstrument, ModbusRtuBus
from labtroupe.policy import Backoff, RestartLimit
from labtroupe.transport import Address


class Mode(enum.Enum):
    """How an oven heats."""

    SLOW = "slow"
    FAST = "fast"


@attrs.frozen
class Zone:
    """One zone of an oven."""

    celsius: float
    name: str | None = None


def _listed(channels: Iterable[int]) -> list[int]:
    return list(channels)


@attrs.define(eq=False)
class Oven(Instrument):
    """A kind that no package has, with settings of all types."""

    zones: Annotated[int, Range(1, 8)] = 1
    mode: Mode = Mode.SLOW
    setpoints: tuple[float, ...] = ()
    hottest: Zone = Zone(20.0)
    comment: str | None = None
    channels: list[int] = attrs.field(factory=list[int], converter=_listed)


AS_TOML = """
[bench]
name = "hood"
starts_at_once = 3

[instruments.heater]
kind = "linkam-t95"
address = "serial:?serial_number=A6004byf&baudrate=19200"
identity = "LINKAM*"
simulation = "sim:linkam-t95?ambient=18"
reattach = "ask"
connect = "required"
critical = true
mailbox = 4
start_timeout = 3
shutdown = 1.5
backoff = { first = 1.0, longest = 2.0 }

[instruments.psu]
kind = "dc-power-supply"
address = "tcp://192.168.1.20:5025"
connect = "on-demand"
depends_on = ["heater"]
max_voltage = 12

[instruments.line]
kind = "modbus-rtu-bus"
address = "serial:/dev/ttyUSB3"
restart = { max_restarts = 1 }

[instruments.pump]
kind = "modbus"
bus = "line"
unit = 4
depends_on = ["psu", "heater"]

[instruments.oven]
kind = "homemade:Oven"
address = "sim:scpi"
zones = 3
mode = "fast"
setpoints = [20, 37.5]
hottest = { celsius = 90, name = "top" }
channels = [1, 2]

[groups.power]
strategy = "rest_for_one"
members = ["heater", "psu"]
restart = { max_attempts = 2 }
"""


def in_python() -> BenchSpec:
    """Return the same bench as `AS_TOML`."""
    bench = BenchSpec("hood", starts_at_once=3)

    @bench.instrument
    def heater() -> InstrumentSpec[LinkamT95]:
        return InstrumentSpec(
            LinkamT95,
            Address.parse("serial:?serial_number=A6004byf&baudrate=19200"),
            identity="LINKAM*",
            simulation="sim:linkam-t95?ambient=18",
            reattach="ask",
            connect="required",
            critical=True,
            mailbox=4,
            start_timeout=3,
            shutdown=1.5,
            backoff=Backoff(first=1.0, longest=2.0),
        )

    @bench.instrument
    def psu(heater: InstrumentSpec[LinkamT95]) -> InstrumentSpec[DCPowerSupply]:
        assert heater.instrument_type is LinkamT95
        return InstrumentSpec(DCPowerSupply, "tcp://192.168.1.20:5025", connect="on-demand", max_voltage=12)

    @bench.instrument
    def line() -> InstrumentSpec[ModbusRtuBus]:
        return InstrumentSpec(ModbusRtuBus, "serial:/dev/ttyUSB3", restart=RestartLimit(max_restarts=1))

    @bench.instrument
    def pump(
        line: InstrumentSpec[ModbusRtuBus], psu: InstrumentSpec[DCPowerSupply]
    ) -> InstrumentSpec[ModbusInstrument]:
        return InstrumentSpec(ModbusInstrument, bus=line, unit=4, depends_on=[heater()])

    @bench.instrument
    def oven(zones: int = 3) -> InstrumentSpec[Oven]:
        return InstrumentSpec(
            Oven,
            "sim:scpi",
            zones=zones,
            mode=Mode.FAST,
            setpoints=(20, 37.5),
            hottest=Zone(90, "top"),
            channels=[1, 2],
        )

    bench.group("power", strategy="rest_for_one", members=[heater, psu], restart=RestartLimit(max_attempts=2))
    return bench


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    before = set(sys.modules)
    monkeypatch.setitem(sys.modules, "homemade", sys.modules[__name__])
    monkeypatch.setattr(Oven, "__module__", "homemade")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.chdir(tmp_path)
    yield
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


# --- The same as from TOML


def test_functions_make_the_same_bench_as_a_file() -> None:
    """DOD-1: the same values, of the same types, held against the same limits."""
    Path("bench.toml").write_text(AS_TOML)
    from_toml, from_python = load_bench("bench.toml"), in_python().config()

    assert from_python == from_toml
    assert repr(from_python.instruments) == repr(from_toml.instruments)


def test_a_spec_takes_the_keys_of_a_table_with_their_defaults() -> None:
    """A key that is new in bench.toml must be one of InstrumentSpec too."""
    parameters = inspect.signature(InstrumentSpec).parameters
    defaults = {name: field.default for name, field in KEYS.items() if name != "kind"} | {"bus": None}
    others = {"instrument_type", "settings"}

    assert {name: each.default for name, each in parameters.items() if name not in others} == defaults
    assert {*inspect.signature(BenchSpec).parameters} == {*fields_of(_BenchTable)}


def test_each_key_that_is_given_is_passed_on() -> None:
    other: dict[type, Any] = {str: "x", int: 99, float: 99.0, bool: True}
    other |= {RestartLimit: RestartLimit(9), Backoff: Backoff(9.0)}
    fields = {name: field for name, field in KEYS.items() if name not in {"kind", "bus", "depends_on"}}
    given = {name: other.get(type(field.default), "required") for name, field in fields.items()}

    assert InstrumentSpec(LinkamT95, **given).keys == given


# --- When functions are called


def test_a_module_of_200_opens_nothing_when_it_is_imported(tmp_path: Path, opened: list[str]) -> None:
    """OA-1, DOD-1, DOD-6: nor does it take long; nothing is called."""
    one = '@bench.instrument\ndef d{}():\n    return InstrumentSpec(LinkamT95, open("/no/file").read())\n\n'
    head = "from labtroupe import BenchSpec, InstrumentSpec\nfrom labtroupe.kinds import LinkamT95\n"
    text = f'{head}bench = BenchSpec("big")\n' + "".join(map(one.format, range(200)))
    (tmp_path / "big_bench.py").write_text(text)
    began = time.process_time()
    opened.clear()
    module = __import__("big_bench")
    elapsed = time.process_time() - began

    assert [each for each in opened if "big_bench" not in each] == []
    assert elapsed < 0.5
    with pytest.raises(BenchConfigError) as caught:
        module.bench.config()
    assert len(caught.value.mistakes) == 200


@functools.cache
def _listen() -> None:
    sys.addaudithook(_note)


def _note(event: str, args: tuple[object, ...]) -> None:
    # What is opened by its number, as compiled code is to be written, was told by its name before.
    named = not (args and isinstance(args[0], int))
    opens = event.startswith(("open", "socket.", "subprocess.", "os.posix_spawn"))
    if _heard is not None and named and opens:
        _heard.append(f"{event} {args[:1]}")


_heard: list[str] | None = None


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """What this process opens, as Python's audit events tell."""
    global _heard  # noqa: PLW0603 - an audit hook stays for as long as the process
    _listen()
    _heard = []
    yield _heard
    _heard = None


def test_a_function_is_called_once_however_often_it_is_asked_for() -> None:
    """DOD-2: also by those that need it."""
    bench, calls = BenchSpec("b"), list[str]()

    @bench.instrument
    def heater() -> InstrumentSpec[LinkamT95]:
        calls.append("heater")
        return InstrumentSpec(LinkamT95, "sim:linkam-t95")

    @bench.instrument
    def psu(heater: InstrumentSpec[LinkamT95]) -> InstrumentSpec[DCPowerSupply]:
        calls.append("psu")
        return InstrumentSpec(DCPowerSupply, "sim:dc-power-supply", depends_on=[heater])

    assert calls == []
    assert heater() is heater()
    assert psu().depends_on == (heater(),)
    assert calls == ["heater", "psu"]
    bench.config()
    assert calls == ["heater", "psu", "heater", "psu"]
    assert psu().depends_on == (heater(),)
    assert calls == ["heater", "psu", "heater", "psu"]


def test_a_file_is_read_each_time_the_bench_is_opened_and_not_before() -> None:
    """DOD-6: so what was changed in it counts."""
    bench = BenchSpec("b")

    @bench.instrument
    def psu() -> InstrumentSpec[DCPowerSupply]:
        return InstrumentSpec(DCPowerSupply, "sim:scpi", max_voltage=float(Path("limit").read_text()))

    with pytest.raises(FileNotFoundError):
        psu()
    for volts in (12.0, 24.0):
        Path("limit").write_text(str(volts))
        assert bench.config().instruments[0].settings == {"max_voltage": volts}
        assert psu().keys["max_voltage"] == volts


async def test_a_bench_in_python_runs_and_knows_the_class_of_each_instrument() -> None:
    """DOD-2: no name or class is written twice."""
    bench, other = BenchSpec("b"), BenchSpec("other")

    @bench.instrument
    def heater() -> InstrumentSpec[LinkamT95]:
        return InstrumentSpec(LinkamT95, "serial:/dev/ttyUSB7")

    @other.instrument
    def psu() -> InstrumentSpec[ScpiInstrument]:
        return InstrumentSpec(ScpiInstrument, "sim:scpi")

    with trio.fail_after(10):
        async with open_bench(bench, simulate=True) as running:
            assert running.name == "b.sim"
            assert await running.ref(heater).ask(LinkamT95.temperature()) == pytest.approx(24, abs=1)
            assert running.ref(heater).name == "heater"
            assert (await running.connect(heater)).connected
            with pytest.raises(UnknownInstrumentError):
                running.ref(psu)


# --- Mistakes


def test_all_mistakes_are_told_at_once_with_file_line_and_function() -> None:
    """DOD-3: circles, unknown names, what a function raises, and all that is wrong in TOML as well."""
    text = """
from labtroupe import BenchSpec, InstrumentSpec
from labtroupe.kinds import DCPowerSupply, LinkamT95
bench = BenchSpec("b")

@bench.instrument
def a(b): return InstrumentSpec(LinkamT95, "sim:linkam-t95")

@bench.instrument
def b(a): return InstrumentSpec(LinkamT95, "sim:linkam-t95")

@bench.instrument
def c(hetaer): raise AssertionError

@bench.instrument
def heater():
    volts = "12"
    return InstrumentSpec(DCPowerSupply, "sim:scpi", connect="lazy", max_voltage=volts, mailbx=3)

@bench.instrument
def d():
    return None

@bench.instrument
def e():
    limits = {}
    return limits["volts"]

@bench.instrument
def f(e): raise AssertionError

@bench.instrument
def g(heater): return InstrumentSpec(LinkamT95)

bench.group("x", strategy="rest_for_one", members=[])
"""
    Path("wrong.py").write_text(text)
    with pytest.raises(BenchConfigError) as caught:
        load_bench("wrong.py")

    assert str(caught.value).splitlines() == [
        "wrong.py:6: a(b): a -> b -> a is a circle, so none in it could ever start; take out one of these",
        'wrong.py:12: c(hetaer): there is no instrument "hetaer" (did you mean heater?)',
        'wrong.py:15: heater.connect: must be "wanted", "required" or "on-demand", not the string "lazy"',
        'wrong.py:15: heater.max_voltage: must be a number, not the string "12"; write it without quotes',
        "wrong.py:15: heater.mailbx: there is no such key (did you mean mailbox?)",
        "wrong.py:20: d: it cannot be described (TypeError: it returns None, which is no InstrumentSpec)",
        "wrong.py:27: e: it cannot be described (KeyError: 'volts')",
        'wrong.py:32: g: address is missing; write where it is, as in address = "serial:/dev/ttyUSB0"',
        'wrong.py:35: groups.x.members: there are none; write who is in it, as in members = ["bus", "pump"]',
    ]
    assert isinstance(caught.value.__cause__, Exception)


@pytest.mark.parametrize(
    ("files", "source", "said"),
    [
        ({}, "missing.py", "missing.py: there is no such file"),
        ({}, "missing", "missing: there is no such file, and no such module"),
        ({}, "missing.toml", "missing.toml: there is no such file"),
        (
            {"typo.py": "x = ("},
            "typo.py",
            "typo.py:1: this cannot be imported (SyntaxError: '(' was never closed)",
        ),
        (
            {"broken.py": "\n1 / 0"},
            "broken.py",
            "broken.py:2: this cannot be imported (ZeroDivisionError: division by zero)",
        ),
        (
            {"broken_2.py": "import no_such"},
            "broken_2",
            "broken_2: this cannot be imported (ModuleNotFoundError: No module named 'no_such')",
        ),
        (
            {"json.py": ""},
            "json.py",
            "json.py: there is another module called json; give the file another name",
        ),
        (
            {"none.py": ""},
            "none.py",
            'none.py: there is no bench in it; write one, as in bench = BenchSpec("bench-1")',
        ),
        (
            {"two.py": "import labtroupe\na, b = labtroupe.BenchSpec('a'), labtroupe.BenchSpec('b')"},
            "two.py",
            "two.py: there are several; write two.py:a or two.py:b",
        ),
        (
            {"one.py": "import labtroupe\nhood = labtroupe.BenchSpec('a')"},
            "one.py:hod",
            "one.py: there is no BenchSpec called hod (did you mean hood?)",
        ),
        (
            {"empty.py": "import labtroupe\nhood = labtroupe.BenchSpec('a')"},
            "empty.py",
            "a: there are none; describe one in a function, with @bench.instrument above it",
        ),
        (
            {
                "again.py": "import labtroupe\na = labtroupe.BenchSpec('a')\n"
                + 2 * "@a.instrument\ndef x(): 1\n"
            },
            "again.py",
            "again.py:5: x: this is on line 3 already; give one of the two another name",
        ),
    ],
)
def test_what_is_no_bench_says_why(files: dict[str, str], source: str, said: str) -> None:
    for name, text in files.items():
        Path(name).write_text(text)
    with pytest.raises(BenchConfigError) as caught:
        load_bench(source)

    assert str(caught.value) == said


def test_a_bench_is_found_by_file_module_and_name() -> None:
    """DOD-1: as the command line takes them."""
    one = "@{0}.instrument\ndef psu(): return InstrumentSpec(ScpiInstrument, 'sim:scpi')\n"
    head = "from labtroupe import BenchSpec, InstrumentSpec\nfrom labtroupe.kinds import ScpiInstrument\n"
    text = head + "a, b = BenchSpec('a'), BenchSpec('b')\n" + one.format("a") + one.format("b")
    Path("lab").mkdir()
    Path("lab/__init__.py").touch()
    Path("lab/hoods.py").write_text(text)

    found = [load_bench(each).name for each in ("lab/hoods.py:a", "lab/hoods.py:b", "lab.hoods:b")]
    assert found == ["a", "b", "b"]


def test_what_a_bench_of_another_says_is_not_taken_for_its_own() -> None:
    """DOD-3: nor is one that needs itself."""
    bench, other = BenchSpec("b"), BenchSpec("other")

    @other.instrument
    def line() -> InstrumentSpec[ModbusRtuBus]:
        return InstrumentSpec(ModbusRtuBus, "sim:modbus-rtu-bus")

    @bench.instrument
    def pump() -> InstrumentSpec[ModbusInstrument]:
        return InstrumentSpec(ModbusInstrument, bus=line(), unit=1)

    @bench.instrument
    def oven() -> InstrumentSpec[ScpiInstrument]:
        return InstrumentSpec(ScpiInstrument, "sim:scpi", depends_on=[oven()])

    with pytest.raises(BenchConfigError) as caught:
        bench.config()
    bus, itself = caught.value.mistakes
    assert (bus.key, bus.text) == ("pump.bus", 'there is no instrument "ModbusRtuBus of another bench"')
    assert itself.key == "oven"
    assert "needs itself" in itself.text


def test_in_a_notebook_a_function_may_be_corrected(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell is run again; elsewhere that is a mistake, as one of the two would be lost."""
    monkeypatch.setattr(sys, "ps1", "In : ", raising=False)
    bench = BenchSpec("b")
    for volts in (3, 4):

        @bench.instrument
        def psu(volts: int = volts) -> InstrumentSpec[DCPowerSupply]:
            return InstrumentSpec(DCPowerSupply, "sim:scpi", max_voltage=volts)

        assert psu().keys["max_voltage"] == volts

    assert [each.settings for each in bench.config().instruments] == [{"max_voltage": 4.0}]


def test_the_name_of_a_kind_in_place_of_its_class_is_a_mistake() -> None:
    """OA-9: as in TOML it would be right, so it is what people try."""
    bench = BenchSpec("b")

    @bench.instrument
    def heater() -> InstrumentSpec[LinkamT95]:
        return InstrumentSpec("linkam-t95", "sim:linkam-t95")  # type: ignore[arg-type]  # that is the mistake

    with pytest.raises(BenchConfigError, match="begins with the class of the instrument") as caught:
        load_bench(bench)
    assert "test_bench_spec.py" in str(caught.value)
