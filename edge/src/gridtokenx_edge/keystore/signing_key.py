"""The signing key: a file (PKCS #8 in PEM, readable by its owner alone), or a token's."""

from importlib import import_module
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from gridtokenx_edge.errors import ConfigError, KeyFileError
from gridtokenx_edge.keystore.files import create_private_file, read_private_file
from gridtokenx_edge.keystore.source import KeySource, TokenKey
from gridtokenx_protocol.keys import Algorithm, Signer, SoftwareSigner


def create_signing_key(source: KeySource, algorithm: Algorithm) -> Signer:
    """Draw a new key and keep it there; the private part is never shown.

    Raises:
        KeyFileError: It exists or cannot be made.
        ConfigError: A token cannot be used without more software, or with this algorithm.
    """
    if isinstance(source, TokenKey):
        if algorithm is not Algorithm.P256:
            raise ConfigError("a key in a token is a P-256 key; say --algorithm p256")
        made: Signer = _token_module("token_keys").create_token_key(source)
        return made
    key = (
        ed25519.Ed25519PrivateKey.generate()
        if algorithm is Algorithm.ED25519
        else ec.generate_private_key(ec.SECP256R1())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    create_private_file(source, pem)
    return SoftwareSigner(key)


def load_signer(source: KeySource) -> Signer:
    """Open the signing key.

    Raises:
        KeyFileError: File, token or PIN are missing or open to others, or hold no key of ours.
        ConfigError: A token cannot be used without more software.
    """
    if isinstance(source, TokenKey):
        signer: Signer = _token_module("token").TokenSigner(source)
        return signer
    return _load_file(source)


def taken_names(source: KeySource) -> set[str]:
    """The names of all keys where a key is: files in its folder, or labels in its token.

    Raises:
        KeyFileError: Folder, token or PIN are not there.
        ConfigError: A token cannot be used without more software.
    """
    if isinstance(source, TokenKey):
        labels: set[str] = _token_module("token_keys").token_labels(source)
        return labels
    try:
        return {path.name for path in source.parent.iterdir()}
    except OSError as error:
        raise KeyFileError(f"{source.parent}: {error.strerror}; check the folder") from error


def destroy_signing_key(source: KeySource) -> None:
    """Delete a key for ever, if it is there.

    Raises:
        KeyFileError: File or token keep it.
        ConfigError: A token cannot be used without more software.
    """
    if isinstance(source, TokenKey):
        _token_module("token_keys").destroy_token_key(source)
        return
    try:
        source.unlink(missing_ok=True)
    except OSError as error:
        raise KeyFileError(f"{source}: {error.strerror}; delete it") from error


def _load_file(path: Path) -> Signer:
    try:
        key = load_pem_private_key(read_private_file(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # nothing of the content is repeated: it may be a damaged key
        raise KeyFileError(f"{path} holds no PEM private key; restore or replace it") from None
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return SoftwareSigner(key)
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return SoftwareSigner(key)
    raise KeyFileError(f"{path} holds another kind of key; use Ed25519 or P-256")


def _token_module(name: str) -> Any:
    """Loaded only for a key in a token: it needs a package that is an extra."""
    try:
        return import_module(f"gridtokenx_edge.keystore.{name}")
    except ModuleNotFoundError as error:
        raise ConfigError(
            "keys in tokens need one more package: pip install 'gridtokenx-edge[pkcs11]'"
        ) from error
