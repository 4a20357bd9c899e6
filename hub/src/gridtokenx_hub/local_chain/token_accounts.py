"""SPL Token accounts and mints, as far as RPC shows their balances."""

from collections.abc import Callable
from dataclasses import dataclass

from solders.account import Account
from solders.pubkey import Pubkey
from solders.token import ID as TOKEN_PROGRAM

from gridtokenx_hub.json_types import JsonObject
from gridtokenx_hub.local_chain.loaded_keys import LoadedKeys

TOKEN_2022_PROGRAM = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
TOKEN_PROGRAMS = (TOKEN_PROGRAM, TOKEN_2022_PROGRAM)
MINT_BYTES = 82
TOKEN_ACCOUNT_BYTES = 165
OWNER_OFFSET = 32
_INITIALIZED_OFFSET = 108
_MINT_INITIALIZED_OFFSET = 45
_ACCOUNT_TYPE_OFFSET = 165  # Token-2022 with extensions: 1 is a mint, 2 an account


@dataclass(frozen=True, slots=True)
class TokenBalance:
    """Tokens in one account of a transaction; `amount` is in base units."""

    account_index: int
    mint: Pubkey
    owner: Pubkey
    program: Pubkey
    amount: int
    decimals: int

    def json(self) -> JsonObject:
        """As in preTokenBalances and postTokenBalances."""
        return {
            "accountIndex": self.account_index,
            "mint": str(self.mint),
            "owner": str(self.owner),
            "programId": str(self.program),
            "uiTokenAmount": amount_json(self.amount, self.decimals),
        }


def is_token_account(account: Account) -> bool:
    """Whether `account` is an initialised token account."""
    data = account.data
    return (
        account.owner in TOKEN_PROGRAMS
        and (
            len(data) == TOKEN_ACCOUNT_BYTES
            or (len(data) > _ACCOUNT_TYPE_OFFSET and data[_ACCOUNT_TYPE_OFFSET] == 2)
        )
        and data[_INITIALIZED_OFFSET] != 0
    )


def is_mint(account: Account) -> bool:
    """Whether `account` is an initialised mint."""
    data = account.data
    return (
        account.owner in TOKEN_PROGRAMS
        and (
            len(data) == MINT_BYTES
            or (len(data) > _ACCOUNT_TYPE_OFFSET and data[_ACCOUNT_TYPE_OFFSET] == 1)
        )
        and data[_MINT_INITIALIZED_OFFSET] == 1
    )


def mint_of(token_account: Account) -> Pubkey:
    """The mint of a token account."""
    return Pubkey(token_account.data[:32])


def owner_of(token_account: Account) -> Pubkey:
    """Who may move what is in a token account."""
    return Pubkey(token_account.data[OWNER_OFFSET:64])


def amount_of(token_account: Account) -> int:
    """Base units in a token account."""
    return int.from_bytes(token_account.data[64:72], "little")


def supply_of(mint: Account) -> int:
    """Base units of a mint that exist."""
    return int.from_bytes(mint.data[36:44], "little")


def decimals_of(mint: Account) -> int:
    """Decimal digits of one token."""
    return mint.data[44]


def amount_json(amount: int, decimals: int) -> JsonObject:
    """An amount as RPC shows it; `uiAmount` is a float there, for eyes only."""
    whole, fraction = divmod(amount, 10**decimals)
    digits = f"{fraction:0{decimals}}".rstrip("0") if decimals else ""
    return {
        "amount": str(amount),
        "decimals": decimals,
        "uiAmount": amount / 10**decimals,
        "uiAmountString": f"{whole}.{digits}" if digits else str(whole),
    }


class TokenReader:
    """Finds the token balances among a transaction's accounts."""

    def __init__(self, account: Callable[[Pubkey], Account | None]) -> None:
        self._account = account

    def balances(self, keys: LoadedKeys) -> tuple[TokenBalance, ...]:
        """Balances of the token accounts in `keys`, in the order of their index."""
        if not any(program in keys.all for program in TOKEN_PROGRAMS):
            return ()
        found = []
        for index, key in enumerate(keys.all):
            account = self._account(key)
            if account is None or not is_token_account(account):
                continue
            mint = mint_of(account)
            found.append(
                TokenBalance(
                    account_index=index,
                    mint=mint,
                    owner=owner_of(account),
                    program=account.owner,
                    amount=amount_of(account),
                    decimals=self._decimals_of(mint),
                )
            )
        return tuple(found)

    def _decimals_of(self, mint: Pubkey) -> int:
        account = self._account(mint)
        return 0 if account is None else decimals_of(account)
