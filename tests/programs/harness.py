"""A Solana world in memory for the programs' tests: the real SVM with the committed ELF files.

`World` sends transactions and reads accounts and events; `Device` signs readings as a meter does;
`record` and `message` make the 120 and 139 bytes that go on chain.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from solders.account import Account
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.message import Message
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.token.state import Mint, TokenAccount, TokenAccountState
from solders.transaction import Transaction
from solders.transaction_metadata import FailedTransactionMetadata, TransactionMetadata
from solders.transaction_status import InstructionErrorCustom, TransactionErrorInstructionError

from gridtokenx_programs import PROGRAM_NAMES, Addresses, Event, Program, load
from gridtokenx_programs.precompiles import ED25519, P256, signature_instruction
from gridtokenx_programs.tokens import TOKEN_PROGRAM

SOL = 1_000_000_000
START = 1_768_478_400  # 2026-01-15 12:00:00 UTC, a quarter-hour boundary
DECIMALS = 6
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

SETTLEMENT = 1 << 2
SYNCHRONISED = 3


@dataclass(frozen=True)
class Outcome:
    """What a transaction that succeeded did."""

    events: list[Event]
    compute_units: int
    logs: list[str]


class World:
    """The three programs, a funded payer, and a clock that stands still until it is set."""

    def __init__(self) -> None:
        self.svm = LiteSVM()
        self.programs: dict[Pubkey, Program] = {}
        for name in PROGRAM_NAMES:
            program = load(name)
            self.programs[program.id] = program
            self.svm.add_program(program.id, program.elf())
        self.registry, self.energy_token, self.trading = self.programs.values()
        self.addresses = Addresses(*self.programs)
        self.payer = self.wallet()
        self.set_time(START)

    def wallet(self, lamports: int = 1000 * SOL) -> Keypair:
        """A new key with money for rent and fees."""
        key = Keypair()
        if lamports:
            self.svm.airdrop(key.pubkey(), lamports)
        return key

    @property
    def now(self) -> int:
        """The chain's time, Unix seconds."""
        return self.svm.get_clock().unix_timestamp

    def set_time(self, unix_seconds: int) -> None:
        """Set the chain's clock."""
        clock = self.svm.get_clock()
        clock.unix_timestamp = unix_seconds
        self.svm.set_clock(clock)

    def send(self, *instructions: Instruction, signers: Sequence[Keypair] = ()) -> Outcome:
        """Send one transaction, paid by `payer`; fails the test when the chain refuses it."""
        result = self._execute(instructions, signers)
        assert isinstance(result, TransactionMetadata), f"{result.err()}\n" + "\n".join(
            result.meta().logs()
        )
        return Outcome(self._events(instructions, result), *_units_and_logs(result))

    def refuse(
        self, error: str, *instructions: Instruction, signers: Sequence[Keypair] = ()
    ) -> list[str]:
        """Send one transaction that must fail with `error`; returns its logs.

        `error` is a name from the IDL of the program whose instruction failed, `Custom(code)`
        for any other program's, or the runtime's name, as `MissingRequiredSignature`.
        """
        result = self._execute(instructions, signers)
        assert isinstance(result, FailedTransactionMetadata), f"accepted, though {error} was due"
        logs = result.meta().logs()
        assert self._error_name(instructions, result) == error, "\n".join(logs)
        return logs

    def account(self, program: Program, kind: str, address: Pubkey) -> dict[str, Any]:
        """A program's account, decoded by its IDL."""
        account = self.svm.get_account(address)
        assert account is not None, f"no account {kind} at {address}"
        assert account.owner == program.id, f"{address} belongs to {account.owner}"
        return program.decode_account(kind, bytes(account.data))

    def data(self, address: Pubkey) -> bytes:
        """Data of the account at an address."""
        account = self.svm.get_account(address)
        assert account is not None, f"no account at {address}"
        return bytes(account.data)

    def put(self, address: Pubkey, owner: Pubkey, data: bytes) -> None:
        """Place an account as if it had always been there."""
        lamports = self.svm.minimum_balance_for_rent_exemption(len(data))
        self.svm.set_account(address, Account(lamports, data, owner))

    def remove(self, address: Pubkey) -> None:
        """Take an account away, as if its program had closed it."""
        self.svm.set_account(address, Account(0, b"", SYSTEM_PROGRAM))

    def put_mint(
        self, address: Pubkey, authority: Pubkey | None = None, decimals: int = DECIMALS
    ) -> None:
        """Place a classic SPL Token mint."""
        mint = Mint(authority, 0, decimals, is_initialized=True)
        self.put(address, TOKEN_PROGRAM, bytes(mint))

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
        """Place a token account (the mint's supply is left as it is); returns its address."""
        address = address or Pubkey.new_unique()
        delegated = amount if delegate else 0
        account = TokenAccount(
            mint, owner, amount, delegate, state, None, delegated, close_authority
        )
        self.put(address, program, bytes(account))
        return address

    def token(self, address: Pubkey) -> TokenAccount:
        """A token account."""
        return TokenAccount.from_bytes(self.data(address))

    def balance(self, address: Pubkey) -> int:
        """A token account's amount, in base units."""
        return self.token(address).amount

    def _execute(
        self, instructions: Sequence[Instruction], signers: Sequence[Keypair]
    ) -> TransactionMetadata | FailedTransactionMetadata:
        self.svm.expire_blockhash()
        message = Message(list(instructions), self.payer.pubkey())
        keys = {key.pubkey(): key for key in (self.payer, *signers)}
        transaction = Transaction(list(keys.values()), message, self.svm.latest_blockhash())
        return self.svm.send_transaction(transaction)

    def _events(
        self, instructions: Sequence[Instruction], result: TransactionMetadata
    ) -> list[Event]:
        """Events of our programs: from inner instructions, never from logs."""
        keys = Message(list(instructions), self.payer.pubkey()).account_keys
        events = []
        for group in result.inner_instructions():
            for inner in group:
                called = inner.instruction()
                program = self.programs.get(keys[called.program_id_index])
                event = program.decode_event(bytes(called.data)) if program else None
                if event:
                    events.append(event)
        return events

    def _error_name(
        self, instructions: Sequence[Instruction], result: FailedTransactionMetadata
    ) -> str:
        failure = result.err()
        if not isinstance(failure, TransactionErrorInstructionError):
            return str(failure)
        if not isinstance(failure.err, InstructionErrorCustom):
            return str(failure.err).removeprefix("InstructionErrorFieldless.")
        program = self.programs.get(instructions[failure.index].program_id)
        named = program.error(failure.err.code) if program else None
        return named.name if named else f"Custom({failure.err.code})"


