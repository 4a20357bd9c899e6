"""From TOML to a profile; every mistake is named."""

from fractions import Fraction
from pathlib import Path

import pytest

from gridtokenx_edge.errors import ConfigError
from gridtokenx_edge.meters import Profile, Quantity, load_profile, shipped_profiles
from gridtokenx_edge.meters.profile import CUMULATIVE

SHIPPED = Path(__file__).parents[3] / "edge/src/gridtokenx_edge/meters/profiles"
PROFILES = [load_profile(name, Path()) for name in shipped_profiles()]


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_every_profile_is_whole(profile: Profile) -> None:
    assert set(profile.registers) == set(Quantity)
    assert all(len(profile.registers[quantity].addresses) == 1 for quantity in CUMULATIVE)
    assert profile.registers[Quantity.ACTIVE_POWER].scale < 0, "import is positive in the meter"
    for quantity in Quantity:
        register = profile.registers[quantity]
        assert max(address + words for address, words in register.parts) <= 65_536


def test_the_promised_models_are_there() -> None:
    assert set(shipped_profiles()) >= {
        *("eastron-sdm120", "eastron-sdm230", "eastron-sdm630", "eastron-sdm72d-m"),
        *("schneider-iem3155", "schneider-pm5110", "abb-b23", "chint-dtsu666"),
        *("carlo-gavazzi-em24", "carlo-gavazzi-em340", "janitza-umg96rm", "sunspec"),
    }


def test_numbers_count_as_the_manual_counts() -> None:
    iem3155 = load_profile("schneider-iem3155", Path())
    assert iem3155.registers[Quantity.CONSUMED].addresses == (3203,)
    assert iem3155.identity is not None
    assert iem3155.identity.address == 129


def test_a_register_may_have_a_function_and_a_scale_of_its_own(tmp_path: Path) -> None:
    text = (SHIPPED / "eastron-sdm630.toml").read_text()
    changed = text.replace("number = 0x002A\n", 'number = 0x002A\nkind = "holding"\n')
    changed = changed.replace('scale = "-1"', 'scale = "-1/3"\nscale_number = 9')
    (tmp_path / "own.toml").write_text(changed)
    profile = load_profile("own.toml", tmp_path)
    assert profile.registers[Quantity.VOLTAGE].function == 3
    assert profile.registers[Quantity.CURRENT].function == 4
    power = profile.registers[Quantity.ACTIVE_POWER]
    assert power.scale == Fraction(-1000, 3)
    assert power.parts == ((0x34, 2), (9, 1))


@pytest.mark.parametrize(
    ("profile", "old", "new", "problem"),
    [
        ("eastron-sdm630", 'unit = "kWh"', 'unit = "Wh "', r"consumed\.unit: write one of Wh, kWh"),
        ("eastron-sdm630", "number = 0x0048", "number = 70000", r"consumed\.number: write a whole"),
        ("eastron-sdm630", "cumulative = true", "cumulative = false", r"consumed\.cumulative"),
        ("eastron-sdm630", 'scale = "-1"', 'scale = "1/0"', r"active_power\.scale: write an exact"),
        ("eastron-sdm630", 'scale = "-1"', 'scale = "0"', r"active_power\.scale: write a number"),
        ("eastron-sdm630", "[registers.voltage]", "[registers.volts]", r"voltage: missing"),
        ("eastron-sdm630", "pages =", "page =", r"source\.pages: missing"),
        ("eastron-sdm630", "seen =", "saw =", r"source\.seen: missing"),
        ("eastron-sdm630", "largest_gap = 16", "largest_gapp = 16", "largest_gapp: unknown key"),
        ("eastron-sdm630", "phases = 3", "phases = 4", r"rated\.phases: write a whole number"),
        ("eastron-sdm630", 'type = "uint32"', 'type = "text"', r"identity\.words: missing"),
        ("eastron-sdm630", "number = 0x0048", "numbers = [1, 2]", r"consumed\.number: missing"),
        ("eastron-sdm630", "cumulative = true", "cumulative = true\noptional = true",
         r"consumed\.optional: an energy counter is needed"),
        ("abb-b23", "[0x5B00, 0x5B02, 0x5B04]", "[0x5B00, 0x5B00]", r"numbers: write a list of"),
        ("abb-b23", "[0x5B00, 0x5B02, 0x5B04]", "[]", r"voltage\.numbers: write a list of"),
        ("abb-b23", "[0x5B00, 0x5B02, 0x5B04]", "[0x5B00, true]", r"numbers: write a list of"),
        ("abb-b23", '"highest"', '"zero"', "not_available: write one of none, highest, lowest"),
        ("sunspec", "models = [201, 202, 203, 204]", "models = 201", "models: write a list of"),
        ("sunspec", 'kind = "sunspec"', 'kind = "holding"', "models: unknown key"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_profile_is_named(
    tmp_path: Path, profile: str, old: str, new: str, problem: str
) -> None:
    text = (SHIPPED / f"{profile}.toml").read_text()
    assert old in text
    (tmp_path / "own.toml").write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigError, match=problem):
        load_profile("own.toml", tmp_path)


def test_an_unknown_profile_is_answered_with_those_that_are_known() -> None:
    with pytest.raises(ConfigError, match="write one of abb-b23, "):
        load_profile("abb-b42", Path())
