"""A P-256 signing key that never leaves its PKCS #11 token.

Needs the extra ``gridtokenx-edge[pkcs11]``; nothing else imports this module until a key is in a
token.
"""

import hashlib
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pkcs11
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pkcs11.util.ec import encode_named_curve_parameters

from gridtokenx_edge.errors import KeyFileError, KeyUnavailable
from gridtokenx_edge.keystore.files import read_private_file
from gridtokenx_edge.keystore.source import TokenKey
from gridtokenx_protocol.errors import ProtocolError
from gridtokenx_protocol.keys import (
    SIGNATURE_SIZE,
    Algorithm,
    check_signature_form,
    load_public_key,
    low_s_signature,
)

_CURVE: Final = encode_named_curve_parameters("secp256r1")
_POINT_SIZE: Final = 65
_HALF: Final = SIGNATURE_SIZE // 2
_sessions: dict[tuple[Path, str], pkcs11.Session] = {}
# a process logs in to a token once, and may sign with one key at a time
_LOCK: Final = threading.RLock()


class TokenSigner:
    """A ``Signer`` over a key in a token; opens the token again after it was lost."""

    algorithm: Final = Algorithm.P256

    def __init__(self, key: TokenKey) -> None:
        """Open the key.

        Raises:
            KeyFileError: Module, token, PIN or key are not there, or it is another kind of key.
        """
        self._key = key
        with _LOCK:
            self._session = _session(key)
            self._private = _find(key, pkcs11.ObjectClass.PRIVATE_KEY)
            self.public_key = _public_key(key)

    def sign(self, message: bytes) -> bytes:
        """Sign; see ``Signer.sign``.

        Raises:
            KeyUnavailable: The token is gone, or does not sign.
        """
        digest = hashlib.sha256(message).digest()
        with _LOCK:
            try:
                raw = self._sign(digest)
            except pkcs11.PKCS11Error:
                raw = self._sign_anew(digest)
        try:
            halves = (int.from_bytes(raw[:_HALF], "big"), int.from_bytes(raw[_HALF:], "big"))
            signature = low_s_signature(encode_dss_signature(*halves))
            check_signature_form(self.algorithm, signature)
        except (ProtocolError, OverflowError) as error:
            raise KeyUnavailable(
                f"{self._key} makes no P-256 signature; check the token"
            ) from error
        return signature

    def _sign(self, digest: bytes) -> bytes:
        return bytes(self._private.sign(digest, mechanism=pkcs11.Mechanism.ECDSA))

    def _sign_anew(self, digest: bytes) -> bytes:
        """A token that was pulled out and put back is another session."""
        place = self._key.module, self._key.token
        if _sessions.get(place) is self._session:  # else another key has opened the token again
            del _sessions[place]
            with suppress(pkcs11.PKCS11Error):
                self._session.close()
        try:
            self._session = _session(self._key)
            self._private = _find(self._key, pkcs11.ObjectClass.PRIVATE_KEY)
            return self._sign(digest)
        except (pkcs11.PKCS11Error, KeyFileError) as error:
            raise KeyUnavailable(f"{self._key} does not sign: {_reason(error)}") from error


def create_token_key(key: TokenKey) -> TokenSigner:
    """Let the token draw a new key; the private half cannot be taken out.

    Raises:
        KeyFileError: There is a key of that name, or the token makes none.
    """
    with _LOCK:
        session = _session(key)
        if list(session.get_objects({pkcs11.Attribute.LABEL: key.object})):
            raise KeyFileError(f"{key} exists; keep it, or choose another name")
        private = {
            pkcs11.Attribute.TOKEN: True,
            pkcs11.Attribute.SENSITIVE: True,
            pkcs11.Attribute.EXTRACTABLE: False,
        }
        try:
            with _slot_token(key).open(rw=True) as writing:
                writing.create_domain_parameters(
                    pkcs11.KeyType.EC, {pkcs11.Attribute.EC_PARAMS: _CURVE}, local=True
                ).generate_keypair(
                    store=True,
                    label=key.object,
                    capabilities=pkcs11.MechanismFlag.SIGN | pkcs11.MechanismFlag.VERIFY,
                    private_template=private,
                )
        except pkcs11.PKCS11Error as error:
            raise KeyFileError(f"{key} cannot be made: {_reason(error)}") from error
    return TokenSigner(key)


# python-pkcs11 mixes sign() into a key when it meets one: no type of its has it
def _find(key: TokenKey, kind: pkcs11.ObjectClass) -> Any:
    try:
        found = _session(key).get_key(
            object_class=kind, key_type=pkcs11.KeyType.EC, label=key.object
        )
    except pkcs11.NoSuchKey:
        raise KeyFileError(
            f"{key}: there is no such P-256 key; make it with: gtx-edge keys create --pkcs11"
        ) from None
    except pkcs11.MultipleObjectsReturned:
        raise KeyFileError(f"{key}: several keys have that name; give each its own") from None
    except pkcs11.PKCS11Error as error:
        raise KeyFileError(f"{key}: {_reason(error)}; check the token") from error
    return found


def _public_key(key: TokenKey) -> bytes:
    """33 bytes, compressed. A token shows the point bare or as a DER OCTET STRING."""
    found = _find(key, pkcs11.ObjectClass.PUBLIC_KEY)
    try:
        point = bytes(found[pkcs11.Attribute.EC_POINT])[-_POINT_SIZE:]
        if bytes(found[pkcs11.Attribute.EC_PARAMS]) != _CURVE:
            raise KeyFileError(f"{key} is another kind of key; use P-256")
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except (pkcs11.PKCS11Error, ValueError) as error:
        raise KeyFileError(f"{key}: its public half cannot be read; make it anew") from error
    compressed = public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    load_public_key(Algorithm.P256, compressed)
    return compressed


def _session(key: TokenKey) -> pkcs11.Session:
    place = key.module, key.token
    if place not in _sessions:
        if not key.pin.is_file():
            raise KeyFileError(f"there is no file {key.pin}; write the PIN there, mode 0600")
        pin = read_private_file(key.pin).decode(errors="replace").strip()
        token = _slot_token(key)
        try:
            _sessions[place] = token.open(user_pin=pin)
        except pkcs11.PKCS11Error as error:
            raise KeyFileError(
                f"{key}: {_reason(error)}; check the PIN in {key.pin}"
            ) from None  # whatever the module says beside its reason is not shown
    return _sessions[place]


def _slot_token(key: TokenKey) -> pkcs11.Token:
    try:
        return pkcs11.lib(str(key.module)).get_token(token_label=key.token)
    except pkcs11.NoSuchToken:
        raise KeyFileError(f"{key}: no such token; is it plugged in and initialised?") from None
    except (pkcs11.PKCS11Error, RuntimeError, OSError) as error:
        raise KeyFileError(
            f"{key}: {key.module} cannot be used: {_reason(error)}; check module-path"
        ) from error


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