def _units_and_logs(result: TransactionMetadata) -> tuple[int, list[str]]:
    return result.compute_units_consumed(), result.logs()


class Device:
    """A meter device's signing key: Ed25519, or P-256 with low-S signatures."""

    def __init__(self, algorithm: int = ED25519) -> None:
        self.algorithm = algorithm
        self._ed25519 = Ed25519PrivateKey.generate()
        self._p256 = ec.generate_private_key(ec.SECP256R1())
        self.public_key = (
            self._ed25519.public_key().public_bytes_raw()
            if algorithm == ED25519
            else self._p256.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
        )

    @property
    def secret_seed(self) -> bytes:
        """The Ed25519 key's seed, of which forgers of their own keys know more than they should."""
        return self._ed25519.private_bytes_raw()

    @property
    def device_key(self) -> dict[str, Any]:
        """The key as the registry's `DeviceKey`."""
        return {"algorithm": self.algorithm, "public_key": self.public_key.ljust(33, b"\0")}

    def sign(self, message: bytes) -> bytes:
        """64 bytes of signature."""
        if self.algorithm == ED25519:
            return self._ed25519.sign(message)
        r, s = decode_dss_signature(self._p256.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + min(s, P256_ORDER - s).to_bytes(32, "big")

    def proof(self, record_bytes: bytes, cose_algorithm: int | None = None) -> Instruction:
        """The precompile instruction that proves this device signed a record."""
        signed = message(record_bytes, cose_algorithm or (-8 if self.algorithm == ED25519 else -7))
        return signature_instruction(self.algorithm, self.public_key, self.sign(signed), signed)


def p256_device() -> Device:
    """A device with a P-256 key."""
    return Device(P256)


def deployment_id(genesis_hash: bytes, registry_program: Pubkey) -> bytes:
    """The 4 bytes that bind a record to one deployment."""
    return hashlib.sha256(genesis_hash + bytes(registry_program)).digest()[:4]


def record(
    deployment: bytes,
    meter_id: bytes,
    sequence: int,
    time_ms: int,
    *,
    produced_mwh: int = 0,
    consumed_mwh: int = 0,
    surplus_mwh: int = 0,
    flags: int = SETTLEMENT | SYNCHRONISED,
    previous_hash: bytes = bytes(32),
    load: bytes = bytes(20),
    magic: bytes = b"GTX1",
) -> bytes:
    """A 120-byte record; `load` is bytes 64 to 84 (power, voltage, current, frequency)."""
    return b"".join(
        [
            magic, deployment, meter_id,
            struct.pack("<5Q", sequence, time_ms, produced_mwh, consumed_mwh, surplus_mwh),
            load, struct.pack("<I", flags), previous_hash,
        ]
    )  # fmt: skip


def message(record_bytes: bytes, cose_algorithm: int = -8) -> bytes:
    """The 139 bytes that a device signs for a single record (COSE's Sig_structure)."""
    algorithm = bytes([0x20 - 1 - cose_algorithm])
    return b"\x84\x6aSignature1\x43\xa1\x01" + algorithm + b"\x40\x58\x78" + record_bytes
