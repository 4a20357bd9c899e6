"""The hub's own keys on the EVM chain, beside its others in the key folder."""

from pathlib import Path

from coincurve import PrivateKey

from gridtokenx_hub.keys import load_seed


def quote_key(keys: Path) -> PrivateKey:
    """Return the key that signs quotes, drawn when absent.

    Raises:
        KeyFileError: the file is not usable.
    """
    return PrivateKey(load_seed(keys / "quotes.seed"))


def relay_key(keys: Path) -> PrivateKey:
    """Return the key that pays for releases, drawn when absent.

    Raises:
        KeyFileError: the file is not usable.
    """
    return PrivateKey(load_seed(keys / "relay.seed"))
