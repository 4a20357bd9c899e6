"""Models from profile files."""

import struct
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.firmware_sim import handwritten

from gridtokenx_firmware_sim.errors import ModelError, RegisterError
from gridtokenx_firmware_sim.meter import Measurement
from gridtokenx_firmware_sim.models import Block, blocks_around
from gridtokenx_firmware_sim.models_load import known_models, load_model, load_profile_file

SHIPPED = Path(__file__).parents[2] / "edge/src/gridtokenx_edge/meters/profiles"
VOLTS = st.floats(100, 300)

measurements = st.builds(
    Measurement,
    exported_counts=st.integers(0, 2**24),
    imported_counts=st.integers(0, 2**24),
    power_w=st.floats(-100_000, 100_000).map(lambda watts: watts + 0.0),  # no minus zero
    voltage_v=st.tuples(VOLTS, VOLTS, VOLTS),
    frequency_hz=st.floats(40, 70),
)


@given(measurements, st.integers(0, 2**32 - 1))
def test_the_iem3155_is_that_written_by_hand(now: Measurement, serial: int) -> None:
    model = load_model("schneider-iem3155")
    assert model.values(now) == handwritten.schneider_values(now)
    assert model.identity(serial) == handwritten.schneider_identity(serial)
    assert (model.counts_per_kwh, model.greatest_count) == (1_000, 2**63 - 1)
    assert (model.maker, model.product, model.read_limit) == ("Schneider Electric", "iEM3155", 125)


@given(measurements, st.integers(0, 2**32 - 1))
def test_the_sdm630_is_that_written_by_hand(now: Measurement, serial: int) -> None:
    model = load_model("eastron-sdm630")
    assert model.values(now) == handwritten.eastron_values(now)
    assert model.identity(serial) == handwritten.eastron_identity(serial)
    assert (model.counts_per_kwh, model.greatest_count) == (64, 2**24)
    assert (model.maker, model.read_limit) == ("Eastron", 80)


def test_every_profile_is_a_model() -> None:
    assert known_models() == tuple(sorted(path.stem for path in SHIPPED.glob("*.toml")))
    for name in known_models():
        model = load_model(name)
        assert model.counts_from_wh(4_096_000) < model.greatest_count, "the usual start fits"
        assert model.counts_from_wh(8_192_000) < model.greatest_count
        model.identity(12_345_678)


NOW = Measurement(41_160, 82_005, -745.5, (229.5, 229.5, 229.5), 50.0)


def test_a_meter_with_the_least_significant_word_first() -> None:
    shown = load_model("carlo-gavazzi-et340").values(NOW)
    assert shown[0x28] == bytes.fromhex("e2e1ffff"), "-7455 in steps of 0.1 W"
    assert shown[0x4E] == bytes.fromhex("a0c80000"), "41160 in steps of 0.1 kWh"
    assert load_model("carlo-gavazzi-et340").identity(4_711)[0x5000] == b"00004711" + bytes(6)


def test_a_counter_with_thousandths() -> None:
    model = load_model("carlo-gavazzi-em340")
    shown = model.values(replace(NOW, exported_counts=1_234_567))
    assert model.counts_per_kwh == 1_000
    assert shown[0x408] == bytes.fromhex("04d2 0000 0237 0000"), "1234 and 567"


def test_a_single_phase_meter_carries_the_whole_house() -> None:
    shown = load_model("eastron-sdm120").values(NOW)
    assert shown[0x0006] == struct.pack(">f", 745.5 / 229.5)
    assert shown[0x000C] == struct.pack(">f", -745.5)


def test_a_sunspec_meter_is_a_chain_of_models() -> None:
    model = load_model("sunspec")
    registers = model.identity(4_711) | model.values(NOW)
    assert registers[40_000] == b"SunS"
    assert registers[40_002] == struct.pack(">HH", 1, 66)
    assert registers[40_070] == struct.pack(">HH", 203, 105)
    assert registers[40_070 + 107] == struct.pack(">HH", 0xFFFF, 0)
    assert registers[40_070 + 22] == struct.pack(">h", 0), "W_SF"
    assert registers[40_070 + 18] == struct.pack(">h", -746)
    assert registers[40_070 + 15] == struct.pack(">h", -1), "V_SF"
    assert registers[40_070 + 8] == struct.pack(">h", 2295)
    assert registers[40_002 + 50][:8] == b"00004711"


def test_a_profile_file_of_ones_own(tmp_path: Path) -> None:
    text = (SHIPPED / "abb-b23.toml").read_text().replace('"B23"', '"B99"')
    (tmp_path / "own.toml").write_text(text)
    assert load_profile_file(tmp_path / "own.toml").product == "B99"


@pytest.mark.parametrize("content", ["", "maker = ", "\xff", 'kind = "coil"', "[registers]"])
def test_what_is_not_a_profile_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "own.toml").write_text(content, encoding="latin-1")
    with pytest.raises(ModelError, match=r"own\.toml"):
        load_profile_file(tmp_path / "own.toml")


def test_an_unknown_model_is_answered_with_those_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="write one of abb-b23, "):
        load_model("abb-b42")
    with pytest.raises(ModelError, match="cannot be read"):
        load_profile_file(tmp_path / "missing.toml")


def test_a_value_that_its_register_cannot_hold_is_refused() -> None:
    with pytest.raises(RegisterError, match="cannot hold -40000"):
        load_model("sunspec").values(Measurement(0, 0, -40_000.0, (230, 230, 230), 50))


def test_pages_around_registers() -> None:
    assert blocks_around({0: 4, 0xFF: 4, 0x100: 4, 0x300: 4}) == (
        Block(4, 0, 512),
        Block(4, 0x300, 256),
    )
    assert blocks_around({0x0FF: 4, 0x100: 3}) == (Block(4, 0, 256), Block(3, 256, 256))
    with pytest.raises(RegisterError, match="two kinds near address 5"):
        blocks_around({1: 4, 5: 3})
