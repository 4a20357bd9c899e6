"""What is signed for the bridge (EIP-712), as `ThaiBahtBridge` makes it."""

from dataclasses import dataclass
from enum import IntEnum

from solders.pubkey import Pubkey

from gridtokenx_programs.evm.words import address_word, keccak, word

_DOMAIN = keccak(
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_NAME = keccak(b"GridTokenX ThaiBahtBridge")
_VERSION = keccak(b"1")
_QUOTE = keccak(
    b"Quote(address payer,bytes32 reservation,bytes32 solanaWallet,bytes32 solanaChain,"
    b"uint256 amount,uint64 deadline)"
)
_RELEASE = keccak(b"Release(bytes32 reservation,address payer,uint256 amount,uint64 guardianEpoch)")


class PaymentState(IntEnum):
    """What becomes of a payment, as the bridge counts it."""

    NONE = 0
    LOCKED = 1
    RELEASED = 2
    REFUNDED = 3


@dataclass(frozen=True, slots=True)
class BridgeId:
    """Which bridge: the id of its EVM chain, and the contract's 20-byte address there."""

    chain_id: int
    address: bytes

    def digest(self, struct_hash: bytes) -> bytes:
        """The 32 bytes that are signed of a struct in this bridge's domain."""
        domain = keccak(
            _DOMAIN + _NAME + _VERSION + word(self.chain_id) + address_word(self.address)
        )
        return keccak(b"\x19\x01" + domain + struct_hash)


@dataclass(frozen=True, slots=True)
class Quote:
    """What the hub offers a buyer: this payer may pay exactly this for this reservation.

    Attributes:
        payer: the 20-byte account that has to pay.
        reservation: address of the reservation on Solana.
        solana_wallet: the buyer's, which gets the energy.
        solana_chain: genesis hash of the Solana chain, 32 bytes.
        amount_micro_thbc: to be paid exactly.
        deadline_s: Unix seconds until which it can be paid.
    """

    payer: bytes
    reservation: Pubkey
    solana_wallet: Pubkey
    solana_chain: bytes
    amount_micro_thbc: int
    deadline_s: int

    def digest(self, bridge: BridgeId) -> bytes:
        """The 32 bytes that the signer of this bridge's quotes signs."""
        return bridge.digest(
            keccak(
                _QUOTE
                + address_word(self.payer)
                + bytes(self.reservation)
                + bytes(self.solana_wallet)
                + self.solana_chain
                + word(self.amount_micro_thbc)
                + word(self.deadline_s)
            )
        )


@dataclass(frozen=True, slots=True)
class Release:
    """A payment that is to go to the treasury, and the epoch of those who say so."""

    reservation: Pubkey
    payer: bytes
    amount_micro_thbc: int
    guardian_epoch: int

    def digest(self, bridge: BridgeId) -> bytes:
        """The 32 bytes that guardians of this bridge sign."""
        return bridge.digest(
            keccak(
                _RELEASE
                + bytes(self.reservation)
                + address_word(self.payer)
                + word(self.amount_micro_thbc)
                + word(self.guardian_epoch)
            )
        )
