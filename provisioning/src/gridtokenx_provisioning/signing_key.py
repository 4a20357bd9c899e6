"""The meter's signing key: where the first one and each next one is, and how it comes and goes.

A key in a token is labelled with the meter's serial number and its own number, as the meter id is
drawn only when the hub has seen the key. Its name is on the disk before the key is in the token:
what breaks off finds the key that it made, and makes no other.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain, count
from pathlib import Path

from gridtokenx_edge.checkpoint import checkpoint_path
from gridtokenx_edge.cli.common import describe_key
from gridtokenx_edge.errors import KeyUnavailable
from gridtokenx_edge.keystore import (
    KeySource,
    TokenKey,
    create_signing_key,
    destroy_signing_key,
    key_in_token,
    load_signer,
    parse_token_key,
    taken_names,
)
from gridtokenx_protocol.keys import Algorithm, Signer

Say = Callable[[str], None]
"""Takes a line of progress."""


def first_token_key(uri: str, serial: str, pin: Path) -> TokenKey:
    """Where the first key of a meter will be in a token: the first name that is free.

    Raises:
        ConfigError: The URI names no token.
        KeyFileError: Token or PIN are not there.
    """
    labels = (f"gridtokenx-{serial.strip()}-{number}" for number in count(1))
    keys = (key_in_token(uri, label, pin) for label in labels)
    return _first_free(keys)


def next_key(old: KeySource) -> KeySource:
    """Where the key that follows another will be: beside it, with the next number that is free.

    Raises:
        KeyFileError: Folder, token or PIN are not there.
    """
    if isinstance(old, TokenKey):
        base = _base(old.object)
        return _first_free(replace(old, object=f"{base}-{number}") for number in count(2))
    base, taken = _base(old.stem), taken_names(old)
    files = (old.with_name(f"{base}-{number}{old.suffix}") for number in count(2))
    return next(path for path in files if path.name not in taken)


def find_or_make(
    source: KeySource,
    algorithm: Algorithm,
    say: Say,
    *,
    claimed: bool,
    old: KeySource | None = None,
) -> Signer:
    """The key, drawn now unless it was before.

    Args:
        source: Where it is or will be.
        algorithm: Of a new key.
        say: Told about a new key, and about keys in a token that nobody asked for.
        claimed: Whether the hub may know the key; one that it cannot know and that was drawn only
            in part is drawn again.
        old: The key that it follows.

    Raises:
        KeyFileError: It cannot be read or made.
    """
    taken = taken_names(source)
    if isinstance(source, TokenKey):
        _tell_others(source, taken, old, say)
    if _name(source) in taken:
        signer = load_signer(source)
        if claimed or _signs(signer):
            return signer
        say("key: drawn only in part before; another takes its place")
        destroy_signing_key(source)
    signer = create_signing_key(source, algorithm)
    say(f"key: made, {describe_key(signer)['key_id']}")
    return signer


def let_go(source: KeySource, say: Say, *, destroy: bool) -> None:
    """End with a key that is not in force any more.

    Args:
        source: Where it is, or was.
        say: Told about a key that stays.
        destroy: Also a key in a token: what it signed can then never be signed again.

    Raises:
        KeyFileError: File or token keep it.
    """
    checkpoint_path(source).unlink(missing_ok=True)
    if destroy or isinstance(source, Path):
        destroy_signing_key(source)
    elif source.object in taken_names(source):
        say(
            f"key: the old one, {source}, is still in the token; the same command with"
            " --destroy-old-key deletes it for ever"
        )


def written(source: KeySource) -> str:
    """A key as settings and progress name it."""
    return source.uri if isinstance(source, TokenKey) else str(source)


def read(text: str, pin: Path) -> KeySource:
    """What ``written`` wrote.

    Raises:
        ConfigError: It is a URI that names no key.
    """
    return parse_token_key(text, pin) if text.startswith("pkcs11:") else Path(text)


def _first_free(keys: Iterator[TokenKey]) -> TokenKey:
    first = next(keys)
    taken = taken_names(first)
    return next(key for key in chain((first,), keys) if key.object not in taken)


def _signs(signer: Signer) -> bool:
    """A module that broke off can leave a key with its name and without its number."""
    try:
        signer.sign(b"is this key whole?")
    except KeyUnavailable:
        return False
    return True


def _tell_others(key: TokenKey, taken: set[str], old: KeySource | None, say: Say) -> None:
    """Keys of this meter that are not in use, and halves that a break left without a name."""
    known = {key.object, *(() if old is None else (_name(old),))}
    others = sorted(name for name in taken - known if _base(name) == _base(key.object))
    if "" in taken:
        others.append("keys without a name")
    if others:
        say(
            f"key: the token also holds {', '.join(others)}, of work before this; delete there what"
            " nothing uses"
        )


def _name(source: KeySource) -> str:
    return source.name if isinstance(source, Path) else source.object


def _base(name: str) -> str:
    return re.sub(r"-\d+$", "", name)
