"""Accounts as they are."""

import base64

from solders.account import Account
from solders.pubkey import Pubkey

from gridtokenx_hub import base58
from gridtokenx_hub.json_types import Json, JsonObject
from gridtokenx_hub.local_chain.chain import LocalChain
from gridtokenx_hub.local_chain.encoding import account_encoding, account_json, data_slice
from gridtokenx_hub.local_chain.params import Config, Params, mapping, pubkey, text, u64
from gridtokenx_hub.local_chain.rpc_errors import invalid_params

TELL_TIME = {
    Pubkey.from_string("SysvarC1ock11111111111111111111111111111111"),
    Pubkey.from_string("SysvarS1otHashes111111111111111111111111111"),
}
"""Accounts that change while nobody does anything."""
MAX_ACCOUNTS = 100
MAX_FILTERS = 4
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
    encoding, part, filters = account_encoding(config), data_slice(config), _filters(config)
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


class DataFilter:
    """Keeps accounts whose data has a size, or has certain bytes at an offset."""

    def __init__(self, size: int | None, offset: int, expected: bytes) -> None:
        self._size = size
        self._offset = offset
        self._expected = expected

    def holds(self, data: bytes) -> bool:
        """Whether an account with `data` is kept."""
        if self._size is not None:
            return len(data) == self._size
        return data[self._offset : self._offset + len(self._expected)] == self._expected


def _filters(config: Config) -> list[DataFilter]:
    given = config.get("filters")
    if given is None:
        return []
    if not isinstance(given, list):
        raise invalid_params("Invalid params: invalid type: filters are a sequence.")
    if len(given) > MAX_FILTERS:
        raise invalid_params(f"Too many filters provided; max {MAX_FILTERS}")
    return [_filter(mapping(value)) for value in given]


def _filter(given: JsonObject) -> DataFilter:
    match given:
        case {"dataSize": size, **others} if not others:
            return DataFilter(u64(size), 0, b"")
        case {"memcmp": dict(memcmp), **others} if not others:
            expected = _filter_bytes(memcmp.get("bytes"), memcmp.get("encoding"))
            return DataFilter(None, u64(memcmp.get("offset")), expected)
        case _:
            name = next(iter(given), "")
            raise invalid_params(
                f"Invalid params: unknown variant `{name}`, expected one of `dataSize`, `memcmp`."
            )


def _filter_bytes(expected: Json, encoding: Json) -> bytes:
    if isinstance(expected, list):
        try:
            return bytes(u64(value) for value in expected)
        except ValueError as error:
            raise invalid_params("Invalid params: memcmp bytes are from 0 to 255.") from error
    coded = text(expected)
    try:
        if encoding == "base64":
            return base64.b64decode(coded, validate=True)
        return base58.decode(coded)
    except ValueError as error:
        name = "Base64DecodeError" if encoding == "base64" else "Base58DecodeError"
        raise invalid_params(f"Invalid param: {name}({error})") from error


def _shown(account: Account | None, encoding: str, part: slice) -> Json:
    return None if account is None else account_json(account, encoding, part)
