"""A real chain, spoken to over JSON-RPC."""

from __future__ import annotations

import base64
import functools
import struct
from collections.abc import Sequence
from typing import Any

from solders.account import Account
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import Message, MessageV0
from solders.pubkey import Pubkey
from solders.system_program import TransferParams
from solders.system_program import transfer as transfer_lamports
from solders.token.state import TokenAccountState
from solders.transaction import VersionedTransaction

from gridtokenx_hub import base58
from gridtokenx_programs import Program
from gridtokenx_programs.tokens import TOKEN_PROGRAM
from worlds import tokens
from worlds.deployments import CALLER
from worlds.json_rpc import PROCESSED, Node, NodeError
from worlds.lookup import lookup_table
from worlds.outcome import Executed, Outcome, Refusal, refusal_of
from worlds.world import DECIMALS, MOST_BYTES, SOL, World

SIGNATURE_BYTES = 64
SLOT_HASHES = Pubkey.from_string("SysvarS1otHashes111111111111111111111111111")
CLOCK = Pubkey.from_string("SysvarC1ock11111111111111111111111111111111")


class CannotHappenError(Exception):
    """What a test asks for is nothing that a real chain lets happen."""

    def __init__(self, need: str) -> None:
        super().__init__(f"no real chain does this: mark the test {need!r}")


