"""When a fault befalls a request, and scripts in files."""

from pathlib import Path

import pytest

from gridtokenx_firmware_sim.errors import FaultError
from gridtokenx_firmware_sim.faults import KINDS, Fault, FaultScript, load_faults


def due(*faults: Fault, units: tuple[int, ...] = (1,), requests: int = 5) -> list[tuple[int, int]]:
    """Units and numbers of the requests that go wrong."""
    script = FaultScript(faults, lambda: 0)
    return [
        (unit, number)
        for number in range(1, requests + 1)
        for unit in units
        if script.next_request(unit)
    ]


def test_by_requests_to_a_unit() -> None:
    assert due(Fault("crc")) == [(1, 1)]
    assert due(Fault("crc", at_request=2, requests=2)) == [(1, 2), (1, 3)]
    assert due(Fault("crc", unit=2, at_request=3), units=(1, 2)) == [(2, 3)]
    assert due(Fault("crc", at_request=3), units=(1, 2)) == [(1, 3), (2, 3)]
    assert due(Fault("frozen", at_request=4)) == [(1, 4), (1, 5)]


def test_by_time() -> None:
    clock = iter((1_000, 1_099, 1_100, 1_149, 1_150, 9_999_999))
    faults = [Fault("crc", at_ms=100, for_ms=50), Fault("silence", at_ms=120)]
    script = FaultScript(faults, clock.__next__)
    seen = [sorted(script.next_request(1)) for _ in range(5)]
    assert seen == [[], ["crc"], ["crc", "silence"], ["silence"], ["silence"]]


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text(
        '[[fault]]\nkind = "late"\nunit = 2\nat_request = 5\ndelay_ms = 700\n'
        '[[fault]]\nkind = "silence"\nat_ms = 60000\nfor_ms = 30000\n'
    )
    assert load_faults(path) == (
        Fault("late", unit=2, at_request=5, delay_ms=700),
        Fault("silence", at_ms=60_000, for_ms=30_000),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fault = 1", r"\[\[fault\]\] tables"),
        ("[fault]\nkind = 'crc'", r"\[\[fault\]\] tables"),
        ("x = 1\n[[fault]]\nkind = 'crc'", r"\[\[fault\]\] tables"),
        ("[[fault]", "cannot be read as TOML"),
        ("[[fault]]\nunit = 1", "fault 1: kind is one of"),
        ("[[fault]]\nkind = 'crc'\n[[fault]]\nkind = 'crk'", "fault 2: kind is one of"),
        ("[[fault]]\nkind = 'crc'\nunti = 1", "no key 'unti'"),
        ("[[fault]]\nkind = 'crc'\nunit = 0", "unit is a whole number from 1 to 247"),
        ("[[fault]]\nkind = 'crc'\nunit = true", "unit is a whole number"),
        ("[[fault]]\nkind = 'crc'\nat_ms = 1\nrequests = 1", "not by both"),
        ("[[fault]]\nkind = 'crc'\nfor_ms = 1", "for_ms needs at_ms"),
    ],
)
def test_mistakes_in_a_file(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "faults.toml"
    path.write_text(text)
    with pytest.raises(FaultError, match=message):
        load_faults(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FaultError, match="cannot be read"):
        load_faults(tmp_path / "none.toml")


def test_every_kind_is_described() -> None:
    assert all(KINDS.values())
