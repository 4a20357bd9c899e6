"""Addresses of the accounts that the three programs own or use (PDAs)."""

from dataclasses import dataclass

from solders.pubkey import Pubkey
from solders.token.associated import get_associated_token_address

from gridtokenx_programs.program import EVENT_AUTHORITY_SEED


def derive(program: Pubkey, *seeds: bytes) -> Pubkey:
    """The program-derived address of these seeds."""
    return Pubkey.find_program_address(list(seeds), program)[0]


def associated_token(owner: Pubkey, mint: Pubkey) -> Pubkey:
    """The owner's associated token account of a classic SPL Token mint."""
    return get_associated_token_address(owner, mint)


@dataclass(frozen=True)
class Addresses:
    """Where everything is, given where the three programs are deployed."""

    registry: Pubkey
    energy_token: Pubkey
    trading: Pubkey

    def registry_config(self) -> Pubkey:
        """The registry's one `Config`."""
        return derive(self.registry, b"config")

    def registrar(self, key: Pubkey) -> Pubkey:
        """The `Registrar` of a registrar's key."""
        return derive(self.registry, b"registrar", bytes(key))

    def user(self, wallet: Pubkey) -> Pubkey:
        """The `User` of a wallet."""
        return derive(self.registry, b"user", bytes(wallet))

    def meter(self, meter_id: bytes) -> Pubkey:
        """The `Meter` of a 16-byte meter id."""
        return derive(self.registry, b"meter", meter_id)

    def energy_token_link(self) -> Pubkey:
        """The registry's `EnergyToken`: which program keeps the meters' ledgers."""
        return derive(self.registry, b"energy_token")

    def energy_config(self) -> Pubkey:
        """The energy-token program's one `Config`."""
        return derive(self.energy_token, b"config")

    def energy_mint(self) -> Pubkey:
        """The ENERGY mint (1 token = 1 kWh)."""
        return derive(self.energy_token, b"energy_mint")

    def grx_mint(self) -> Pubkey:
        """The GRX mint."""
        return derive(self.energy_token, b"grx_mint")

    def ledger(self, meter_id: bytes) -> Pubkey:
        """The settlement `Ledger` of a 16-byte meter id."""
        return derive(self.energy_token, b"ledger", meter_id)

    def market(self) -> Pubkey:
        """The trading program's one `Market`."""
        return derive(self.trading, b"market")

    def trader(self, wallet: Pubkey) -> Pubkey:
        """The `Trader` of a wallet."""
        return derive(self.trading, b"trader", bytes(wallet))

    def order(self, seller: Pubkey, nonce: int) -> Pubkey:
        """The `Order` that a seller made under a nonce."""
        return derive(self.trading, b"order", bytes(seller), nonce.to_bytes(8, "little"))

    def offer(self, buyer: Pubkey, nonce: int) -> Pubkey:
        """The `Offer` that a buyer made under a nonce."""
        return derive(self.trading, b"offer", bytes(buyer), nonce.to_bytes(8, "little"))

    def reservation(self, buyer: Pubkey, nonce: int) -> Pubkey:
        """The `Reservation` made for a buyer under a nonce."""
        return derive(self.trading, b"reservation", bytes(buyer), nonce.to_bytes(8, "little"))

    def escrow(self, entry: Pubkey) -> Pubkey:
        """The token account that holds an order's energy, or an offer's or reservation's GRX."""
        return derive(self.trading, b"escrow", bytes(entry))

    def price(self) -> Pubkey:
        """The trading program's one `Price`."""
        return derive(self.trading, b"price")

    def guardians(self) -> Pubkey:
        """The trading program's one `Guardians`."""
        return derive(self.trading, b"guardians")

    def event_authority(self, program: Pubkey) -> Pubkey:
        """The PDA that signs a program's events."""
        return derive(program, EVENT_AUTHORITY_SEED)

    def associated_token(self, owner: Pubkey, mint: Pubkey) -> Pubkey:
        """The owner's associated token account of a mint."""
        return associated_token(owner, mint)
