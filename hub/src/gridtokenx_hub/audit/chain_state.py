"""All that an audit looks at on chain, read at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from solders.pubkey import Pubkey
from solders.token.state import Mint, TokenAccount

from gridtokenx_hub.chain import ChainClient
from gridtokenx_programs import Addresses, Program
from gridtokenx_programs.tokens import TOKEN_PROGRAM

Fields: TypeAlias = dict[str, Any]
Accounts: TypeAlias = Mapping[Pubkey, Fields]

KINDS = (
    ("registry", "User"),
    ("registry", "Meter"),
    ("energy_token", "Ledger"),
    ("trading", "Order"),
    ("trading", "Offer"),
    ("trading", "Reservation"),
)


@dataclass(frozen=True, slots=True)
class Token:
    """A mint and every account that holds some of it; both zero and empty before it is made."""

    supply: int
    balances: Mapping[Pubkey, int]

    @property
    def held(self) -> int:
        """What all accounts hold together."""
        return sum(self.balances.values())


@dataclass(frozen=True, slots=True)
class ChainState:
    """What there is on chain.

    Attributes:
        deployment: the deployment in the registry's configuration, None before it is set up.
        events: how many events each program has sent.
        moved: whether one of them sent another while all this was read.
        accounts: every account of the `KINDS`, by kind and address.
        energy: the ENERGY mint.
        grx: the GRX mint.
        grx_cap: the most GRX that may ever be minted.
        orders_numbered: how many orders there have ever been.
        offers_numbered: how many offers.
    """

    deployment: bytes | None
    events: Mapping[str, int]
    moved: bool
    accounts: Mapping[str, Accounts]
    energy: Token
    grx: Token
    grx_cap: int
    orders_numbered: int
    offers_numbered: int


async def read_chain(
    client: ChainClient, programs: Mapping[str, Program], addresses: Addresses
) -> ChainState:
    """Read what there is on chain.

    Raises:
        ChainUnavailable: the node does not answer.
        RequestRefused: it does not list a program's accounts, as many public nodes do not.
    """
    reader = _Reader(client, programs, addresses)
    before = await reader.heads()
    accounts = {kind: await reader.all_of(program, kind) for program, kind in KINDS}
    energy = await reader.token(addresses.energy_mint())
    grx = await reader.token(addresses.grx_mint())
    after = await reader.heads()
    registry, token_config, market = after.values()
    return ChainState(
        deployment=registry.get("deployment"),
        events=_counters(after),
        moved=_counters(before) != _counters(after),
        accounts=accounts,
        energy=energy,
        grx=grx,
        grx_cap=token_config.get("grx_cap", 0),
        orders_numbered=market.get("next_order_number", 1) - 1,
        offers_numbered=market.get("next_offer_number", 1) - 1,
    )


async def events_sent(
    client: ChainClient, programs: Mapping[str, Program], addresses: Addresses
) -> dict[str, int]:
    """Return how many events each program has sent, by its name.

    Raises:
        ChainUnavailable: the node does not answer.
    """
    return _counters(await _Reader(client, programs, addresses).heads())


def _counters(heads: Mapping[str, Fields]) -> dict[str, int]:
    return {program: fields.get("event_sequence", 0) for program, fields in heads.items()}


class _Reader:
    def __init__(
        self, client: ChainClient, programs: Mapping[str, Program], addresses: Addresses
    ) -> None:
        self._client = client
        self._programs = programs
        self._heads = {
            "registry": ("Config", addresses.registry_config()),
            "energy_token": ("Config", addresses.energy_config()),
            "trading": ("Market", addresses.market()),
        }

    async def heads(self) -> dict[str, Fields]:
        """Return each program's own account, empty where it is not initialised."""
        wanted = [address for _, address in self._heads.values()]
        found = await self._client.accounts(wanted)
        return {
            name: {} if account is None else self._programs[name].decode_account(kind, account.data)
            for (name, (kind, _)), account in zip(self._heads.items(), found, strict=True)
        }

    async def all_of(self, name: str, kind: str) -> dict[Pubkey, Fields]:
        """Return every account of a kind."""
        program = self._programs[name]
        found = await self._client.program_accounts(
            program.id, 0, program.account_discriminator(kind)
        )
        return {address: program.decode_account(kind, account.data) for address, account in found}

    async def token(self, mint: Pubkey) -> Token:
        """Return a mint's supply and the balances of its accounts."""
        # A token account begins with its mint.
        found = await self._client.program_accounts(TOKEN_PROGRAM, 0, bytes(mint))
        balances = {
            address: TokenAccount.from_bytes(account.data).amount for address, account in found
        }
        account = await self._client.account(mint)
        return Token(Mint.from_bytes(account.data).supply if account else 0, balances)


def by_meter(accounts: Accounts) -> dict[bytes, Fields]:
    """Return accounts of meters by the meter's id."""
    return {fields["meter_id"]: fields for fields in accounts.values()}
