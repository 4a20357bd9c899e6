"""A deployment for the programs' tests: its roles, its instructions, and sites with a meter.

Every instruction is made right by default; a test says what it wants wrong: an argument, or
`account_name=address` for any account.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from harness import SYNCHRONISED, Device, deployment_id, record
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from worlds import Outcome, World
from worlds.deployments import CALLER, CALLER_ELF
from worlds.tokens import transfer

from gridtokenx_programs import Program
from gridtokenx_programs.program import EVENT_AUTHORITY_SEED

GENESIS = bytes(range(32))
INTERVAL_S = 900
DAY_S = 86_400
KWH = 1_000_000
LIMITS = {
    "export_limit_mw": 10_000_000,
    "import_limit_mw": 20_000_000,
    "daily_export_limit_mwh": 60 * KWH,
}
GRX_CAP = 2**62  # in millionths
STATION_MWH = 2**60


class Grid:
    """The programs of one deployment, spoken to by their authority, treasury and registrar."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.authority, self.treasury, self.registrar = (world.wallet(0) for _ in range(3))
        self.deployment = deployment_id(GENESIS, world.registry.id)
        self._power_station: Site | None = None

    def initialize_registry(
        self,
        genesis_hash: bytes = GENESIS,
        settlement_interval_s: int = INTERVAL_S,
        **changed: Pubkey,
    ) -> Instruction:
        arguments = {"genesis_hash": genesis_hash, "settlement_interval_s": settlement_interval_s}
        accounts = {
            "config": self.world.addresses.registry_config(),
            "authority": self.authority.pubkey(),
            "payer": self.world.payer.pubkey(),
        }
        return self.world.registry.instruction("initialize", arguments, accounts | changed)

    def appoint_registrar(
        self, key: Pubkey | None = None, daily_cap: int = 100, **changed: Pubkey
    ) -> Instruction:
        key = key or self.registrar.pubkey()
        accounts = {
            "config": self.world.addresses.registry_config(),
            "authority": self.authority.pubkey(),
            "registrar_key": key,
            "registrar": self.world.addresses.registrar(key),
            "payer": self.world.payer.pubkey(),
        }
        return self.world.registry.instruction(
            "appoint_registrar", {"daily_cap": daily_cap}, accounts | changed
        )

    def register_user(
        self, wallet: Pubkey, user_type: str = "Prosumer", **changed: Pubkey
    ) -> Instruction:
        accounts = {
            "config": self.world.addresses.registry_config(),
            "wallet": wallet,
            "user": self.world.addresses.user(wallet),
            "payer": self.world.payer.pubkey(),
        }
        return self.world.registry.instruction(
            "register_user", {"user_type": user_type}, accounts | changed
        )

    def register_meter(
        self,
        owner: Pubkey,
        meter_id: bytes,
        limits: dict[str, int] | None = None,
        **changed: Pubkey,
    ) -> Instruction:
        registrar = changed.pop("registrar_key", self.registrar.pubkey())
        accounts = {
            "config": self.world.addresses.registry_config(),
            "registrar_key": registrar,
            "registrar": self.world.addresses.registrar(registrar),
            "owner": owner,
            "owner_user": self.world.addresses.user(owner),
            "meter": self.world.addresses.meter(meter_id),
            "payer": self.world.payer.pubkey(),
        }
        return self.world.registry.instruction(
            "register_meter", LIMITS | (limits or {}), accounts | changed
        )

    def initialize_tokens(self, grx_cap: int = GRX_CAP, **changed: Pubkey) -> Instruction:
        addresses = self.world.addresses
        accounts = {
            "config": addresses.energy_config(),
            "authority": self.authority.pubkey(),
            "treasury": self.treasury.pubkey(),
            "registry_config": addresses.registry_config(),
            "registry_program": self.world.registry.id,
            "energy_mint": addresses.energy_mint(),
            "grx_mint": addresses.grx_mint(),
            "payer": self.world.payer.pubkey(),
        }
        return self.world.energy_token.instruction(
            "initialize", {"grx_cap": grx_cap}, accounts | changed
        )

    def mint_grx(self, destination: Pubkey, amount: int, **changed: Pubkey) -> Instruction:
        accounts = {
            "config": self.world.addresses.energy_config(),
            "treasury": self.treasury.pubkey(),
            "grx_mint": self.world.addresses.grx_mint(),
            "destination": destination,
        }
        return self.world.energy_token.instruction(
            "mint_grx", {"amount": amount}, accounts | changed
        )

    def open_ledger(self, meter_id: bytes, **changed: Pubkey) -> Instruction:
        accounts = {
            "config": self.world.addresses.energy_config(),
            "meter": self.world.addresses.meter(meter_id),
            "ledger": self.world.addresses.ledger(meter_id),
            "payer": self.world.payer.pubkey(),
        }
        return self.world.energy_token.instruction("open_ledger", {}, accounts | changed)

    def settle_meter(self, meter_id: bytes, owner_token: Pubkey, **changed: Pubkey) -> Instruction:
        addresses = self.world.addresses
        accounts = {
            "config": addresses.energy_config(),
            "meter": addresses.meter(meter_id),
            "ledger": addresses.ledger(meter_id),
            "energy_mint": addresses.energy_mint(),
            "owner_token": owner_token,
        }
        return self.world.energy_token.instruction("settle_meter", {}, accounts | changed)

    def start_registry(self) -> None:
        """Initialise the registry and appoint the registrar."""
        self.world.send(
            self.initialize_registry(), self.appoint_registrar(), signers=[self.authority]
        )

    def start_tokens(self) -> None:
        """Initialise the mints."""
        self.world.send(self.initialize_tokens(), signers=[self.authority])
        addresses = self.world.addresses
        self.world.suppliers |= {
            addresses.energy_mint(): self._supply_energy,
            addresses.grx_mint(): self._supply_grx,
        }

    def _supply_energy(self, token: Pubkey, amount_mwh: int) -> tuple[Instruction, Keypair]:
        """Energy of a meter that has settled more than any test asks for."""
        if self._power_station is None:
            station = self._power_station = self.site(limits=dict.fromkeys(LIMITS, 2**63 - 1))
            produced = station.ledger["produced_mwh"] + STATION_MWH
            surplus = station.ledger["surplus_mwh"] + STATION_MWH
            station.settle(station.reading(produced_mwh=produced, surplus_mwh=surplus))
        owner = self._power_station.owner
        return transfer(self._power_station.token, token, owner.pubkey(), amount_mwh), owner

    def _supply_grx(self, token: Pubkey, amount_micro: int) -> tuple[Instruction, Keypair]:
        return self.mint_grx(token, amount_micro), self.treasury

    def user(self) -> Keypair:
        """A registered prosumer without lamports: others pay its rent."""
        wallet = self.world.wallet(0)
        self.world.send(self.register_user(wallet.pubkey()), signers=[wallet])
        return wallet

    @property
    def boundary(self) -> int:
        """When the interval began that runs now, Unix seconds."""
        return self.world.now // INTERVAL_S * INTERVAL_S

    def baseline(self, meter_id: bytes, **changed: Any) -> bytes:
        """A meter's first record, made 895 seconds before the interval that runs."""
        fields: dict[str, Any] = {
            "deployment": self.deployment,
            "meter_id": meter_id,
            "sequence": 1,
            "time_ms": (self.boundary - 895) * 1000,
            "produced_mwh": 20_000 * KWH,
            "consumed_mwh": 9_000 * KWH,
            "flags": SYNCHRONISED,
        }
        return record(**(fields | changed))

    def site(
        self,
        device: Device | None = None,
        limits: dict[str, int] | None = None,
        meter_id: bytes | None = None,
        **baseline: Any,
    ) -> Site:
        """A new user's registered meter with its ledger open, and a token account."""
        site = Site(self, device or Device(), self.user(), meter_id or os.urandom(16))
        site.baseline = self.baseline(site.meter_id, **baseline)
        self.world.send(
            site.device.proof(site.baseline),
            self.register_meter(site.owner.pubkey(), site.meter_id, limits),
            self.open_ledger(site.meter_id),
            signers=[self.registrar, site.owner],
        )
        site.token = self.world.put_tokens(self.world.addresses.energy_mint(), site.owner.pubkey())
        return site

    def fresh_site(self) -> Site:
        """A site whose baseline is a minute old, so that no interval has passed unsettled."""
        return self.site(time_ms=(self.world.now - 60) * 1000)


