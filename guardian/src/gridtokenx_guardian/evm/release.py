"""What guardians sign for the release of a payment (EIP-712), as `ThaiBahtBridge` makes it."""

from dataclasses import dataclass

from solders.pubkey import Pubkey

from gridtokenx_guardian.evm.words import address_word, keccak, word
from gridtokenx_guardian.facts import BridgeId

_DOMAIN = keccak(
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_NAME = keccak(b"GridTokenX ThaiBahtBridge")
_VERSION = keccak(b"1")
_RELEASE = keccak(b"Release(bytes32 reservation,address payer,uint256 amount,uint64 guardianEpoch)")


@dataclass(frozen=True, slots=True)
class Release:
    """A payment that is to go to the treasury, and the epoch of those who say so."""

    reservation: Pubkey
    payer: bytes
    amount_micro_thbc: int
    guardian_epoch: int

    def digest(self, bridge: BridgeId) -> bytes:
        """The 32 bytes that guardians of this bridge sign."""
        domain = keccak(
            _DOMAIN + _NAME + _VERSION + word(bridge.chain_id) + address_word(bridge.address)
        )
        message = keccak(
            _RELEASE
            + bytes(self.reservation)
            + address_word(self.payer)
            + word(self.amount_micro_thbc)
            + word(self.guardian_epoch)
        )
        return keccak(b"\x19\x01" + domain + message)
