"""Where things are, unless the settings say otherwise."""

import pytest

from gridtokenx_hub.settings import ChainSettings


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
