"""Instructions that make a mint and token accounts, as the SPL Token program takes them."""

from dataclasses import dataclass

from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.system_program import CreateAccountParams, create_account
from solders.token import ID as TOKEN_PROGRAM
from solders.token.associated import get_associated_token_address

from gridtokenx_hub.chain.rpc import RpcConnection

from . import harness

ASSOCIATED_TOKEN_PROGRAM = Pubkey.from_string("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")
MINT_BYTES = 82


@dataclass(frozen=True)
class Minted:
    """A mint and the owner's account with what was minted; `signature` did it all."""

    mint: Pubkey
    account: Pubkey
    signature: str


async def mint_to_new_account(
    rpc: RpcConnection, owner: Keypair, amount: int, decimals: int, mint: Keypair | None = None
) -> Minted:
    """Make a mint and an associated token account, and mint to it, in one transaction."""
    mint = mint or Keypair()
    rent = await rpc.call("getMinimumBalanceForRentExemption", MINT_BYTES)
    assert isinstance(rent, int)
    account = get_associated_token_address(owner.pubkey(), mint.pubkey())
    authority = bytes(owner.pubkey())
    instructions = [
        create_account(
            CreateAccountParams(
                from_pubkey=owner.pubkey(),
                to_pubkey=mint.pubkey(),
                lamports=rent,
                space=MINT_BYTES,
                owner=TOKEN_PROGRAM,
            )
        ),
        Instruction(
            TOKEN_PROGRAM,
            bytes([20, decimals]) + authority + b"\0",  # InitializeMint2
            [AccountMeta(mint.pubkey(), is_signer=False, is_writable=True)],
        ),
        Instruction(
            ASSOCIATED_TOKEN_PROGRAM,
            b"\0",  # Create
            [
                AccountMeta(owner.pubkey(), is_signer=True, is_writable=True),
                AccountMeta(account, is_signer=False, is_writable=True),
                AccountMeta(owner.pubkey(), is_signer=False, is_writable=False),
                AccountMeta(mint.pubkey(), is_signer=False, is_writable=False),
                AccountMeta(SYSTEM_PROGRAM, is_signer=False, is_writable=False),
                AccountMeta(TOKEN_PROGRAM, is_signer=False, is_writable=False),
            ],
        ),
        Instruction(
            TOKEN_PROGRAM,
            bytes([7]) + amount.to_bytes(8, "little"),  # MintTo
            [
                AccountMeta(mint.pubkey(), is_signer=False, is_writable=True),
                AccountMeta(account, is_signer=False, is_writable=True),
                AccountMeta(owner.pubkey(), is_signer=True, is_writable=False),
            ],
        ),
    ]
    recent = await harness.blockhash(rpc)
    transaction = harness.signed(instructions, owner, recent, mint)
    return Minted(mint.pubkey(), account, await harness.send(rpc, transaction))
