"""The client's records have the fields of what the control service answers."""

from __future__ import annotations

import attrs
import msgspec
import pytest

from labtroupe import client, control
from labtroupe.actor import SafetyReport

PAIRS = [
    (client.BenchStatus, control.BenchStatus),
    (client.InstrumentStatus, control.InstrumentStatus),
    (client.InstrumentDescription, control.InstrumentDescription),
    (client.CommandInfo, control.CommandInfo),
    (client.ParameterInfo, control.ParameterInfo),
    (client.CallResult, control.CallResult),
    (client.VerbResult, control.VerbResult),
    (client.HaltResult, control.HaltResult),
    (client.SafetyReport, SafetyReport),
    (client.LatchStatus, control.LatchStatus),
    (client.ReadingStatus, control.ReadingStatus),
    (client.RequestStatus, control.RequestStatus),
    (client.RestartStatus, control.RestartStatus),
]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=lambda cls: cls.__module__)
def test_a_record_has_the_fields_it_is_read_from(
    ours: type[msgspec.Struct], theirs: type[attrs.AttrsInstance]
) -> None:
    """They are two, because the service's import trio."""
    assert list(ours.__struct_fields__) == [field.name for field in attrs.fields(theirs)]
