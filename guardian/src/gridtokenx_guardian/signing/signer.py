"""Signs decisions, and nothing else: what leaves this process follows from what is on disk."""

import hashlib
from dataclasses import dataclass

from solders.pubkey import Pubkey

from gridtokenx_guardian.keys import Keys
from gridtokenx_guardian.signing.decisions import KIND_SIZE, Decisions
from gridtokenx_programs.attestation import PAID, Attestation
from gridtokenx_programs.evm import BridgeId, Release


@dataclass(frozen=True, slots=True)
class SignedAttestation:
    """An attestation's kind and message, and the Ed25519 signature of its SHA-256."""

    is_paid: bool
    message: bytes
    digest: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class SignedRelease:
    """A release, and the 65-byte signature of its EIP-712 digest."""

    release: Release
    digest: bytes
    signature: bytes


class Signer:
    """A guardian's keys and decisions, for one bridge.

    Both signature schemes are deterministic: the same decision gives the same signature again,
    whatever happened in between.
    """

    def __init__(self, keys: Keys, decisions: Decisions, bridge: BridgeId) -> None:
        self.keys = keys
        self._decisions = decisions
        self._bridge = bridge

    def attest(self, attestation: Attestation) -> SignedAttestation:
        """Decide on an attestation and sign it.

        Raises:
            ContraryDecision: it contradicts what was decided before.
            StateError: the disk did not take the decision.
        """
        message = attestation.encode()
        self._decisions.attest(attestation.reservation, message)
        return self._signed_attestation(message)

    def release(self, release: Release) -> SignedRelease:
        """Decide on a release and sign it.

        Raises:
            ContraryDecision: it contradicts what was decided before.
            StateError: the disk did not take the decision.
        """
        self._decisions.decide_release(release)
        return self._signed_release(release)

    def attested(self, reservation: Pubkey) -> SignedAttestation | None:
        """The attestation that was decided of a reservation, signed."""
        message = self._decisions.attestation(reservation)
        return None if message is None else self._signed_attestation(message)

    def released(self, reservation: Pubkey) -> SignedRelease | None:
        """The release that was decided of a reservation, signed."""
        release = self._decisions.release(reservation)
        return None if release is None else self._signed_release(release)

    def _signed_attestation(self, message: bytes) -> SignedAttestation:
        digest = hashlib.sha256(message).digest()
        signature = self.keys.sign_solana(digest)
        return SignedAttestation(message[:KIND_SIZE] == PAID, message, digest, signature)

    def _signed_release(self, release: Release) -> SignedRelease:
        digest = release.digest(self._bridge)
        return SignedRelease(release, digest, self.keys.sign_evm(digest))
