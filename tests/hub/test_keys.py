"""Who opens which key."""

from pathlib import Path

import pytest

from gridtokenx_hub.keys import KeyFileError, load_registrar, load_role_keys


def test_the_hub_knows_the_registrar_by_its_address_alone(tmp_path: Path) -> None:
    registrar = load_registrar(tmp_path)
    (tmp_path / "registrar.seed").unlink()
    assert load_role_keys(tmp_path, 1).registrar == registrar.pubkey()
    assert not (tmp_path / "registrar.seed").exists()


def test_the_registrar_keeps_its_key(tmp_path: Path) -> None:
    assert load_registrar(tmp_path) == load_registrar(tmp_path)
    assert (tmp_path / "registrar.seed").stat().st_mode & 0o077 == 0


def test_before_the_registrar_was_ever_started(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="start `gtx-hub registrar`"):
        load_role_keys(tmp_path, 1)


def test_an_address_that_was_spoilt(tmp_path: Path) -> None:
    load_registrar(tmp_path)
    (tmp_path / "registrar.pub").write_text("nonsense")
    with pytest.raises(KeyFileError, match="start `gtx-hub registrar`"):
        load_role_keys(tmp_path, 1)
