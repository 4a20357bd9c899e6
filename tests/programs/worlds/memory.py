"""A chain in memory: the real SVM with the committed ELF files, and a clock that tests set."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence

from solders.account import Account
from solders.address_lookup_table_account import (
    ADDRESS_LOOKUP_TABLE_ID,
    AddressLookupTableAccount,
)
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.message import Message, MessageV0
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.token.state import Mint, TokenAccount, TokenAccountState
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata

from gridtokenx_programs import PROGRAM_NAMES, load
from gridtokenx_programs.tokens import TOKEN_PROGRAM
from worlds.deployments import CALLER
from worlds.outcome import Executed, Outcome, Refusal, refusal_of
from worlds.world import DECIMALS, MOST_BYTES, SOL, START, World


class MemoryWorld(World):
    """LiteSVM. `needs` says what a test has done here that no real chain would have let it do."""

    def __init__(self) -> None:
        super().__init__(*map(load, PROGRAM_NAMES))
        self.needs: set[str] = set()
        self._svm = LiteSVM()
        for program in self.programs.values():
            self._svm.add_program(program.id, program.elf())
        self.payer = self.wallet()
        self._set_time(START)

    def wallet(self, lamports: int = 1000 * SOL) -> Keypair:
        key = Keypair()
        self.fund(key.pubkey(), lamports)
        return key

    def fund(self, address: Pubkey, lamports: int) -> None:
        if lamports:
            self._svm.airdrop(address, lamports)

    @property
    def now(self) -> int:
        return self._svm.get_clock().unix_timestamp

    def await_tick(self) -> None:
        """This clock stands still anyway."""

    def set_time(self, unix_seconds: int) -> None:
        self.needs.add("clock_jump")
        self._set_time(unix_seconds)

    def _set_time(self, unix_seconds: int) -> None:
        clock = self._svm.get_clock()
        clock.unix_timestamp = unix_seconds
        self._svm.set_clock(clock)

    def put(self, address: Pubkey, owner: Pubkey, data: bytes) -> None:
        self.needs.add("forged")
        self._put(address, owner, data)

    def _put(self, address: Pubkey, owner: Pubkey, data: bytes) -> None:
        self._svm.set_account(address, Account(self.rent(len(data)), data, owner))

    def remove(self, address: Pubkey) -> None:
        self.needs.add("forged")
        self._svm.set_account(address, Account(0, b"", SYSTEM_PROGRAM))

    def place_program(self, address: Pubkey, elf: bytes) -> None:
        if address != CALLER:
            self.needs.add("in_memory")
        self._svm.add_program(address, elf)

    def put_mint(self, decimals: int = DECIMALS) -> Pubkey:
        address = Pubkey.new_unique()
        mint = Mint(self.payer.pubkey(), 0, decimals, is_initialized=True)
        self._put(address, TOKEN_PROGRAM, bytes(mint))
        return address

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
        """As any world does; the mint's supply is left as it is."""
        if self._is_forged(mint, amount, program, state):
            self.needs.add("forged")
        address = address or Pubkey.new_unique()
        delegated = amount if delegate else 0
        account = TokenAccount(
            mint, owner, amount, delegate, state, None, delegated, close_authority
        )
        self._put(address, program, bytes(account))
        return address

    def find(self, address: Pubkey) -> Account | None:
        return self._svm.get_account(address)

    def rent(self, size: int) -> int:
        return self._svm.minimum_balance_for_rent_exemption(size)

    def _execute(
        self,
        instructions: Sequence[Instruction],
        signers: Sequence[Keypair],
        table: Sequence[Pubkey],
    ) -> Outcome | Refusal:
        self._svm.expire_blockhash()
        keys = {key.pubkey(): key for key in (self.payer, *signers)}
        message = self._message(instructions, table)
        transaction = VersionedTransaction(message, list(keys.values()))
        size = len(bytes(transaction))
        assert size <= MOST_BYTES, f"{size} bytes are more than a transaction may have"
        result = self._svm.send_transaction(transaction)
        if isinstance(result, FailedTransactionMetadata):
            return refusal_of(json.loads(result.to_json())["err"], result.meta().logs())
        inner = [inner.instruction() for group in result.inner_instructions() for inner in group]
        keys = [*message.account_keys, *_looked_up(message, table)]
        called = [(keys[i.program_id_index], bytes(i.data)) for i in inner]
        events = self._events(called)
        executed = Executed(events, result.compute_units_consumed(), result.logs(), self.now)
        return Outcome(lambda: executed)

    def _message(
        self, instructions: Sequence[Instruction], table: Sequence[Pubkey]
    ) -> Message | MessageV0:
        payer, recent = self.payer.pubkey(), self._svm.latest_blockhash()
        if not table:
            return Message.new_with_blockhash(list(instructions), payer, recent)
        address = Pubkey.new_unique()
        head = struct.pack("<IQQBB32xH", 1, 2**64 - 1, 0, 0, 0, 0)
        self._put(address, ADDRESS_LOOKUP_TABLE_ID, head + b"".join(map(bytes, table)))
        account = AddressLookupTableAccount(address, list(table))
        return MessageV0.try_compile(payer, list(instructions), [account], recent)


def _looked_up(message: Message | MessageV0, table: Sequence[Pubkey]) -> list[Pubkey]:
    """Keys that a message takes from the table: those it may write come first."""
    if not isinstance(message, MessageV0):
        return []
    lookups = message.address_table_lookups
    writable = [table[index] for lookup in lookups for index in lookup.writable_indexes]
    readonly = [table[index] for lookup in lookups for index in lookup.readonly_indexes]
    return writable + readonly
