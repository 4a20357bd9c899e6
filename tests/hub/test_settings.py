"""Where things are, unless the settings say otherwise."""

from pathlib import Path

import pytest
from solders.pubkey import Pubkey

from gridtokenx_hub.settings import ChainSettings, SettingsError, load_settings
from gridtokenx_programs import load


@pytest.mark.parametrize(
    ("rpc_url", "websocket"),
    [
        ("http://127.0.0.1:8899", "ws://127.0.0.1:8900"),
        ("http://[::1]:8899/path", "ws://[::1]:8900/path"),
        ("https://api.devnet.solana.com", "wss://api.devnet.solana.com"),
        ("https://[::1]", "wss://[::1]"),
    ],
)
def test_the_websocket_is_where_solana_s_clients_seek_it(rpc_url: str, websocket: str) -> None:
    assert ChainSettings(rpc_url=rpc_url).websocket == websocket


def test_the_websocket_elsewhere() -> None:
    assert ChainSettings(websocket_url="wss://elsewhere/").websocket == "wss://elsewhere/"


def test_programs_are_at_the_addresses_of_their_idls_or_where_the_settings_say(
    tmp_path: Path,
) -> None:
    elsewhere = Pubkey.new_unique()
    (tmp_path / "hub.toml").write_text(f'[chain.programs]\ntrading = "{elsewhere}"\n')
    chain = load_settings(tmp_path).chain
    assert chain.load_programs()["trading"].id == chain.addresses.trading == elsewhere
    assert chain.load_programs()["registry"] is load("registry", None)
    assert chain.addresses.registry == load("registry").id


def test_an_address_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text('[chain.programs]\nregistry = "0x12"\n')
    with pytest.raises(SettingsError, match=r"chain\.programs\.registry: .*an address in base58"):
        load_settings(tmp_path)
