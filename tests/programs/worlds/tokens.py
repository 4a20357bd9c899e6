"""Instructions of the SPL Token program with which token accounts and mints are made for real."""

from __future__ import annotations

import struct

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import CreateAccountParams, create_account

from gridtokenx_programs.tokens import TOKEN_PROGRAM

MINT_BYTES, ACCOUNT_BYTES = 82, 165
OWNER, CLOSE = 2, 3  # authorities that an account has


def create(payer: Pubkey, address: Pubkey, lamports: int, size: int) -> Instruction:
    """Have an empty account of the token program made."""
    return create_account(
        CreateAccountParams(
            from_pubkey=payer,
            to_pubkey=address,
            lamports=lamports,
            space=size,
            owner=TOKEN_PROGRAM,
        )
    )


def initialize_mint(mint: Pubkey, decimals: int, authority: Pubkey) -> Instruction:
    """Make a mint of it, which nobody can freeze."""
    return _token(bytes([20, decimals]) + bytes(authority) + b"\0", mint)


def initialize_account(account: Pubkey, mint: Pubkey, owner: Pubkey) -> Instruction:
    """Make a token account of it."""
    metas = [AccountMeta(mint, is_signer=False, is_writable=False)]
    return _token(b"\x12" + bytes(owner), account, *metas)


def mint_to(mint: Pubkey, account: Pubkey, authority: Pubkey, amount: int) -> Instruction:
    """Mint tokens."""
    metas = [
        AccountMeta(account, is_signer=False, is_writable=True),
        AccountMeta(authority, is_signer=True, is_writable=False),
    ]
    return _token(struct.pack("<BQ", 7, amount), mint, *metas)


def transfer(source: Pubkey, account: Pubkey, owner: Pubkey, amount: int) -> Instruction:
    """Move tokens."""
    metas = [
        AccountMeta(account, is_signer=False, is_writable=True),
        AccountMeta(owner, is_signer=True, is_writable=False),
    ]
    return _token(struct.pack("<BQ", 3, amount), source, *metas)


def approve(account: Pubkey, delegate: Pubkey, owner: Pubkey, amount: int) -> Instruction:
    """Let a delegate spend an amount."""
    metas = [
        AccountMeta(delegate, is_signer=False, is_writable=False),
        AccountMeta(owner, is_signer=True, is_writable=False),
    ]
    return _token(struct.pack("<BQ", 4, amount), account, *metas)


def set_authority(account: Pubkey, kind: int, holder: Pubkey, new: Pubkey) -> Instruction:
    """Hand an authority over."""
    metas = [AccountMeta(holder, is_signer=True, is_writable=False)]
    return _token(bytes([6, kind, 1]) + bytes(new), account, *metas)


def _token(data: bytes, written: Pubkey, *others: AccountMeta) -> Instruction:
    metas = [AccountMeta(written, is_signer=False, is_writable=True), *others]
    return Instruction(TOKEN_PROGRAM, data, metas)
