"""Accounts as they are."""

from solders.account import Account

from gridtokenx_hub.json_types import Json
from gridtokenx_hub.local_chain.bank import TELL_TIME
from gridtokenx_hub.local_chain.chain import LocalChain
from gridtokenx_hub.local_chain.encoding import account_encoding, account_json, data_slice
from gridtokenx_hub.local_chain.filters import data_filters
from gridtokenx_hub.local_chain.params import Params, pubkey
from gridtokenx_hub.local_chain.rpc_errors import invalid_params

MAX_ACCOUNTS = 100
MAX_DATA_SIZE = 1 << 40  # far above any account; keeps the rent formula within 64 bits


async def get_account_info(chain: LocalChain, values: Json) -> Json:
    """One account, null if there is none."""
    params = Params(values, required=1, allowed=2)
    address, config = params.pubkey(0), params.config(1)
    encoding, part = account_encoding(config), data_slice(config)
    if address in TELL_TIME:
        await chain.producer.catch_up()

    def query() -> Json:
        config.require_context(chain.window.tip.number)
        account = chain.bank.account(address)
        return chain.in_context(_shown(account, encoding, part))

    return await chain.producer.read(query)


async def get_multiple_accounts(chain: LocalChain, values: Json) -> Json:
    """Several accounts, all at the same slot."""
    params = Params(values, required=1, allowed=2)
    addresses = [pubkey(value) for value in params.list_of_text(0, MAX_ACCOUNTS)]
    config = params.config(1)
    encoding, part = account_encoding(config, default="base64"), data_slice(config)
    if TELL_TIME & set(addresses):
        await chain.producer.catch_up()

    def query() -> Json:
        config.require_context(chain.window.tip.number)
        accounts = (chain.bank.account(address) for address in addresses)
        return chain.in_context([_shown(account, encoding, part) for account in accounts])

    return await chain.producer.read(query)


async def get_program_accounts(chain: LocalChain, values: Json) -> Json:
    """The accounts of a program that pass all filters."""
    params = Params(values, required=1, allowed=2)
    program, config = params.pubkey(0), params.config(1)
    encoding, part, filters = account_encoding(config), data_slice(config), data_filters(config)
    with_context = config.flag("withContext")

    def query() -> Json:
        config.require_context(chain.window.tip.number)
        found: list[Json] = [
            {"account": account_json(account, encoding, part), "pubkey": str(address)}
            for address, account in chain.bank.program_accounts(program)
            if all(passes.holds(account.data) for passes in filters)
        ]
        return chain.in_context(found) if with_context else found

    return await chain.producer.read(query)


async def get_balance(chain: LocalChain, values: Json) -> Json:
    """Lamports of an address."""
    params = Params(values, required=1, allowed=2)
    address, config = params.pubkey(0), params.config(1)

    def query() -> Json:
        config.require_context(chain.window.tip.number)
        return chain.in_context(chain.bank.lamports(address))

    return await chain.producer.read(query)


async def get_minimum_balance_for_rent_exemption(chain: LocalChain, values: Json) -> Json:
    """Lamports that an account of a size needs."""
    size = Params(values, required=1, allowed=2).u64(0)
    if size > MAX_DATA_SIZE:
        raise invalid_params(f"Invalid params: {size} bytes are more than an account can have.")
    return chain.bank.minimum_balance(size)


def _shown(account: Account | None, encoding: str, part: slice) -> Json:
    return None if account is None else account_json(account, encoding, part)
