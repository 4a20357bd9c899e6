"""The bridge, asked through a guardian's own EVM endpoint; everything at a final block."""

from typing import Any

from solders.pubkey import Pubkey

from gridtokenx_guardian.errors import EndpointNonsense, HeightWentBackwards, WrongChain
from gridtokenx_guardian.facts import (
    Block,
    BridgeGuardians,
    Kept,
    Payment,
)
from gridtokenx_guardian.rpc import Rpc
from gridtokenx_programs.evm import BridgeId, PaymentState
from gridtokenx_programs.evm.words import (
    WORD,
    address_of,
    keccak,
    quantity,
    selector,
    small,
    split,
    unhex,
)

PAYMENT_RECEIVED = keccak(b"PaymentReceived(bytes32,address,bytes32,uint256,uint64)")
_SOLANA_CHAIN = selector("SOLANA_CHAIN()")
_PAYMENTS = selector("payments(bytes32)")
_GUARDIAN_EPOCH = selector("guardianEpoch()")
_GUARDIANS = selector("guardians()")


class Bridge:
    """Asks for blocks, payments and guardians.

    Every method raises an `EndpointError` when the endpoint does not answer, or not sensibly.

    Args:
        rpc: the endpoint.
        bridge: which bridge is meant.
        genesis_hash: of the Solana chain that it must belong to.
        confirmations: how many blocks make one final; None where the node says what is final.
    """

    def __init__(
        self, rpc: Rpc, bridge: BridgeId, genesis_hash: bytes, confirmations: int | None
    ) -> None:
        self._rpc = rpc
        self._id = bridge
        self._genesis_hash = genesis_hash
        self._confirmations = confirmations
        self._last_final = 0

    async def final_block(self) -> Block:
        """Return the newest final block, of the right chain, on which the right bridge is.

        Raises:
            WrongChain: the endpoint serves another chain, or another bridge is at the address.
            HeightWentBackwards: a later block was final before.
        """
        answer = await self._rpc.call("eth_chainId")
        with self._rpc.expecting("eth_chainId"):
            chain_id = quantity(answer)
        if chain_id != self._id.chain_id:
            raise WrongChain(self._rpc.name, f"chain id {chain_id}, not {self._id.chain_id}")
        block = await self._newest_final()
        if block.number < self._last_final:
            before, self._last_final = self._last_final, block.number
            raise HeightWentBackwards(
                self._rpc.name, f"block {block.number} is final, and {before} was"
            )
        self._last_final = block.number
        solana_chain = await self._call(_SOLANA_CHAIN, block)
        if solana_chain != self._genesis_hash:
            raise WrongChain(self._rpc.name, "no bridge of this Solana chain at its address")
        return block

    async def block(self, number: int) -> Block | None:
        """Return a block, None if the chain is not that high."""
        answer = await self._rpc.call("eth_getBlockByNumber", hex(number), False)
        return None if answer is None else self._block(answer, number)

    async def payments_received(self, first: int, last: int) -> list[Payment]:
        """Return the payments in these blocks, both included."""
        asked = {
            "address": _hex(self._id.address),
            "topics": [_hex(PAYMENT_RECEIVED)],
            "fromBlock": hex(first),
            "toBlock": hex(last),
        }
        answer = await self._rpc.call("eth_getLogs", asked)
        with self._rpc.expecting("eth_getLogs"):
            places = [(quantity(log["blockNumber"]), unhex(log["blockHash"])) for log in answer]
        found = []
        for log, (number, block_hash) in zip(answer, places, strict=True):
            block = await self.block(number)
            if block is None or block.hash != block_hash or not first <= number <= last:
                raise EndpointNonsense(self._rpc.name, "eth_getLogs: a log of no block asked for")
            with self._rpc.expecting("eth_getLogs"):
                found.append(self._payment(log, block))
        return found

    async def kept(self, reservation: Pubkey, at: Block) -> Kept:
        """Return what the bridge's storage holds of a payment after this block."""
        answer = await self._call(_PAYMENTS + bytes(reservation), at)
        with self._rpc.expecting("payments"):
            payer, deadline_s, state, amount = split(answer, 4)
            return Kept(address_of(payer), small(deadline_s), PaymentState(state), amount)

    async def guardians(self, at: Block) -> BridgeGuardians:
        """Return who is in office after this block."""
        epoch, addresses = await self._call(_GUARDIAN_EPOCH, at), await self._call(_GUARDIANS, at)
        with self._rpc.expecting("guardians"):
            (number,) = split(epoch, 1)
            start, count, *found = split(addresses, len(addresses) // WORD)
            if start != WORD or count != len(found):
                raise ValueError("not an array of addresses")
            return BridgeGuardians(small(number), tuple(map(address_of, found)))

    async def _newest_final(self) -> Block:
        if self._confirmations is None:
            answer = await self._rpc.call("eth_getBlockByNumber", "finalized", False)
            if answer is None:
                raise EndpointNonsense(
                    self._rpc.name, "it knows no final block: configure evm.confirmations"
                )
            return self._block(answer)
        answer = await self._rpc.call("eth_blockNumber")
        with self._rpc.expecting("eth_blockNumber"):
            number = max(0, quantity(answer) - self._confirmations)
        block = await self.block(number)
        if block is None:
            raise EndpointNonsense(self._rpc.name, f"block {number} is below the newest, and gone")
        return block

    async def _call(self, data: bytes, at: Block) -> bytes:
        """Call a view by the block's hash: it fails if the block is no longer of the chain."""
        asked = {"to": _hex(self._id.address), "data": _hex(data)}
        where = {"blockHash": _hex(at.hash), "requireCanonical": True}
        answer = await self._rpc.call("eth_call", asked, where)
        with self._rpc.expecting("eth_call"):
            return unhex(answer)

    def _block(self, answer: Any, number: int | None = None) -> Block:
        with self._rpc.expecting("eth_getBlockByNumber"):
            block = Block(
                quantity(answer["number"]),
                unhex(answer["hash"], WORD),
                quantity(answer["timestamp"]),
            )
            if number not in {None, block.number}:
                raise ValueError(f"block {block.number}, not {number}")
            return block

    def _payment(self, log: Any, block: Block) -> Payment:
        event, reservation, payer, wallet = (unhex(topic, WORD) for topic in log["topics"])
        if event != PAYMENT_RECEIVED or unhex(log["address"]) != self._id.address:
            raise ValueError("a log that was not asked for")
        amount, deadline_s = split(unhex(log["data"]), 2)
        return Payment(
            reservation=Pubkey(reservation),
            payer=address_of(int.from_bytes(payer, "big")),
            wallet=Pubkey(wallet),
            amount_micro_thbc=amount,
            deadline_s=small(deadline_s),
            block_number=block.number,
            block_time_s=block.time_s,
        )


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
