"""The hub's view of a Solana chain, one typed method for each question."""

import asyncio
import base64
from collections.abc import Sequence
from typing import Any

from solders.hash import Hash
from solders.pubkey import Pubkey

from gridtokenx_hub import base58
from gridtokenx_hub.chain.decoding import decode_transaction
from gridtokenx_hub.chain.errors import ChainUnavailable, RequestRefused
from gridtokenx_hub.chain.rpc import RETRY_PAUSES_S, RpcConnection
from gridtokenx_hub.chain.types import (
    AccountInfo,
    LatestBlockhash,
    SignatureInfo,
    SignatureStatus,
    Transaction,
)
from gridtokenx_hub.json_types import Json, JsonObject

MAX_ACCOUNTS = 100
MAX_STATUSES = 256
MAX_SIGNATURES = 1000
MAX_BATCH = 50  # a request is 50 KiB at most; a node that answers more at once is deaf to others
AIRDROP_TIMEOUT_S = 30.0
AIRDROP_POLL_S = 0.1

_INVALID_PARAMS = -32602
_BLOCK_MISSING = {-32004, -32007, -32009}
_COMMITMENT: JsonObject = {"commitment": "confirmed"}
_FINAL: JsonObject = {"commitment": "finalized"}
_WHOLE_TRANSACTION: JsonObject = {
    **_COMMITMENT,
    "encoding": "base64",
    "maxSupportedTransactionVersion": 0,
}