@dataclass
class Site:
    """A meter, its device and its owner."""

    grid: Grid
    device: Device
    owner: Keypair
    meter_id: bytes = field(default_factory=lambda: os.urandom(16))
    baseline: bytes = b""
    token: Pubkey = field(default_factory=Pubkey.default)

    @property
    def ledger(self) -> dict[str, Any]:
        """The ledger account."""
        world = self.grid.world
        return world.account(world.energy_token, "Ledger", world.addresses.ledger(self.meter_id))

    def reading(self, **changed: Any) -> bytes:
        """The next settlement record: one interval boundary on, 2 kWh produced, 0.5 consumed."""
        last = self.ledger
        interval_ms = INTERVAL_S * 1000
        fields: dict[str, Any] = {
            "deployment": self.grid.deployment,
            "meter_id": self.meter_id,
            "sequence": last["last_sequence"] + 1,
            "time_ms": (last["last_time_ms"] // interval_ms + 1) * interval_ms,
            "produced_mwh": last["produced_mwh"] + 2 * KWH,
            "consumed_mwh": last["consumed_mwh"] + KWH // 2,
            "surplus_mwh": last["surplus_mwh"] + 3 * KWH // 2,
        }
        return record(**(fields | changed))

    def instruction(self, **changed: Pubkey) -> Instruction:
        """`settle_meter` for this meter."""
        return self.grid.settle_meter(
            self.meter_id, changed.pop("owner_token", self.token), **changed
        )

    def settle(self, record_bytes: bytes) -> Outcome:
        """Settle a record that this meter's device signs."""
        return self.grid.world.send(self.device.proof(record_bytes), self.instruction())

    def refuse(self, error: str, record_bytes: bytes, **changed: Pubkey) -> None:
        """As `settle`, but it must fail and leave the ledger and the tokens as they were."""
        with unchanged(self):
            self.grid.world.refuse(
                error, self.device.proof(record_bytes), self.instruction(**changed)
            )


class Caller:
    """The program in `caller/`: it calls another with what it is given, and signs with a PDA."""

    def __init__(self, world: World) -> None:
        self.id = CALLER
        self.authority, self._bump = Pubkey.find_program_address([EVENT_AUTHORITY_SEED], self.id)
        world.place_program(self.id, CALLER_ELF.read_bytes())

    def call(self, target: Instruction) -> Instruction:
        """`target`, by way of this program."""
        callee = AccountMeta(target.program_id, is_signer=False, is_writable=False)
        data = bytes([self._bump]) + bytes(target.data)
        return Instruction(self.id, data, [callee, *target.accounts])


@contextmanager
def unchanged(site: Site) -> Iterator[None]:
    """Nothing that happens inside moves the site's ledger or tokens."""
    before = site.ledger, site.grid.world.balance(site.token)
    yield
    assert (site.ledger, site.grid.world.balance(site.token)) == before


def without_signature(instruction: Instruction, key: Pubkey) -> Instruction:
    """The same instruction, not asking `key` to sign."""
    accounts = [
        AccountMeta(meta.pubkey, meta.is_signer and meta.pubkey != key, meta.is_writable)
        for meta in instruction.accounts
    ]
    return Instruction(instruction.program_id, bytes(instruction.data), accounts)


def with_data(instruction: Instruction, data: bytes) -> Instruction:
    """The same accounts with other data."""
    return Instruction(instruction.program_id, data, list(instruction.accounts))


def with_accounts(instruction: Instruction, accounts: Sequence[AccountMeta]) -> Instruction:
    """The same data with other accounts."""
    return Instruction(instruction.program_id, bytes(instruction.data), list(accounts))


def edit_account(world: World, program: Program, kind: str, address: Pubkey, **fields: Any) -> None:
    """Change fields of an account behind the program's back."""
    values = world.account(program, kind, address) | fields
    world.put(address, program.id, program.encode_account(kind, values))


def prefund(world: World, address: Pubkey) -> None:
    """Send lamports to an address before anything is there."""
    world.fund(address, 1_000_000)


def other_bump(seeds: list[bytes], program: Pubkey) -> Pubkey:
    """The address of the second-highest bump: valid to the runtime, but not canonical."""
    _, bump = Pubkey.find_program_address(seeds, program)
    candidates = (
        Pubkey(
            hashlib.sha256(
                b"".join([*seeds, bytes([lower]), bytes(program), b"ProgramDerivedAddress"])
            ).digest()
        )
        for lower in range(bump - 1, -1, -1)
    )
    return next(candidate for candidate in candidates if not candidate.is_on_curve())
