"""Keys in a PKCS #11 token come and go: which there are, a new one, and one less.

A key is there when its private half is. A module may break off between the two halves of a new key;
a public half alone has never signed anything, and the next attempt takes its place.
"""

from collections.abc import Iterable
from typing import Final

import pkcs11

from gridtokenx_edge.errors import KeyFileError, TokenFull
from gridtokenx_edge.keystore.source import TokenKey
from gridtokenx_edge.keystore.token import CURVE, TokenSigner
from gridtokenx_edge.keystore.token_session import (
    LOCK,
    reason,
    require_mechanisms,
    session,
    slot_token,
)

_NO_ROOM: Final = (pkcs11.DeviceMemory, pkcs11.HostMemory)


def token_labels(key: TokenKey) -> set[str]:
    """The labels of all keys in a key's token.

    Raises:
        KeyFileError: Module, token or PIN are not there.
    """
    with LOCK:
        try:
            found = session(key).get_objects(
                {pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY}
            )
            return {str(private[pkcs11.Attribute.LABEL]) for private in found}
        except pkcs11.PKCS11Error as error:
            raise KeyFileError(f"{key}: {reason(error)}; check the token") from error


def create_token_key(key: TokenKey) -> TokenSigner:
    """Let the token draw a new key; the private half cannot be taken out.

    Raises:
        TokenFull: There is no room.
        MechanismMissing: The token draws no P-256 keys.
        KeyFileError: There is a key of that name, or the token makes none.
    """
    with LOCK:
        if key.object in token_labels(key):
            raise KeyFileError(f"{key} exists; keep it, or choose another name")
        require_mechanisms(key, pkcs11.Mechanism.EC_KEY_PAIR_GEN, pkcs11.Mechanism.ECDSA)
        _remove(key, (pkcs11.ObjectClass.PUBLIC_KEY,))
        try:
            _generate(key)
        except pkcs11.PKCS11Error as error:
            if isinstance(error, _NO_ROOM):
                raise TokenFull(
                    f"{key}: the token has no room for another key ({reason(error)}); delete one"
                    " that is not needed any more"
                ) from error
            raise KeyFileError(
                f"{key} cannot be made: {reason(error)}; has the token room for another key?"
            ) from error
    return TokenSigner(key)


def destroy_token_key(key: TokenKey) -> None:
    """Delete both halves of a key for ever, as far as they are there.

    Raises:
        KeyFileError: Module, token or PIN are not there, or the token keeps it.
    """
    with LOCK:
        # private first: what is left of a break is no key
        _remove(key, (pkcs11.ObjectClass.PRIVATE_KEY, pkcs11.ObjectClass.PUBLIC_KEY))


def _generate(key: TokenKey) -> None:
    private = {
        pkcs11.Attribute.TOKEN: True,
        pkcs11.Attribute.SENSITIVE: True,
        pkcs11.Attribute.EXTRACTABLE: False,
    }
    session(key)  # a process that is logged in is so in all its sessions
    with slot_token(key).open(rw=True) as writing:
        writing.create_domain_parameters(
            pkcs11.KeyType.EC, {pkcs11.Attribute.EC_PARAMS: CURVE}, local=True
        ).generate_keypair(
            store=True,
            label=key.object,
            capabilities=pkcs11.MechanismFlag.SIGN | pkcs11.MechanismFlag.VERIFY,
            private_template=private,
        )


def _remove(key: TokenKey, kinds: Iterable[pkcs11.ObjectClass]) -> None:
    session(key)
    try:
        with slot_token(key).open(rw=True) as writing:
            for kind in kinds:
                wanted = {pkcs11.Attribute.CLASS: kind, pkcs11.Attribute.LABEL: key.object}
                for found in list(writing.get_objects(wanted)):
                    found.destroy()
    except pkcs11.PKCS11Error as error:
        raise KeyFileError(f"{key} cannot be deleted: {reason(error)}; check the token") from error
