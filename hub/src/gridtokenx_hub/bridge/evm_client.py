"""An EVM node, asked by JSON-RPC (execution-apis): blocks, logs, calls, accounts, transactions."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from gridtokenx_hub.chain import ChainUnavailable, RequestRefused
from gridtokenx_hub.chain.rpc import RpcConnection
from gridtokenx_programs.evm.words import WORD, quantity, unhex

LATEST, FINALIZED, PENDING = "latest", "finalized", "pending"


class WrongEvmChain(ChainUnavailable):
    """The node serves another chain, or the contract is not what it must be."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block; its time is in Unix seconds, the base fee in wei."""

    number: int
    hash: bytes
    time_s: int
    base_fee_wei: int


@dataclass(frozen=True, slots=True)
class Log:
    """An event of a contract as a transaction has left it."""

    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: bytes
    index: int
    transaction: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a transaction, and in which block."""

    succeeded: bool
    block_number: int


class EvmClient:
    """Asks one node, of which it believes only what has the right form.

    Every method raises `ChainUnavailable` when the node does not answer, or not sensibly, and
    `RequestRefused` when it answers with an error.
    """

    def __init__(self, url: str, chain_id: int, confirmations: int | None = None) -> None:
        """Ask the node at `url`, which must serve `chain_id`.

        `confirmations` says how many blocks make one final; None where the node knows.
        """
        self.chain_id = chain_id
        self._rpc = RpcConnection(url)
        self._confirmations = confirmations

    async def close(self) -> None:
        """Close all connections."""
        await self._rpc.close()

    async def require_chain(self) -> None:
        """Check that it is the right chain.

        Raises:
            WrongEvmChain: it is another.
        """
        found = await self._quantity("eth_chainId")
        if found != self.chain_id:
            raise WrongEvmChain(f"{self._rpc.url} serves chain {found}, not {self.chain_id}")

    async def block(self, which: int | str) -> Block | None:
        """Return a block by its number or name, None if there is none."""
        wanted = hex(which) if isinstance(which, int) else which
        answer: Any = await self._rpc.call("eth_getBlockByNumber", wanted, False)
        if answer is None:
            return None
        with _expecting("eth_getBlockByNumber"):
            block = Block(
                quantity(answer["number"]),
                unhex(answer["hash"], WORD),
                quantity(answer["timestamp"]),
                quantity(answer.get("baseFeePerGas", "0x0")),
            )
            if isinstance(which, int) and block.number != which:
                raise ValueError(f"block {block.number}, not {which}")
            return block

    async def newest(self) -> Block:
        """Return the newest block."""
        return _present(await self.block(LATEST), LATEST)

    async def final_number(self) -> int:
        """Return the number of the newest block that no reorg takes back."""
        if self._confirmations is None:
            return _present(await self.block(FINALIZED), FINALIZED).number
        return max(0, (await self.newest()).number - self._confirmations)

    async def logs(self, contract: bytes, first: int, last: int) -> list[Log]:
        """Return a contract's logs in these blocks, both included, in their order."""
        asked: dict[str, Any] = {
            "address": hexed(contract),
            "fromBlock": hex(first),
            "toBlock": hex(last),
        }
        answer: Any = await self._rpc.call("eth_getLogs", asked)
        with _expecting("eth_getLogs"):
            found = [_log(entry) for entry in answer if unhex(entry["address"]) == contract]
            if not all(first <= log.block_number <= last for log in found):
                raise ValueError("a log of no block asked for")
            return sorted(found, key=lambda log: (log.block_number, log.index))

    async def call(self, contract: bytes, data: bytes, which: str = LATEST) -> bytes:
        """Return what a contract answers to a call that changes nothing."""
        asked: dict[str, Any] = {"to": hexed(contract), "data": hexed(data)}
        answer: Any = await self._rpc.call("eth_call", asked, which)
        with _expecting("eth_call"):
            return unhex(answer)

    async def transaction_count(self, account: bytes, which: str) -> int:
        """Return the nonce that an account's next transaction takes."""
        return await self._quantity("eth_getTransactionCount", hexed(account), which)

    async def balance_wei(self, account: bytes) -> int:
        """Return an account's ether."""
        return await self._quantity("eth_getBalance", hexed(account), LATEST)

    async def estimate_gas(self, sender: bytes, to: bytes, data: bytes) -> int:
        """Return what a transaction would use; refused if it would fail."""
        asked: dict[str, Any] = {"from": hexed(sender), "to": hexed(to), "data": hexed(data)}
        return await self._quantity("eth_estimateGas", asked)

    async def priority_fee_wei(self) -> int:
        """Return the tip for whoever makes the block that is usual now."""
        return await self._quantity("eth_maxPriorityFeePerGas")

    async def send_raw(self, raw: bytes) -> None:
        """Hand in a signed transaction; one that the node has already is no error."""
        try:
            await self._rpc.call("eth_sendRawTransaction", hexed(raw))
        except RequestRefused as refused:
            if not any(known in refused.message.lower() for known in _HAS_IT):
                raise

    async def receipt(self, transaction: bytes) -> Receipt | None:
        """Return what became of a transaction, None while it is in no block."""
        answer: Any = await self._rpc.call("eth_getTransactionReceipt", hexed(transaction))
        if answer is None:
            return None
        with _expecting("eth_getTransactionReceipt"):
            return Receipt(quantity(answer["status"]) == 1, quantity(answer["blockNumber"]))

    async def _quantity(self, method: str, *params: Any) -> int:
        answer: Any = await self._rpc.call(method, *params)
        with _expecting(method):
            return quantity(answer)


_HAS_IT = ("already known", "already imported", "known transaction", "nonce too low")
"""How nodes say that a transaction came before, by it or by another of its nonce."""


def hexed(data: bytes) -> str:
    """Write bytes as JSON-RPC does."""
    return "0x" + data.hex()


@contextmanager
def _expecting(what: str) -> Iterator[None]:
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise ChainUnavailable(
            f"the EVM node's answer to {what} makes no sense: {error}"
        ) from error


def _present(block: Block | None, which: str) -> Block:
    if block is None:
        raise ChainUnavailable(
            f"the EVM node knows no {which} block: set confirmations under [bridge]"
        )
    return block


def _log(entry: Any) -> Log:
    return Log(
        tuple(unhex(topic, WORD) for topic in entry["topics"]),
        unhex(entry["data"]),
        quantity(entry["blockNumber"]),
        unhex(entry["blockHash"], WORD),
        quantity(entry["logIndex"]),
        unhex(entry["transactionHash"], WORD),
    )
