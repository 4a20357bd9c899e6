"""The command line and its configuration file: every mistake is told, and what to do."""

import json
import stat
from pathlib import Path

import pytest
from tests.guardian.facts import ADDRESSES, BRIDGE

from gridtokenx_guardian.cli import main
from gridtokenx_guardian.config import load_config

CONFIG = """\
folder = "guardian"

[solana]
rpc_url = "http://127.0.0.1:8899"
genesis_hash = "4uhcVJyU9pJkvQyS88uRDiswHXSCkY3zQawwpjk2NsNY"

[evm]
rpc_url = "http://127.0.0.1:8545"
chain_id = 31337
bridge = "0x6465666768696a6b6c6d6e6f7071727374757677"

[http]
port = 8790
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "guardian.toml"
    file.write_text(CONFIG)
    return file


def test_a_file_with_what_must_be_there(file: Path) -> None:
    config = load_config(file)
    assert config.folder == file.parent / "guardian"
    assert config.bridge == BRIDGE
    assert config.addresses == ADDRESSES
    assert (config.confirmations, config.start_block) == (None, 0)
    assert (config.poll_s, config.stale_after_s, config.port) == (5, 1800, 8790)
    assert len(config.genesis_hash) == 32


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('folder = "guardian"', "", "folder: missing"),
        ('folder = "guardian"', "folder = 3", "folder: write text"),
        ("chain_id = 31337", "chain_id = 0", "evm.chain_id: write a whole number"),
        ("chain_id = 31337", "chain_id = true", "evm.chain_id: write a whole number"),
        ("chain_id = 31337", 'chain_id = 1\nconfirmations = "2"', "evm.confirmations"),
        ("chain_id = 31337", "chain_id = 1\nstart = 2", "evm.start: unknown"),
        ("0x6465", "0x64", "evm.bridge: write 0x"),
        ("4uhc", "0000", "solana.genesis_hash: write a genesis hash"),
        ("4uhc", "", "solana.genesis_hash: write a genesis hash"),
        ("[http]\nport = 8790", "", "http: missing"),
        ("[http]\nport = 8790", "http = 3", "http: "),
        ("[http]", "[http", "not TOML"),
    ],
)
def test_a_mistake_is_told_with_its_key(
    file: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, told: str
) -> None:
    file.write_text(CONFIG.replace(old, new, 1))
    assert main(["--config", str(file), "keys"]) == 1
    assert told in capsys.readouterr().err


def test_without_a_file_it_asks_for_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--config", str(tmp_path / "none.toml"), "run"]) == 1
    assert "--config" in capsys.readouterr().err


def test_init_draws_keys_once_and_prints_their_public_parts(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--config", str(file), "init"]) == 0
    printed = capsys.readouterr().out
    assert json.loads(printed).keys() == {"solana", "evm"}
    assert main(["--config", str(file), "keys"]) == 0
    assert capsys.readouterr().out == printed
    assert main(["--config", str(file), "init"]) == 1
    assert "another folder" in capsys.readouterr().err
    folder = file.parent / "guardian"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_keys_whose_state_is_gone_are_not_run(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--config", str(file), "init"])
    (file.parent / "guardian" / "state.sqlite").unlink()
    assert main(["--config", str(file), "run"]) == 1
    assert "dismiss this guardian" in capsys.readouterr().err
    assert main(["--config", str(file), "init"]) == 1, "nor begun anew with the same keys"
