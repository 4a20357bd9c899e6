"""The IDLs in the older format are those of today."""

import pytest

from gridtokenx_programs import PROGRAM_NAMES
from gridtokenx_programs.idl_legacy import legacy_idl, legacy_text

from .clients import IDLS


@pytest.mark.parametrize("name", PROGRAM_NAMES)
def test_they_are_generated_from_the_current_ones(name: str) -> None:
    generated = legacy_text((IDLS / f"{name}.json").read_text("utf-8"))
    committed = (IDLS / "legacy" / f"{name}.json").read_text("utf-8")
    assert committed == generated, "run python -m gridtokenx_programs.idl_legacy and commit"


def test_a_type_without_an_older_form_is_refused() -> None:
    idl = {
        "address": "1" * 32,
        "metadata": {"name": "example", "version": "0.1.0"},
        "instructions": [
            {"name": "one", "accounts": [], "args": [{"name": "a", "type": {"x": 1}}]}
        ],
        "accounts": [],
        "events": [],
        "errors": [],
        "types": [],
    }
    with pytest.raises(ValueError, match="no form in the older format"):
        legacy_idl(idl)
