"""`gtx-hub bridge`, as an operator runs it before there is a bridge."""

import json
from pathlib import Path

import pytest

from gridtokenx_hub.bridge.keys import quote_key, relay_key
from gridtokenx_hub.cli import main
from gridtokenx_programs.evm import address_of_key


def test_it_says_which_addresses_the_hub_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Drawn at the first time, and the same ever after."""
    command = ["--folder", str(tmp_path), "bridge", "--addresses"]
    assert main(command) == 0
    first = json.loads(capsys.readouterr().out)
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out) == first
    keys = tmp_path / "keys"
    assert first == {
        "quote_signer": f"0x{address_of_key(quote_key(keys)).hex()}",
        "relay": f"0x{address_of_key(relay_key(keys)).hex()}",
    }
    assert first["quote_signer"] != first["relay"]
    assert {path.stat().st_mode & 0o777 for path in keys.iterdir()} == {0o600}


def test_without_bridge_and_rate_there_is_nothing_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--folder", str(tmp_path), "bridge"]) == 1
    assert "or in [bridge] where baht are paid" in capsys.readouterr().err
