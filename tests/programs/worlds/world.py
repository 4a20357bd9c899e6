"""What a test may ask of the chain it runs on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from solders.account import Account
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.token.state import Mint, TokenAccount, TokenAccountState

from gridtokenx_programs import Addresses, Event, Program
from gridtokenx_programs.tokens import TOKEN_PROGRAM
from worlds.outcome import Outcome, Refusal

SOL = 1_000_000_000
START = 1_768_478_400  # 2026-01-15 12:00:00 UTC, a quarter-hour boundary
DECIMALS = 6
MOST_BYTES = 1232  # of a transaction
MOST_TOKENS = 2**60  # of a mint, in all that tests put somewhere

Supplier = Callable[[Pubkey, int], tuple[Instruction, Keypair]]
"""From a token account and an amount to an instruction that brings it there, and who signs it."""


def table_of(*instructions: Instruction) -> list[Pubkey]:
    """What a lookup table may hold for these instructions: no signer, and no program they call."""
    called = {instruction.program_id for instruction in instructions}
    metas = [meta for instruction in instructions for meta in instruction.accounts]
    signers = {meta.pubkey for meta in metas if meta.is_signer}
    return sorted({meta.pubkey for meta in metas} - called - signers, key=bytes)


class World(ABC):
    """A chain with the three programs of one deployment, and a payer with lamports.

    A test that sets the clock is marked `clock_jump`, one that has accounts as no chain would
    `forged`, and one that brings a program of its own `in_memory`: only a world in memory can do
    that.
    """

    payer: Keypair

    def __init__(self, registry: Program, energy_token: Program, trading: Program) -> None:
        self.registry, self.energy_token, self.trading = registry, energy_token, trading
        self.programs = {program.id: program for program in (registry, energy_token, trading)}
        self.addresses = Addresses(*self.programs)
        self.suppliers: dict[Pubkey, Supplier] = {}
        self._sent: Outcome | None = None
        self._given: Counter[Pubkey] = Counter()

    @abstractmethod
    def wallet(self, lamports: int = 1000 * SOL) -> Keypair:
        """A new key with money for rent and fees."""

    @abstractmethod
    def fund(self, address: Pubkey, lamports: int) -> None:
        """Send lamports to an address."""

    @property
    @abstractmethod
    def now(self) -> int:
        """The chain's time, Unix seconds: on a real chain, as it was at the test's first look."""

    @abstractmethod
    def await_tick(self) -> None:
        """Take a second that has just begun as `now`, for what comes near to an edge of time."""

    @abstractmethod
    def set_time(self, unix_seconds: int) -> None:
        """Set the chain's clock."""

    @abstractmethod
    def put(self, address: Pubkey, owner: Pubkey, data: bytes) -> None:
        """Place an account as if it had always been there."""

    @abstractmethod
    def remove(self, address: Pubkey) -> None:
        """Take an account away, as if its program had closed it."""

    @abstractmethod
    def place_program(self, address: Pubkey, elf: bytes) -> None:
        """Have a program at an address; that of `caller/` is on every chain, at `CALLER`."""

    @abstractmethod
    def put_mint(self, decimals: int = DECIMALS) -> Pubkey:
        """Make a classic SPL Token mint, of which `put_tokens` has as many as are asked for."""

    @abstractmethod
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
        """Make a token account with an amount, or give the one at `address` that amount.

        What the mint's supply becomes is the world's business. Returns the address.
        """

    @abstractmethod
    def find(self, address: Pubkey) -> Account | None:
        """The account at an address, None if there is none."""

    @abstractmethod
    def rent(self, size: int) -> int:
        """Lamports that an account of so many bytes has to hold."""

    @abstractmethod
    def _execute(
        self,
        instructions: Sequence[Instruction],
        signers: Sequence[Keypair],
        table: Sequence[Pubkey],
    ) -> Outcome | Refusal: ...

    def send(
        self,
        *instructions: Instruction,
        signers: Sequence[Keypair] = (),
        table: Sequence[Pubkey] = (),
    ) -> Outcome:
        """Send one transaction, paid by `payer`; fails the test when the chain refuses it.

        With the addresses of a lookup `table`, it is of version 0.
        """
        result = self._execute(instructions, signers, table)
        assert isinstance(result, Outcome), "\n".join(
            [self._name(instructions, result), *result.logs]
        )
        self._sent = result
        return result

    @property
    def sent_at(self) -> int:
        """The clock that the last transaction saw that a test sent, Unix seconds."""
        assert self._sent is not None, "nothing has been sent"
        return self._sent.time

    def refuse(
        self,
        error: str,
        *instructions: Instruction,
        signers: Sequence[Keypair] = (),
        table: Sequence[Pubkey] = (),
    ) -> list[str]:
        """Send one transaction that must fail with `error`; returns its logs.

        `error` is a name from the IDL of the program whose instruction failed, `Custom(code)`
        for any other program's, or the runtime's name, as `MissingRequiredSignature`.
        """
        name, logs = self.refusal(*instructions, signers=signers, table=table)
        assert name == error, "\n".join([f"{name} where {error} was due", *logs])
        return logs

    def refusal(
        self,
        *instructions: Instruction,
        signers: Sequence[Keypair] = (),
        table: Sequence[Pubkey] = (),
    ) -> tuple[str, list[str]]:
        """Send one transaction that must fail; returns the error's name and the logs."""
        result = self._execute(instructions, signers, table)
        assert isinstance(result, Refusal), "accepted, though an error was due"
        return self._name(instructions, result), result.logs

    def account(self, program: Program, kind: str, address: Pubkey) -> dict[str, Any]:
        """A program's account, decoded by its IDL."""
        account = self.find(address)
        assert account is not None, f"no account {kind} at {address}"
        assert account.owner == program.id, f"{address} belongs to {account.owner}"
        return program.decode_account(kind, bytes(account.data))

    def data(self, address: Pubkey) -> bytes:
        """Data of the account at an address."""
        account = self.find(address)
        assert account is not None, f"no account at {address}"
        return bytes(account.data)

    def lamports(self, address: Pubkey) -> int:
        """Balance of an address, 0 if there is no account."""
        account = self.find(address)
        return account.lamports if account else 0

    def token(self, address: Pubkey) -> TokenAccount:
        """A token account."""
        return TokenAccount.from_bytes(self.data(address))

    def balance(self, address: Pubkey) -> int:
        """A token account's amount, in base units."""
        return self.token(address).amount

    def mint(self, address: Pubkey) -> Mint:
        """A mint."""
        return Mint.from_bytes(self.data(address))

    def _is_forged(
        self, mint: Pubkey, amount: int, program: Pubkey, state: TokenAccountState
    ) -> bool:
        """Whether no chain has such a token account: nobody can make it so, or mint so much."""
        self._given[mint] += amount
        forged = program != TOKEN_PROGRAM or state != TokenAccountState.Initialized
        return forged or self._given[mint] > MOST_TOKENS or self.find(mint) is None

    def _events(self, called: Iterable[tuple[Pubkey, bytes]]) -> list[Event]:
        """Events among inner instructions, each a program and its data."""
        known = ((self.programs.get(program), data) for program, data in called)
        events = (program.decode_event(data) for program, data in known if program)
        return [event for event in events if event]

    def _name(self, instructions: Sequence[Instruction], refusal: Refusal) -> str:
        if refusal.instruction is None or isinstance(refusal.error, str):
            return str(refusal.error)
        program = self.programs.get(instructions[refusal.instruction].program_id)
        named = program.error(refusal.error) if program else None
        return named.name if named else f"Custom({refusal.error})"
