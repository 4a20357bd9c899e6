"""Token accounts and mints."""

from collections.abc import Callable

from solders.account import Account
from solders.pubkey import Pubkey

from gridtokenx_hub.json_types import Json, JsonObject
from gridtokenx_hub.local_chain.chain import LocalChain
from gridtokenx_hub.local_chain.encoding import account_encoding, account_json, data_slice
from gridtokenx_hub.local_chain.params import Params, pubkey
from gridtokenx_hub.local_chain.rpc_errors import invalid_params
from gridtokenx_hub.local_chain.token_accounts import (
    TOKEN_PROGRAMS,
    amount_json,
    amount_of,
    decimals_of,
    is_mint,
    is_token_account,
    mint_of,
    owner_of,
    supply_of,
)


async def get_token_account_balance(chain: LocalChain, values: Json) -> Json:
    """Tokens in one token account."""
    params = Params(values, required=1, allowed=2)
    address, config = params.pubkey(0), params.config(1)

    def query() -> Json:
        config.require_context(chain.window.tip.number)
        account = _existing(chain, address, is_token_account, "not a Token account")
        mint = _existing(chain, mint_of(account), is_mint, "not a Token mint")
        return chain.in_context(amount_json(amount_of(account), decimals_of(mint)))

    return await chain.producer.read(query)


async def get_token_supply(chain: LocalChain, values: Json) -> Json:
    """Tokens of a mint that exist."""
    params = Params(values, required=1, allowed=2)
    address, config = params.pubkey(0), params.config(1)

    def query() -> Json:
        config.require_context(chain.window.tip.number)
        mint = _existing(chain, address, is_mint, "not a Token mint")
        return chain.in_context(amount_json(supply_of(mint), decimals_of(mint)))

    return await chain.producer.read(query)


async def get_token_accounts_by_owner(chain: LocalChain, values: Json) -> Json:
    """The token accounts of an owner, of one mint or of one token program."""
    params = Params(values, required=2, allowed=3)
    owner, config = params.pubkey(0), params.config(2)
    chosen = _chosen(params.mapping(1))
    encoding, part = account_encoding(config), data_slice(config)

    def query() -> Json:
        config.require_context(chain.window.tip.number)
        program, mint = _program_and_mint(chain, *chosen)
        found: list[Json] = [
            {"account": account_json(account, encoding, part), "pubkey": str(address)}
            for address, account in chain.bank.program_accounts(program)
            if is_token_account(account)
            and owner_of(account) == owner
            and mint in {None, mint_of(account)}
        ]
        return chain.in_context(found)

    return await chain.producer.read(query)


def _chosen(given: JsonObject) -> tuple[str, Pubkey]:
    if len(given) != 1:
        raise invalid_params("Invalid params: invalid value: map, expected map with a single key.")
    ((name, value),) = given.items()
    if name not in {"mint", "programId"}:
        raise invalid_params(
            f"Invalid params: unknown variant `{name}`, expected `mint` or `programId`."
        )
    return name, pubkey(value)


def _program_and_mint(
    chain: LocalChain, name: str, address: Pubkey
) -> tuple[Pubkey, Pubkey | None]:
    if name == "programId":
        if address not in TOKEN_PROGRAMS:
            raise invalid_params("Invalid param: unrecognized Token program id")
        return address, None
    account = chain.bank.account(address)
    if account is None:
        raise invalid_params("Invalid param: could not find mint")
    if not is_mint(account):
        raise invalid_params("Invalid param: Token mint could not be unpacked")
    return account.owner, address


def _existing(
    chain: LocalChain, address: Pubkey, is_kind: Callable[[Account], bool], otherwise: str
) -> Account:
    account = chain.bank.account(address)
    if account is None:
        raise invalid_params("Invalid param: could not find account")
    if not is_kind(account):
        raise invalid_params(f"Invalid param: {otherwise}")
    return account