class ChainClient:
    """Asks the node at `rpc_url` for what is confirmed, where nothing else is said.

    Every method raises `ChainUnavailable` when the node does not answer after the retries that
    `retry_pauses_s` spaces out, and `RequestRefused` when it refuses the question.
    """

    def __init__(self, rpc_url: str, retry_pauses_s: Sequence[float] = RETRY_PAUSES_S) -> None:
        self._rpc = RpcConnection(rpc_url, retry_pauses_s)

    async def close(self) -> None:
        """Close all connections."""
        await self._rpc.close()

    async def genesis_hash(self) -> Hash:
        """Return what tells this chain from all others."""
        return Hash.from_string(await self._ask("getGenesisHash"))

    async def slot(self) -> int:
        """Return the newest slot."""
        return int(await self._ask("getSlot", _COMMITMENT))

    async def final_slot(self) -> int:
        """Return the newest slot that no fork can take back."""
        return int(await self._ask("getSlot", _FINAL))

    async def block_height(self) -> int:
        """Return the height by which blockhashes expire."""
        return int(await self._ask("getBlockHeight", _COMMITMENT))

    async def block_time(self, slot: int) -> int | None:
        """Return the Unix time of a slot in seconds, None if it has no block."""
        try:
            time: int | None = await self._ask("getBlockTime", slot)
        except RequestRefused as error:
            if error.code in _BLOCK_MISSING:
                return None
            raise
        return time

    async def latest_blockhash(self) -> LatestBlockhash:
        """Return a blockhash for new transactions."""
        value = (await self._ask("getLatestBlockhash", _COMMITMENT))["value"]
        return LatestBlockhash(
            blockhash=Hash.from_string(value["blockhash"]),
            last_valid_block_height=value["lastValidBlockHeight"],
        )

    async def account(self, address: Pubkey) -> AccountInfo | None:
        """Return an account, None if there is none."""
        answer = await self._ask(
            "getAccountInfo", str(address), {**_COMMITMENT, "encoding": "base64"}
        )
        return _account(answer["value"])

    async def accounts(
        self, addresses: Sequence[Pubkey], *, final: bool = False
    ) -> list[AccountInfo | None]:
        """Return accounts in the order of `addresses`; every hundred are of one slot.

        If `final`, they are as they were in the newest slot that no fork can take back.
        """
        found: list[AccountInfo | None] = []
        for start in range(0, len(addresses), MAX_ACCOUNTS):
            answer = await self._ask(
                "getMultipleAccounts",
                [str(address) for address in addresses[start : start + MAX_ACCOUNTS]],
                {**(_FINAL if final else _COMMITMENT), "encoding": "base64"},
            )
            found += [_account(value) for value in answer["value"]]
        return found

    async def program_accounts(
        self, program: Pubkey, offset: int, expected: bytes
    ) -> list[tuple[Pubkey, AccountInfo]]:
        """Return a program's accounts whose data has `expected` at `offset`.

        Many public nodes refuse this question: it makes them look at every account.
        """
        memcmp = {"offset": offset, "bytes": base58.encode(expected)}
        answer = await self._ask(
            "getProgramAccounts",
            str(program),
            {**_COMMITMENT, "encoding": "base64", "filters": [{"memcmp": memcmp}]},
        )
        return [
            (Pubkey.from_string(entry["pubkey"]), _decoded(entry["account"])) for entry in answer
        ]

    async def balance(self, address: Pubkey) -> int:
        """Return the lamports of an address."""
        return int((await self._ask("getBalance", str(address), _COMMITMENT))["value"])

    async def token_balance(self, token_account: Pubkey) -> int:
        """Return the base units in a token account, 0 if it does not exist."""
        return await self._amount("getTokenAccountBalance", token_account)

    async def token_supply(self, mint: Pubkey) -> int:
        """Return the base units of a mint that exist, 0 if there is no such mint."""
        return await self._amount("getTokenSupply", mint)

    async def minimum_rent(self, data_size: int) -> int:
        """Return the lamports that exempt an account with `data_size` bytes from rent."""
        return int(await self._ask("getMinimumBalanceForRentExemption", data_size, _COMMITMENT))

    async def send_raw(self, raw: bytes, *, preflight: bool = True) -> str:
        """Hand a signed transaction to the chain and return its signature.

        With `preflight` the node tries it first, and one that would fail is refused
        (`RequestRefused` with code -32002 and the failure in `data`). Without, the node passes it
        on as it is, and `signature_statuses` tells what became of it.
        """
        signature: str = await self._ask(
            "sendTransaction",
            base64.b64encode(raw).decode(),
            {
                "encoding": "base64",
                "skipPreflight": not preflight,
                "preflightCommitment": "confirmed",
                "maxRetries": 0,  # the sender resends by itself, and knows when to stop
            },
        )
        return signature

    async def simulate(self, raw: bytes) -> tuple[Json, list[str]]:
        """Have the node try a transaction, signed or not; return its error and its logs.

        An error of None means that it would work.
        """
        answer = await self._ask(
            "simulateTransaction",
            base64.b64encode(raw).decode(),
            {**_COMMITMENT, "encoding": "base64", "sigVerify": False},
        )
        value = answer["value"]
        return value["err"], value["logs"] or []

    async def signature_statuses(
        self, signatures: Sequence[str], *, search_history: bool = False
    ) -> list[SignatureStatus | None]:
        """Return what became of transactions, None for those not executed.

        Without `search_history` only those of the last minute or so are found.
        """
        found: list[SignatureStatus | None] = []
        for start in range(0, len(signatures), MAX_STATUSES):
            answer = await self._ask(
                "getSignatureStatuses",
                list(signatures[start : start + MAX_STATUSES]),
                {"searchTransactionHistory": search_history},
            )
            found += [_status(value) for value in answer["value"]]
        return found

    async def transaction(self, signature: str) -> Transaction | None:
        """Return an executed transaction with its logs and inner instructions."""
        return _transaction(await self._ask("getTransaction", signature, _WHOLE_TRANSACTION))

    async def transactions(self, signatures: Sequence[str]) -> list[Transaction | None]:
        """Return executed transactions in the order of `signatures`, None for those not executed.

        Many are asked for in one request, and several requests are under way at once.
        """
        batches = [
            [(signature, _WHOLE_TRANSACTION) for signature in signatures[start : start + MAX_BATCH]]
            for start in range(0, len(signatures), MAX_BATCH)
        ]
        answers = await asyncio.gather(
            *(self._rpc.call_all("getTransaction", batch) for batch in batches)
        )
        return [_transaction(answer) for batch in answers for answer in batch]

    async def signatures_for_address(
        self,
        address: Pubkey,
        *,
        before: str | None = None,
        until: str | None = None,
        limit: int = MAX_SIGNATURES,
    ) -> list[SignatureInfo]:
        """Return transactions that name an address, newest first, at most `limit` (1 to 1000).

        `before` and `until` are signatures between which the transactions are, both excluded.
        """
        bounds = {"before": before, "until": until}
        answer = await self._ask(
            "getSignaturesForAddress",
            str(address),
            {
                **_COMMITMENT,
                "limit": limit,
                **{name: value for name, value in bounds.items() if value is not None},
            },
        )
        return [
            SignatureInfo(
                signature=entry["signature"],
                slot=entry["slot"],
                error=entry["err"],
                block_time=entry["blockTime"],
                # null: rooted, in older nodes
                is_final=entry["confirmationStatus"] in (None, "finalized"),
            )
            for entry in answer
        ]

    async def airdrop(self, address: Pubkey, lamports: int) -> str:
        """Have the faucet send lamports, and return the transaction once it is confirmed.

        Raises:
            ChainUnavailable: it was not confirmed within 30 s.
        """
        signature = str(
            await self._rpc.call(
                "requestAirdrop", str(address), lamports, _COMMITMENT, is_repeatable=False
            )
        )
        try:
            async with asyncio.timeout(AIRDROP_TIMEOUT_S):
                while True:
                    (status,) = await self.signature_statuses([signature])
                    if status is not None and status.is_confirmed:
                        return signature
                    await asyncio.sleep(AIRDROP_POLL_S)
        except TimeoutError as error:
            raise ChainUnavailable(f"airdrop {signature} was not confirmed in time") from error

    async def _amount(self, method: str, address: Pubkey) -> int:
        try:
            answer = await self._ask(method, str(address), _COMMITMENT)
        except RequestRefused as error:
            if error.code == _INVALID_PARAMS and "could not find" in error.message:
                return 0
            raise
        return int(answer["value"]["amount"])

    async def _ask(self, method: str, *params: Any) -> Any:
        # The shapes of answers are the node's; the typed methods above take them apart.
        return await self._rpc.call(method, *params)


def _account(value: dict[str, Any] | None) -> AccountInfo | None:
    return None if value is None else _decoded(value)


def _decoded(value: dict[str, Any]) -> AccountInfo:
    return AccountInfo(
        lamports=value["lamports"],
        owner=Pubkey.from_string(value["owner"]),
        data=base64.b64decode(value["data"][0]),
        executable=value["executable"],
    )


def _transaction(answer: Any) -> Transaction | None:
    return None if answer is None else decode_transaction(answer)


def _status(value: dict[str, Any] | None) -> SignatureStatus | None:
    if value is None:
        return None
    return SignatureStatus(
        slot=value["slot"],
        error=value["err"],
        commitment=value["confirmationStatus"] or "finalized",  # null: rooted, in older nodes
    )
