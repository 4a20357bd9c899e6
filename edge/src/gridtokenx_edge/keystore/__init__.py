"""Keys of the device.

A signing key is used through ``gridtokenx_protocol.keys.Signer``: whatever can sign, such as a
chip, can stand in for the file: it has a public key, and signs a message. A PKCS #11 token
(``token.py``) does so.
"""

from gridtokenx_edge.keystore.files import create_private_file, read_private_file
from gridtokenx_edge.keystore.signing_key import (
    create_signing_key,
    destroy_signing_key,
    load_signer,
    taken_names,
)
from gridtokenx_edge.keystore.source import KeySource, TokenKey, key_in_token, parse_token_key

__all__ = [
    "KeySource",
    "TokenKey",
    "create_private_file",
    "create_signing_key",
    "destroy_signing_key",
    "key_in_token",
    "load_signer",
    "parse_token_key",
    "read_private_file",
    "taken_names",
]
