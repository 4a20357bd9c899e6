"""From registration to a trade, step by step, as another client is told to send it."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from gridtokenx_programs import signature_instruction
from gridtokenx_protocol.cose import COSE_ALGORITHM, signed_record_message
from gridtokenx_protocol.keys import Algorithm, SoftwareSigner
from gridtokenx_protocol.record import ClockStatus, Flag, Record

from .chain import ADDRESSES, Chain
from .described import PROGRAMS, Call
from .seeds import derivable
from .values import Json

KWH = 1_000_000
PRICE_MICRO_GRX = 4_000_000
HOUR_MS = 3_600_000
BASELINE = int(ClockStatus.SYNCHRONISED)
SETTLEMENT = int(ClockStatus.SYNCHRONISED | Flag.SETTLEMENT)


@dataclass(frozen=True)
class Step:
    """An instruction, who signs it, and what it must come to: an event, or an error."""

    program: str
    name: str
    args: Mapping[str, Any]
    accounts: Mapping[str, Pubkey]
    signers: tuple[str, ...]
    event: str | None = None
    error: str | None = None
    proof: Json = None

    def job(self, payer: Pubkey, *, finds_addresses: bool) -> Json:
        """As the client is told it; one that finds addresses is not told those that it can find."""
        accounts = dict(self.accounts)
        if any(item["name"] == "payer" for item in self._accounts()):
            accounts["payer"] = payer
        call = Call(PROGRAMS[self.program], self.name, self.args, accounts)
        without = frozenset(derivable(call)) if finds_addresses else frozenset[str]()
        return {**call.job(without), "signers": self.signers, "proof": self.proof}

    def _accounts(self) -> list[Json]:
        accounts: list[Json] = PROGRAMS[self.program].instruction(self.name)["accounts"]
        return accounts


@dataclass
class Household:
    """A seller with a meter, their buyer, and a registrar of their own."""

    chain: Chain
    payer: Keypair = field(default_factory=Keypair)
    registrar: Keypair = field(default_factory=Keypair)
    seller: Keypair = field(default_factory=Keypair)
    buyer: Keypair = field(default_factory=Keypair)
    meter_id: bytes = field(default_factory=lambda: os.urandom(16))

    def __post_init__(self) -> None:
        self.device = SoftwareSigner(Ed25519PrivateKey.generate())
        self.now_ms = int(time.time()) * 1000
        self.order = ADDRESSES.order(self.seller.pubkey(), self.now_ms)

    def keys(self) -> dict[str, str]:
        """Every key by its name, as hexadecimal text: made for this run, good for nothing else."""
        roles = {name: getattr(self.chain.roles, name) for name in ("authority", "treasury")}
        own = {name: getattr(self, name) for name in ("payer", "registrar", "seller", "buyer")}
        return {name: bytes(keypair).hex() for name, keypair in (roles | own).items()}

    def steps(self) -> list[Step]:
        """The whole flow; every refusal is of a step that would do harm if it were accepted."""
        return [
            self._appoint(),
            self._register("seller", "Prosumer"),
            self._register("buyer", "Consumer"),
            self._register("seller", "Consumer", error="UserAlreadyRegistered"),
            self._register_meter(),
            self._open_ledger(),
            self._settle(),
            self._settle(error="SequenceNotHigher"),
            self._mint_grx(),
            self._create_order(),
            self._match("seller", PRICE_MICRO_GRX, error="SelfTradingNotAllowed"),
            self._match("buyer", PRICE_MICRO_GRX - 1, error="AmountMismatch"),
            self._match("buyer", PRICE_MICRO_GRX),
        ]

    def accounts(self) -> list[tuple[str, str, Pubkey]]:
        """Program, type and address of an account of every type that the flow leaves behind."""
        return [
            ("registry", "Config", ADDRESSES.registry_config()),
            ("registry", "Registrar", ADDRESSES.registrar(self.registrar.pubkey())),
            ("registry", "User", ADDRESSES.user(self.seller.pubkey())),
            ("registry", "Meter", ADDRESSES.meter(self.meter_id)),
            ("energy_token", "Config", ADDRESSES.energy_config()),
            ("energy_token", "Ledger", ADDRESSES.ledger(self.meter_id)),
            ("trading", "Market", ADDRESSES.market()),
            ("trading", "Order", self.order),
        ]

    def _appoint(self) -> Step:
        accounts = {
            "config": ADDRESSES.registry_config(),
            "authority": self.chain.roles.authority.pubkey(),
            "registrar_key": self.registrar.pubkey(),
            "registrar": ADDRESSES.registrar(self.registrar.pubkey()),
        }
        return Step(
            "registry", "appoint_registrar", {"daily_cap": 5}, accounts, ("authority",),
            event="RegistrarAppointed",
        )  # fmt: skip

    def _register(self, name: str, user_type: str, error: str | None = None) -> Step:
        wallet: Pubkey = getattr(self, name).pubkey()
        accounts = {
            "config": ADDRESSES.registry_config(),
            "wallet": wallet,
            "user": ADDRESSES.user(wallet),
        }
        return Step(
            "registry", "register_user", {"user_type": user_type}, accounts, (name,),
            event=None if error else "UserRegistered", error=error,
        )  # fmt: skip

    def _register_meter(self) -> Step:
        limits = {
            "export_limit_mw": 20_000_000,
            "import_limit_mw": 20_000_000,
            "daily_export_limit_mwh": 400 * KWH,
        }
        accounts = {
            "config": ADDRESSES.registry_config(),
            "registrar_key": self.registrar.pubkey(),
            "registrar": ADDRESSES.registrar(self.registrar.pubkey()),
            "owner": self.seller.pubkey(),
            "owner_user": ADDRESSES.user(self.seller.pubkey()),
            "meter": ADDRESSES.meter(self.meter_id),
        }
        return Step(
            "registry", "register_meter", limits, accounts, ("registrar", "seller"),
            event="MeterRegistered", proof=self._proof(1, self.now_ms - HOUR_MS, 0, BASELINE),
        )  # fmt: skip

    def _open_ledger(self) -> Step:
        accounts = {
            "config": ADDRESSES.energy_config(),
            "meter": ADDRESSES.meter(self.meter_id),
            "ledger": ADDRESSES.ledger(self.meter_id),
        }
        return Step("energy_token", "open_ledger", {}, accounts, (), event="LedgerOpened")

    def _settle(self, error: str | None = None) -> Step:
        mint = ADDRESSES.energy_mint()
        accounts = {
            "config": ADDRESSES.energy_config(),
            "meter": ADDRESSES.meter(self.meter_id),
            "ledger": ADDRESSES.ledger(self.meter_id),
            "energy_mint": mint,
            "owner_token": ADDRESSES.associated_token(self.seller.pubkey(), mint),
        }
        return Step(
            "energy_token", "settle_meter", {}, accounts, (),
            event=None if error else "MeterSettled", error=error,
            proof=self._proof(2, self.now_ms, 10 * KWH, SETTLEMENT),
        )  # fmt: skip

    def _mint_grx(self) -> Step:
        mint = ADDRESSES.grx_mint()
        accounts = {
            "config": ADDRESSES.energy_config(),
            "treasury": self.chain.roles.treasury.pubkey(),
            "grx_mint": mint,
            "destination": ADDRESSES.associated_token(self.buyer.pubkey(), mint),
        }
        return Step(
            "energy_token", "mint_grx", {"amount": 100 * KWH}, accounts, ("treasury",),
            event="GrxMinted",
        )  # fmt: skip

    def _create_order(self) -> Step:
        seller, mint = self.seller.pubkey(), ADDRESSES.energy_mint()
        terms = {
            "nonce": self.now_ms,
            "amount_mwh": 8 * KWH,
            "price_micro_grx": PRICE_MICRO_GRX,
            "expires_at": 0,
        }
        accounts = {
            "market": ADDRESSES.market(),
            "seller": seller,
            "seller_user": ADDRESSES.user(seller),
            "order": self.order,
            "escrow": ADDRESSES.escrow(self.order),
            "seller_energy": ADDRESSES.associated_token(seller, mint),
            "energy_mint": mint,
        }
        return Step("trading", "create_order", terms, accounts, ("seller",), event="OrderCreated")

    def _match(self, name: str, price: int, error: str | None = None) -> Step:
        buyer: Pubkey = getattr(self, name).pubkey()
        energy, grx = ADDRESSES.energy_mint(), ADDRESSES.grx_mint()
        accounts = {
            "market": ADDRESSES.market(),
            "order": self.order,
            "escrow": ADDRESSES.escrow(self.order),
            "buyer": buyer,
            "buyer_user": ADDRESSES.user(buyer),
            "buyer_energy": ADDRESSES.associated_token(buyer, energy),
            "buyer_grx": ADDRESSES.associated_token(buyer, grx),
            "seller_grx": ADDRESSES.associated_token(self.seller.pubkey(), grx),
        }
        terms = {"amount_mwh": 3 * KWH, "price_micro_grx": price}
        return Step(
            "trading", "match_order", terms, accounts, (name,),
            event=None if error else "TradeExecuted", error=error,
        )  # fmt: skip

    def _proof(self, sequence: int, time_ms: int, produced_mwh: int, flags: int) -> Json:
        record = Record(
            deployment=self.chain.deployment,
            meter_id=self.meter_id,
            sequence=sequence,
            time_ms=time_ms,
            produced_mwh=produced_mwh,
            consumed_mwh=0,
            surplus_mwh=produced_mwh,
            active_power_mw=0,
            voltage_mv=0,
            current_ma=0,
            frequency_mhz=0,
            flags=flags,
            previous_hash=bytes(32),
        )
        message = signed_record_message(COSE_ALGORITHM[Algorithm.ED25519], record.encode())
        key, signature = self.device.public_key, self.device.sign(message)
        instruction = signature_instruction(int(Algorithm.ED25519), key, signature, message)
        return {
            "program_id": str(instruction.program_id),
            "instruction_data": bytes(instruction.data).hex(),
            "public_key": key.hex(),
            "signature": signature.hex(),
            "message": message.hex(),
        }
