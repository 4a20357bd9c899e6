"""The accounts and the virtual machine: what a slot executes its transactions on."""

import contextlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from solders.account import Account
from solders.clock import Clock
from solders.epoch_schedule import EpochSchedule
from solders.hash import Hash
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.transaction_metadata import (
    FailedTransactionMetadata,
    SimulatedTransactionInfo,
    TransactionMetadata,
)

from gridtokenx_hub.json_types import Json
from gridtokenx_hub.local_chain.genesis import FAUCET_LAMPORTS, CreationParameters, Genesis
from gridtokenx_hub.local_chain.loaded_keys import LoadedKeys, load_keys
from gridtokenx_hub.local_chain.slots import Slot
from gridtokenx_hub.local_chain.token_accounts import TokenBalance, TokenReader
from gridtokenx_hub.local_chain.transaction import ParsedTransaction

TELL_TIME = {
    Pubkey.from_string("SysvarC1ock11111111111111111111111111111111"),
    Pubkey.from_string("SysvarS1otHashes111111111111111111111111111"),
}
"""Accounts that change while nobody does anything."""
Images = dict[bytes, bytes | None]


@dataclass(frozen=True, slots=True)
class Balances:
    """Lamports of every account of a transaction, and its token balances."""

    lamports: tuple[int, ...]
    tokens: tuple[TokenBalance, ...]


@dataclass(frozen=True, slots=True)
class Execution:
    """What became of a transaction.

    `is_recorded` is false when it changed nothing and paid no fee, so that it is no part of any
    slot; `changed` holds the images of accounts that are now others (None: gone).
    """

    keys: LoadedKeys
    error: Json
    metadata: TransactionMetadata
    before: Balances
    after: Balances
    changed: Images
    is_recorded: bool


@dataclass(frozen=True, slots=True)
class Simulation:
    """What would become of a transaction; `accounts` are its accounts as it would leave them."""

    error: Json
    metadata: TransactionMetadata
    accounts: dict[Pubkey, Account]


class Bank:
    """LiteSVM with the state of the ledger.

    Blockhashes and repeated transactions are not checked here: the window of blockhashes and the
    ledger know more about them than LiteSVM does. Not thread-safe.
    """

    def __init__(
        self,
        genesis: Genesis,
        creation: CreationParameters,
        images: Iterable[tuple[bytes, bytes]],
    ) -> None:
        self._svm = LiteSVM().with_blockhash_check(False).with_transaction_history(0)
        self._svm.set_epoch_schedule(EpochSchedule.without_warmup())
        self._svm.set_account(self._svm.airdrop_pubkey(), Account(0, b"", SYSTEM_PROGRAM))
        self.faucet = Keypair.from_seed(creation.faucet_seed)
        self._svm.set_account(self.faucet.pubkey(), Account(FAUCET_LAMPORTS, b"", SYSTEM_PROGRAM))
        for address, elf in genesis.programs:
            self._svm.add_program(address, elf)
        self._restore(images)
        self._tokens = TokenReader(self.account)

    def open_slot(self, slot: Slot, slot_hashes: list[tuple[int, Hash]]) -> None:
        """Set the sysvars as transactions of `slot` are to see them."""
        self._svm.set_clock(
            Clock(slot.number, slot.epoch_start_unix_s, slot.epoch, slot.epoch + 1, slot.unix_s)
        )
        self._svm.set_slot_hashes(slot_hashes)

    def execute(self, transaction: ParsedTransaction, *, keep_failed: bool = True) -> Execution:
        """Execute `transaction`: what it changes is changed when this returns.

        One that fails pays its fee; unless `keep_failed`, it has changed nothing in the end.
        """
        keys = load_keys(transaction.message, self.account)
        images = self._images(keys)
        before = self._balances(keys)
        error, metadata = _outcome(self._svm.send_transaction(transaction.versioned))
        changed = {key: image for key, image in self._images(keys).items() if image != images[key]}
        if error is not None and not keep_failed:
            self._put_back({key: images[key] for key in changed})
            changed = {}
        after = self._balances(keys)
        return Execution(
            keys=keys,
            error=error,
            metadata=metadata,
            before=before,
            after=after,
            changed=changed,
            is_recorded=error is None or bool(changed),
        )

    def simulate(self, transaction: ParsedTransaction, *, verify: bool) -> Simulation:
        """Execute `transaction` without keeping anything; signatures are checked if `verify`."""
        with self._verifying(verify):
            result = self._svm.simulate_transaction(transaction.versioned)
        if isinstance(result, SimulatedTransactionInfo):
            return Simulation(None, result.meta(), dict(result.post_accounts()))
        error, metadata = _outcome(result)
        return Simulation(error, metadata, {})

    def account(self, address: Pubkey) -> Account | None:
        """The account at `address`, None if there is none."""
        return self._svm.get_account(address)

    def lamports(self, address: Pubkey) -> int:
        """Balance of `address`, 0 if there is no account."""
        return self._svm.get_balance(address) or 0

    def program_accounts(self, program: Pubkey) -> list[tuple[Pubkey, Account]]:
        """Every account that `program` owns, in the order of their addresses."""
        return sorted(self._svm.get_program_accounts(program), key=lambda item: bytes(item[0]))

    def minimum_balance(self, data_size: int) -> int:
        """Lamports that make an account with `data_size` bytes exempt from rent."""
        return self._svm.minimum_balance_for_rent_exemption(data_size)

    @contextlib.contextmanager
    def _verifying(self, verify: bool) -> Iterator[None]:
        self._svm.with_sigverify(verify)
        try:
            yield
        finally:
            self._svm.with_sigverify(True)

    def _restore(self, images: Iterable[tuple[bytes, bytes]]) -> None:
        # A program is loaded when its account is set, from the account that holds its code: so
        # programs come last.
        executable = []
        for address, image in images:
            account = Account.from_bytes(image)
            if account.executable:
                executable.append((Pubkey(address), account))
            else:
                self._svm.set_account(Pubkey(address), account)
        for program, account in executable:
            self._svm.set_account(program, account)

    def _put_back(self, images: Images) -> None:
        for address, image in images.items():
            if image is not None:  # what fails changes the payer and a nonce, and makes nothing
                self._svm.set_account(Pubkey(address), Account.from_bytes(image))

    def _images(self, keys: LoadedKeys) -> Images:
        images: Images = {}
        for key in keys.writable:
            account = self._svm.get_account(key)
            images[bytes(key)] = None if account is None else bytes(account)
        return images

    def _balances(self, keys: LoadedKeys) -> Balances:
        return Balances(
            lamports=tuple(self.lamports(key) for key in keys.all),
            tokens=self._tokens.balances(keys),
        )


def _outcome(
    result: TransactionMetadata | FailedTransactionMetadata,
) -> tuple[Json, TransactionMetadata]:
    if isinstance(result, TransactionMetadata):
        return None, result
    return json.loads(result.to_json())["err"], result.meta()
