"""The guardians that an operator appoints, by the command, on a real chain."""

import json
import shutil
from pathlib import Path

import pytest
from solders.keypair import Keypair
from tests.hub.onchain import Chain

from gridtokenx_hub.cli import main

BRIDGE = "0x" + "ab" * 20


@pytest.fixture
def folder(chain: Chain, tmp_path: Path) -> Path:
    shutil.copytree(chain.keys_folder, tmp_path / "keys")
    write_settings(tmp_path, chain, 31_337)
    return tmp_path


def write_settings(folder: Path, chain: Chain, chain_id: int) -> None:
    (folder / "hub.toml").write_text(
        f"[chain]\nrpc_url = '{chain.rpc_url}'\nfee_payers = 2\n[bridge]\n"
        f"rpc_url = 'http://127.0.0.1:1'\nchain_id = {chain_id}\naddress = '{BRIDGE}'\n"
        "guardians = ['http://127.0.0.1:2']\n"
    )


def run(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    assert main(["--folder", str(folder), *words]) == 0
    told: dict[str, object] = json.loads(capsys.readouterr().out)
    return told


def keys(count: int) -> list[str]:
    return [str(Keypair().pubkey()) for _ in range(count)]


def test_a_set_is_appointed_once(
    folder: Path, chain: Chain, capsys: pytest.CaptureFixture[str]
) -> None:
    appointed = keys(3)
    words = ("guardians", "--key", *appointed, "--threshold", "2")
    first = run(folder, capsys, *words)
    assert first == {
        "epoch": first["epoch"],
        "threshold": 2,
        "guardians": appointed,
        "chain_id": 31_337,
        "bridge": BRIDGE,
    }
    assert run(folder, capsys, *words) == first
    assert run(folder, capsys, "guardians") == first

    write_settings(folder, chain, 1)
    second = run(folder, capsys, *words)
    assert second == {**first, "epoch": int(str(first["epoch"])) + 1, "chain_id": 1}


@pytest.mark.parametrize(
    ("count", "threshold", "told"),
    [(4, 2, "more than half"), (2, 3, "more than half"), (10, 6, "at most 9")],
)
def test_a_set_that_the_program_refuses_is_not_sent(
    folder: Path, capsys: pytest.CaptureFixture[str], count: int, threshold: int, told: str
) -> None:
    words = ["guardians", "--key", *keys(count), "--threshold", str(threshold)]
    assert main(["--folder", str(folder), *words]) == 1
    assert told in capsys.readouterr().err


def test_without_a_bridge(folder: Path, chain: Chain, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "hub.toml").write_text(f"[chain]\nrpc_url = '{chain.rpc_url}'\n")
    words = ["guardians", "--key", *keys(1), "--threshold", "1"]
    assert main(["--folder", str(folder), *words]) == 1
    assert "set chain_id and address in [bridge]" in capsys.readouterr().err


def test_the_treasury_is_filled_by_the_command(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = float(str(run(folder, capsys, "treasury")["grx"]))
    filled = run(folder, capsys, "treasury", "--mint", "2.5")
    assert float(str(filled["grx"])) == before + 2.5


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("guardians", "--key", "abc", "--threshold", "1"), "32 bytes in base58"),
        (("treasury", "--mint", "-1"), "non-negative decimal"),
        (("treasury", "--mint", "0"), "give an amount"),
    ],
)
def test_words_that_mean_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--folder", str(folder), *words])
    assert told in capsys.readouterr().err
