"""The keys that meters sign with, cached from the `meters` table."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import asyncpg
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from solders.pubkey import Pubkey
from solders.signature import Signature

from gridtokenx_hub.ingest.model import MeterId
from gridtokenx_protocol import cose
from gridtokenx_protocol.errors import BadKey, BadSignature
from gridtokenx_protocol.keys import Algorithm, check_signature_form, key_id, load_public_key

LOAD = """
SELECT meter_id, algorithm, public_key, previous_algorithm, previous_public_key
FROM meters WHERE meter_id = ANY($1)
"""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MeterKey:
    """A key of a meter, ready to verify with."""

    algorithm: Algorithm
    public_key: bytes
    kid: bytes
    _backend: Pubkey | ec.EllipticCurvePublicKey

    @classmethod
    def load(cls, algorithm: Algorithm, public_key: bytes) -> "MeterKey":
        """Check a public key and prepare it.

        Raises:
            BadKey: no chain program would accept it.
        """
        key = load_public_key(algorithm, public_key)
        if not isinstance(key, ec.EllipticCurvePublicKey):
            return cls(algorithm, public_key, key_id(public_key), Pubkey.from_bytes(public_key))
        return cls(algorithm, public_key, key_id(public_key), key)

    def verify(self, signed: cose.SignedMessage) -> None:
        """Check that this key signed the message.

        Accepts exactly what `gridtokenx_protocol.cose.verify` does, several times as fast:
        Ed25519 by solders (`verify_strict` of ed25519-dalek, as on chain), and keys parsed once.

        Raises:
            BadSignature: it did not, or the signature is not in the form the chain accepts.
        """
        if signed.algorithm is not self.algorithm or signed.kid != self.kid:
            raise BadSignature("the message names another key")
        check_signature_form(self.algorithm, signed.signature)
        if isinstance(self._backend, Pubkey):
            signature = Signature.from_bytes(signed.signature)
            if not signature.verify(self._backend, signed.signed_bytes()):
                raise BadSignature("the signature does not fit the message and the key")
            return
        r, s = signed.signature[:32], signed.signature[32:]
        der = encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
        try:
            self._backend.verify(der, signed.signed_bytes(), ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            raise BadSignature("the signature does not fit the message and the key") from None


class Keyring:
    """Cache of the registered meters' keys: the current one, and the one before while it counts.

    It may be stale, and decides nothing: whoever commits a verdict compares the key used with the
    table's and reads the meter's status there, in the same transaction. So a revocation is in
    force in every worker from the moment that the indexer has committed it. `forget` is called
    when the cache was wrong.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._keys: dict[MeterId, tuple[MeterKey, ...]] = {}

    def of(self, meter_id: MeterId) -> tuple[MeterKey, ...]:
        """Return the keys of a meter; none when it is not cached."""
        return self._keys.get(meter_id, ())

    def has(self, meter_id: MeterId, kid: bytes) -> bool:
        """Tell whether a meter's key of this id is cached."""
        return any(key.kid == kid for key in self.of(meter_id))

    async def load(self, meter_ids: Iterable[MeterId]) -> None:
        """Read these meters' keys from the database; unregistered ones stay unknown."""
        for row in await self._pool.fetch(LOAD, list(meter_ids)):
            meter_id, algorithm, public_key, previous_algorithm, previous_public_key = row
            pairs = [(algorithm, public_key)]
            if previous_public_key is not None:
                pairs.append((previous_algorithm, previous_public_key))
            self._keys[meter_id] = tuple(_usable(meter_id, pairs))

    def forget(self, meter_id: MeterId) -> None:
        """Drop keys that the database has no longer."""
        self._keys.pop(meter_id, None)


def _usable(meter_id: MeterId, pairs: Iterable[tuple[int, bytes]]) -> Iterator[MeterKey]:
    for algorithm, public_key in pairs:
        try:
            yield MeterKey.load(Algorithm(algorithm), public_key)
        except BadKey as error:
            log.warning("meter %s has no usable key: %s", meter_id.hex(), error)
