"""Idempotent set-up of the programs: whatever is missing is made, whatever is there is compared."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from solders.keypair import Keypair
from solders.pubkey import Pubkey

from gridtokenx_hub.bootstrap.errors import BootstrapError
from gridtokenx_hub.bootstrap.funding import fund_fee_payers
from gridtokenx_hub.chain import ChainClient, TransactionSender
from gridtokenx_hub.keys import RoleKeys
from gridtokenx_programs import Addresses, Program, create_associated_token
from gridtokenx_protocol.deployment import deployment_id

REGISTRAR_DAILY_CAP = 1000
COMPUTE_UNITS = 60_000


async def bootstrap(
    client: ChainClient,
    sender: TransactionSender,
    programs: Mapping[str, Program],
    addresses: Addresses,
    keys: RoleKeys,
    settlement_interval_s: int,
    grx_cap: int,
) -> None:
    """Initialise the three programs and give out their roles, as far as that is not yet done.

    The treasury gets an account for the GRX that it pays sellers with; it is filled by
    `mint_to_treasury`.

    Args:
        client: the chain.
        sender: sends with the fee payers of `keys`.
        programs: the programs by name: registry, energy_token, trading.
        addresses: where their accounts are.
        keys: the roles that the chain shall know.
        settlement_interval_s: seconds; divides a day.
        grx_cap: most GRX that may ever be minted, µGRX.

    Raises:
        BootstrapError: the chain has something else than expected, or cannot be paid for.
        ChainUnavailable, TransactionRefused, TransactionExpired: a step was not done; all steps
            may be repeated.
    """
    for name, program in programs.items():
        if await client.account(program.id) is None:
            raise BootstrapError(
                f"the {name} program is not on this chain at {program.id}: deploy it there,"
                " or name the address where it is"
            )
    await fund_fee_payers(client, keys.fee_payers)
    steps = _Steps(client, sender, programs, addresses, keys)
    await steps.registry(settlement_interval_s)
    await steps.registrar()
    await steps.energy_token(settlement_interval_s, grx_cap)
    await steps.ledgers()
    await steps.trading()
    await steps.market_role("Treasury", keys.treasury)
    await steps.market_role("Oracle", keys.oracle)
    await steps.treasury_account()


@dataclass(frozen=True, slots=True)
class _Steps:
    """One method a program, each repeatable."""

    client: ChainClient
    sender: TransactionSender
    programs: Mapping[str, Program]
    addresses: Addresses
    keys: RoleKeys

    async def registry(self, settlement_interval_s: int) -> None:
        genesis_hash = bytes(await self.client.genesis_hash())
        authority = self.keys.authority.pubkey()
        config = self.addresses.registry_config()
        expected = {
            "authority": authority,
            "deployment": deployment_id(genesis_hash, bytes(self.addresses.registry)),
            "settlement_interval_s": settlement_interval_s,
        }
        if await self._is_as_expected("registry", "Config", config, expected):
            return
        await self._send(
            "registry",
            "initialize",
            {"genesis_hash": genesis_hash, "settlement_interval_s": settlement_interval_s},
            {"config": config, "authority": authority},
        )

    async def registrar(self) -> None:
        key = self.keys.registrar
        registrar = self.addresses.registrar(key)
        if await self._is_as_expected("registry", "Registrar", registrar, {"registrar": key}):
            return
        await self._send(
            "registry",
            "appoint_registrar",
            {"daily_cap": REGISTRAR_DAILY_CAP},
            {
                "config": self.addresses.registry_config(),
                "authority": self.keys.authority.pubkey(),
                "registrar_key": key,
                "registrar": registrar,
            },
        )

    async def energy_token(self, settlement_interval_s: int, grx_cap: int) -> None:
        config = self.addresses.energy_config()
        accounts = {
            "authority": self.keys.authority.pubkey(),
            "treasury": self.keys.treasury.pubkey(),
            "registry_program": self.addresses.registry,
            "energy_mint": self.addresses.energy_mint(),
            "grx_mint": self.addresses.grx_mint(),
        }
        expected = {
            **accounts,
            "settlement_interval_s": settlement_interval_s,
            "grx_cap": grx_cap,
        }
        if await self._is_as_expected("energy_token", "Config", config, expected):
            return
        registry_config = self.addresses.registry_config()
        await self._send(
            "energy_token",
            "initialize",
            {"grx_cap": grx_cap},
            {**accounts, "config": config, "registry_config": registry_config},
        )

    async def ledgers(self) -> None:
        """Tell the registry which program keeps the ledgers: it asks them before a transfer."""
        energy_token = self.addresses.energy_token_link()
        expected = {"program": self.addresses.energy_token}
        if await self._is_as_expected("registry", "EnergyToken", energy_token, expected):
            return
        await self._send(
            "registry",
            "set_energy_token",
            {},
            {
                "config": self.addresses.registry_config(),
                "authority": self.keys.authority.pubkey(),
                "energy_token_program": self.addresses.energy_token,
                "energy_token": energy_token,
            },
        )

    async def trading(self) -> None:
        market = self.addresses.market()
        accounts = {
            "authority": self.keys.authority.pubkey(),
            "registry_program": self.addresses.registry,
            "energy_mint": self.addresses.energy_mint(),
            "grx_mint": self.addresses.grx_mint(),
        }
        if await self._is_as_expected("trading", "Market", market, accounts):
            return
        registry_config = self.addresses.registry_config()
        await self._send(
            "trading",
            "initialize_market",
            {},
            {**accounts, "market": market, "registry_config": registry_config},
        )

    async def market_role(self, role: str, holder: Keypair) -> None:
        """Hand a role of the market over; who made the market holds them all at first."""
        market = self.addresses.market()
        account = await self.client.account(market)
        if account is None:
            raise BootstrapError(f"the node does not show the market {market} yet: start again")
        authority = self.keys.authority
        held_by = self.programs["trading"].decode_account("Market", account.data)[role.lower()]
        if held_by == holder.pubkey():
            return
        if held_by != authority.pubkey():
            raise BootstrapError(
                f"the market's {role.lower()} is {held_by}, expected {holder.pubkey()}."
                " Use the keys that this chain was set up with, or have the market's authority"
                " hand the role over by set_authority"
            )
        accounts = {
            "market": market,
            "authority": authority.pubkey(),
            "new_authority": holder.pubkey(),
        }
        handover = self.programs["trading"].instruction("set_authority", {"role": role}, accounts)
        await self.sender.send([handover], (authority, holder), compute_units=COMPUTE_UNITS)

    async def treasury_account(self) -> None:
        treasury, mint = self.keys.treasury.pubkey(), self.addresses.grx_mint()
        if await self.client.account(self.addresses.associated_token(treasury, mint)) is None:
            await self.sender.send(
                lambda payer: [create_associated_token(payer, treasury, mint)],
                compute_units=COMPUTE_UNITS,
            )

    async def _is_as_expected(
        self, name: str, kind: str, address: Pubkey, expected: Mapping[str, Any]
    ) -> bool:
        """Return whether the account is there, with these values; False when it is not there."""
        account = await self.client.account(address)
        program = self.programs[name]
        if account is None or account.owner != program.id:
            return False
        found = program.decode_account(kind, account.data)
        differing = [
            f"{field} is {_shown(found[field])}, expected {_shown(value)}"
            for field, value in expected.items()
            if found[field] != value
        ]
        if differing:
            raise BootstrapError(
                f"the {name} program's {kind} {address} differs: {'; '.join(differing)}."
                " Use the keys and settings that this chain was set up with, or another chain"
            )
        return True

    async def _send(
        self,
        name: str,
        instruction: str,
        args: Mapping[str, Any],
        accounts: Mapping[str, Pubkey],
    ) -> None:
        await self.sender.send(
            lambda payer: [
                self.programs[name].instruction(instruction, args, {**accounts, "payer": payer})
            ],
            (self.keys.authority,),
            compute_units=COMPUTE_UNITS,
        )


def _shown(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
