"""What the hub reads from the bridge's contract, and how it hands in a release."""

from collections.abc import Sequence
from dataclasses import dataclass

from solders.pubkey import Pubkey

from gridtokenx_hub.bridge.evm_client import LATEST, EvmClient, WrongEvmChain
from gridtokenx_hub.chain import ChainUnavailable
from gridtokenx_programs.evm import BridgeId, PaymentState
from gridtokenx_programs.evm.words import WORD, address_of, address_word, selector, split, word

_SOLANA_CHAIN = selector("SOLANA_CHAIN()")
_THBC = selector("THBC()")
_PAYMENTS = selector("payments(bytes32)")
_TOTAL_LOCKED = selector("totalLocked()")
_GUARDIANS = selector("guardians()")
_EPOCH = selector("guardianEpoch()")
_THRESHOLD = selector("threshold()")
_BALANCE_OF = selector("balanceOf(address)")
_RELEASE = selector("release(bytes32,bytes[])")


@dataclass(frozen=True, slots=True)
class KeptPayment:
    """A payment as the bridge keeps it."""

    payer: bytes
    deadline_s: int
    state: PaymentState
    micro_thbc: int


@dataclass(frozen=True, slots=True)
class BridgeGuardians:
    """The set in office: its number, who they are, and how many have to sign."""

    epoch: int
    addresses: tuple[bytes, ...]
    threshold: int


class BridgeContract:
    """The contract of one bridge.

    Every method raises `ChainUnavailable` when the node does not answer, or not sensibly.
    """

    def __init__(self, client: EvmClient, bridge: BridgeId) -> None:
        self._client = client
        self._address = bridge.address

    async def require_solana_chain(self, genesis_hash: bytes) -> None:
        """Check that the node is on the right chain, and the right bridge at the address.

        Raises:
            WrongEvmChain: it is not.
        """
        await self._client.require_chain()
        if await self._view(_SOLANA_CHAIN) != genesis_hash:
            raise WrongEvmChain(
                f"no bridge of this Solana chain is at 0x{self._address.hex()}: see [bridge]"
            )

    async def payment(self, reservation: Pubkey, which: str = LATEST) -> KeptPayment:
        """Return what is kept of a payment."""
        payer, deadline_s, state, micro_thbc = await self._words(
            _PAYMENTS + bytes(reservation), 4, which
        )
        return KeptPayment(address_of(payer), deadline_s, PaymentState(state), micro_thbc)

    async def guardians(self) -> BridgeGuardians:
        """Return the set in office."""
        (epoch,), (threshold,) = await self._words(_EPOCH, 1), await self._words(_THRESHOLD, 1)
        answer = await self._view(_GUARDIANS)
        start, count, *found = split(answer, len(answer) // WORD)
        if start != WORD or count != len(found):
            raise ChainUnavailable("the bridge's guardians are no list of addresses")
        return BridgeGuardians(epoch, tuple(map(address_of, found)), threshold)

    async def micro_thbc_locked(self, which: str = LATEST) -> int:
        """Return what the bridge counts as locked."""
        (locked,) = await self._words(_TOTAL_LOCKED, 1, which)
        return locked

    async def micro_thbc_held(self, which: str = LATEST) -> int:
        """Return the bridge's balance of THBC, as the token says."""
        (token,) = await self._words(_THBC, 1)
        data = _BALANCE_OF + address_word(self._address)
        (held,) = split(await self._client.call(address_of(token), data, which), 1)
        return held

    async def _words(self, data: bytes, count: int, which: str = LATEST) -> list[int]:
        try:
            return split(await self._view(data, which), count)
        except ValueError as error:
            raise ChainUnavailable(f"the bridge's answer makes no sense: {error}") from error

    async def _view(self, data: bytes, which: str = LATEST) -> bytes:
        return await self._client.call(self._address, data, which)


def release_call(reservation: Pubkey, signatures: Sequence[bytes]) -> bytes:
    """The call that releases a payment (Solidity ABI): signatures in the order of their signers."""
    array_at = 2 * WORD
    places, tails, at = [], [], WORD * len(signatures)
    for signature in signatures:
        tail = word(len(signature)) + signature + bytes(-len(signature) % WORD)
        places.append(word(at))
        tails.append(tail)
        at += len(tail)
    array = word(len(signatures)) + b"".join(places + tails)
    return _RELEASE + bytes(reservation) + word(array_at) + array