class RpcWorld(World):
    """One deployment on a node; `payer` has lamports there.

    Refusals come from the trial that a node makes before it lets a transaction in; what passes
    that is awaited until a slot has it.
    """

    def __init__(self, node: Node, payer: Keypair, programs: tuple[Program, ...]) -> None:
        super().__init__(*programs)
        self.node, self.payer = node, payer
        self._keys: dict[Pubkey, Keypair] = {payer.pubkey(): payer}
        self._mints: set[Pubkey] = set()
        self._now: int | None = None
        # What wallets and token accounts still ask for: it goes out before a test looks.
        self._pending: list[tuple[list[Instruction], set[Pubkey]]] = []

    def wallet(self, lamports: int = 1000 * SOL) -> Keypair:
        key = Keypair()
        self._keys[key.pubkey()] = key
        self.fund(key.pubkey(), lamports)
        return key

    def fund(self, address: Pubkey, lamports: int) -> None:
        if lamports:
            payer = self.payer.pubkey()
            given = TransferParams(from_pubkey=payer, to_pubkey=address, lamports=lamports)
            self._pending.append(([transfer_lamports(given)], set()))

    @property
    def now(self) -> int:
        """As it was when the test first asked: what is reckoned from it stays the same."""
        if self._now is None:
            self._now = self._clock()
        return self._now

    def await_tick(self) -> None:
        before = self._clock()
        self._now = self.node.wait_for("the next second", lambda: _later(self._clock(), before))

    def _clock(self) -> int:
        return int(struct.unpack_from("<q", self.data(CLOCK), 32)[0])

    def set_time(self, unix_seconds: int) -> None:
        raise CannotHappenError("clock_jump")

    def put(self, address: Pubkey, owner: Pubkey, data: bytes) -> None:
        raise CannotHappenError("forged")

    def remove(self, address: Pubkey) -> None:
        raise CannotHappenError("forged")

    def place_program(self, address: Pubkey, elf: bytes) -> None:
        """The programs of a chain are those that it began with."""
        if address != CALLER:
            raise CannotHappenError("in_memory")

    def put_mint(self, decimals: int = DECIMALS) -> Pubkey:
        mint, payer = self.wallet(0).pubkey(), self.payer.pubkey()
        made = [
            tokens.create(payer, mint, self.rent(tokens.MINT_BYTES), tokens.MINT_BYTES),
            tokens.initialize_mint(mint, decimals, payer),
        ]
        self._pending.append((made, {mint}))
        self._mints.add(mint)
        return mint

    def put_tokens(
        self,
        mint: Pubkey,
        owner: Pubkey,
        amount: int = 0,
        *,
        delegate: Pubkey | None = None,
        close_authority: Pubkey | None = None,
        program: Pubkey = TOKEN_PROGRAM,
        address: Pubkey | None = None,
        state: TokenAccountState = TokenAccountState.Initialized,
    ) -> Pubkey:
        """As any world does; what is in the account has been minted, by whoever may."""
        if self._is_forged(mint, amount, program, state):
            raise CannotHappenError("forged")
        if address is not None:
            held = self.balance(address)
            self._pending.append(self._supply(mint, address, amount - held))
            return address
        account, payer = self.wallet(0).pubkey(), self.payer.pubkey()
        made = [
            tokens.create(payer, account, self.rent(tokens.ACCOUNT_BYTES), tokens.ACCOUNT_BYTES),
            tokens.initialize_account(account, mint, owner),
        ]
        signers = {account}
        if amount:
            supply, suppliers = self._supply(mint, account, amount)
            made += supply
            signers |= suppliers
        if delegate:
            made.append(tokens.approve(account, delegate, owner, amount))
        if close_authority:
            made.append(tokens.set_authority(account, tokens.CLOSE, owner, close_authority))
        if delegate or close_authority:
            signers.add(owner)
        self._pending.append((made, signers))
        return account

    def find(self, address: Pubkey) -> Account | None:
        self._flush()
        answer = self.node.call("getAccountInfo", str(address), PROCESSED | {"encoding": "base64"})
        match answer["value"]:
            case {"data": [data, _], "lamports": lamports, "owner": owner, "executable": code}:
                held = base64.b64decode(data)
                return Account(lamports, held, Pubkey.from_string(owner), executable=code)
        return None

    def rent(self, size: int) -> int:
        return _rent(self.node, size)

    def _execute(
        self,
        instructions: Sequence[Instruction],
        signers: Sequence[Keypair],
        table: Sequence[Pubkey],
    ) -> Outcome | Refusal:
        self._keys |= {key.pubkey(): key for key in signers}
        self._flush()
        looked_up = [self._make_table(table)] if table else []
        keys = {key.pubkey() for key in signers}
        try:
            signature = self._submit(instructions, keys, looked_up)
        except NodeError as error:
            if error.data is None:
                return Refusal(None, str(error), [])
            return refusal_of(error.data["err"], error.data["logs"] or [])
        self._await(signature)
        return Outcome(functools.partial(self._look, signature))

    def _supply(
        self, mint: Pubkey, account: Pubkey, amount: int
    ) -> tuple[list[Instruction], set[Pubkey]]:
        if mint in self._mints:
            return [tokens.mint_to(mint, account, self.payer.pubkey(), amount)], set()
        supply, supplier = self.suppliers[mint](account, amount)
        self._keys[supplier.pubkey()] = supplier
        return [supply], {supplier.pubkey()}

    def _flush(self) -> None:
        """Send what is pending, all at once, and wait until a slot has it."""
        pending, self._pending = self._pending, []
        signatures = []
        instructions: list[Instruction] = []
        signers: set[Pubkey] = set()
        for more, who in pending:
            if instructions and self._size([*instructions, *more], signers | who) > MOST_BYTES:
                signatures.append(self._submit(instructions, signers))
                instructions, signers = [], set()
            instructions, signers = [*instructions, *more], signers | who
        if instructions:
            signatures.append(self._submit(instructions, signers))
        for signature in signatures:
            self._await(signature)

    def _size(self, instructions: Sequence[Instruction], signers: set[Pubkey]) -> int:
        message = Message(list(instructions), self.payer.pubkey())
        return 1 + SIGNATURE_BYTES * len(signers | {self.payer.pubkey()}) + len(bytes(message))

    def _submit(
        self,
        instructions: Sequence[Instruction],
        signers: set[Pubkey],
        looked_up: Sequence[AddressLookupTableAccount] = (),
    ) -> str:
        payer = self.payer.pubkey()
        recent = self.node.call("getLatestBlockhash", PROCESSED)["value"]["blockhash"]
        blockhash = Hash.from_string(recent)
        message: Message | MessageV0
        if looked_up:
            message = MessageV0.try_compile(payer, list(instructions), list(looked_up), blockhash)
        else:
            message = Message.new_with_blockhash(list(instructions), payer, blockhash)
        keys = [self._keys[key] for key in {payer} | signers]
        encoded = base64.b64encode(bytes(VersionedTransaction(message, keys))).decode()
        config = {"encoding": "base64", "preflightCommitment": "processed"}
        return str(self.node.call("sendTransaction", encoded, config))

    def _await(self, signature: str) -> None:
        def look() -> Any:
            return self.node.call("getSignatureStatuses", [signature])["value"][0]

        status = self.node.wait_for(f"transaction {signature}", look)
        assert status["err"] is None, f"failed though its trial had not: {status['err']}"

    def _look(self, signature: str) -> Executed:
        config = {
            "commitment": "confirmed",
            "encoding": "json",
            "maxSupportedTransactionVersion": 0,
        }

        def look() -> Any:
            return self.node.call("getTransaction", signature, config)

        found = self.node.wait_for(f"transaction {signature}", look)
        meta = found["meta"]
        loaded = meta.get("loadedAddresses") or {"writable": [], "readonly": []}
        named = found["transaction"]["message"]["accountKeys"]
        keys = [Pubkey.from_string(key) for key in named + loaded["writable"] + loaded["readonly"]]
        called = [
            (keys[inner["programIdIndex"]], base58.decode(inner["data"]))
            for group in meta["innerInstructions"]
            for inner in group["instructions"]
        ]
        units, logs = meta["computeUnitsConsumed"], meta["logMessages"]
        return Executed(self._events(called), units, logs, found["blockTime"])

    def _make_table(self, addresses: Sequence[Pubkey]) -> AddressLookupTableAccount:
        """A lookup table, made in a slot before the newest: only then does it serve."""
        recent = int(struct.unpack_from("<Q", self.data(SLOT_HASHES), 8)[0])
        table, made = lookup_table(self.payer.pubkey(), recent, addresses)
        self._await(self._submit(made, set()))
        slot = self._slot()
        self.node.wait_for("the next slot", lambda: self._slot() > slot or None)
        return table

    def _slot(self) -> int:
        return int(self.node.call("getSlot", PROCESSED))


def _later(time: int, before: int) -> int | None:
    return time if time > before else None


@functools.cache
def _rent(node: Node, size: int) -> int:
    return int(node.call("getMinimumBalanceForRentExemption", size))
