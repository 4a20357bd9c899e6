"""A P-256 signing key that never leaves its PKCS #11 token.

Needs the extra ``gridtokenx-edge[pkcs11]``; nothing else imports this module until a key is in a
token.
"""

import hashlib
from typing import Any, Final

import pkcs11
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pkcs11.util.ec import encode_named_curve_parameters

from gridtokenx_edge.errors import KeyFileError, KeyUnavailable
from gridtokenx_edge.keystore.source import TokenKey
from gridtokenx_edge.keystore.token_session import (
    LOCK,
    forget,
    reason,
    require_mechanisms,
    session,
)
from gridtokenx_protocol.errors import ProtocolError
from gridtokenx_protocol.keys import (
    SIGNATURE_SIZE,
    Algorithm,
    check_signature_form,
    load_public_key,
    low_s_signature,
)

CURVE: Final = encode_named_curve_parameters("secp256r1")
_POINT_SIZE: Final = 65
_HALF: Final = SIGNATURE_SIZE // 2


class TokenSigner:
    """A ``Signer`` over a key in a token; opens the token again after it was lost."""

    algorithm: Final = Algorithm.P256

    def __init__(self, key: TokenKey) -> None:
        """Open the key.

        Raises:
            KeyFileError: Module, token, PIN or key are not there, or it is another kind of key; by
                its subclass where there is one.
        """
        self._key = key
        with LOCK:
            self._session = session(key)
            require_mechanisms(key, pkcs11.Mechanism.ECDSA)
            self._private = _find(key, pkcs11.ObjectClass.PRIVATE_KEY)
            self.public_key = _public_key(key)

    def sign(self, message: bytes) -> bytes:
        """Sign; see ``Signer.sign``.

        Raises:
            KeyUnavailable: The token is gone, or does not sign.
        """
        digest = hashlib.sha256(message).digest()
        with LOCK:
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
        forget(self._key, self._session)
        try:
            self._session = session(self._key)
            self._private = _find(self._key, pkcs11.ObjectClass.PRIVATE_KEY)
            return self._sign(digest)
        except (pkcs11.PKCS11Error, KeyFileError) as error:
            raise KeyUnavailable(f"{self._key} does not sign: {reason(error)}") from error


# python-pkcs11 mixes sign() into a key when it meets one: no type of its has it
def _find(key: TokenKey, kind: pkcs11.ObjectClass) -> Any:
    try:
        found = session(key).get_key(
            object_class=kind, key_type=pkcs11.KeyType.EC, label=key.object
        )
    except pkcs11.NoSuchKey:
        raise KeyFileError(
            f"{key}: there is no such P-256 key; make it with: gtx-edge keys create --pkcs11"
        ) from None
    except pkcs11.MultipleObjectsReturned:
        raise KeyFileError(f"{key}: several keys have that name; give each its own") from None
    except pkcs11.PKCS11Error as error:
        raise KeyFileError(f"{key}: {reason(error)}; check the token") from error
    return found


def _public_key(key: TokenKey) -> bytes:
    """33 bytes, compressed. A token shows the point bare or as a DER OCTET STRING."""
    found = _find(key, pkcs11.ObjectClass.PUBLIC_KEY)
    try:
        point = bytes(found[pkcs11.Attribute.EC_POINT])[-_POINT_SIZE:]
        if bytes(found[pkcs11.Attribute.EC_PARAMS]) != CURVE:
            raise KeyFileError(f"{key} is another kind of key; use P-256")
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except (pkcs11.PKCS11Error, ValueError) as error:
        raise KeyFileError(f"{key}: its public half cannot be read; make it anew") from error
    compressed = public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    load_public_key(Algorithm.P256, compressed)
    return compressed
