"""The chain beside the model: the SVM with the three programs, and whoever can sign there."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from bridge import Bridge
from exchange import Bid, Exchange, Party, Sale
from grid import Grid
from harness import Device
from meters import Stewards
from model.listing import Listing
from model.state import GRX_CAP, Address
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from worlds import SOL, MemoryWorld

from gridtokenx_programs import Program

FUNDS = 1_000 * SOL


class Chain:
    """One deployment: initialised, with nobody registered and nothing minted."""

    def __init__(self) -> None:
        self.world = MemoryWorld()
        self.addresses = self.world.addresses
        self.grid = Grid(self.world)
        self.exchange = Exchange(self.grid)
        self.stewards = Stewards(self.grid)
        self.grid.start_registry()
        self.world.send(self.grid.initialize_tokens(GRX_CAP), signers=[self.grid.authority])
        self.world.send(self.exchange.initialize_market(), signers=[self.grid.authority])
        self.world.send(self.stewards.set_energy_token(), signers=[self.grid.authority])
        self.bridge = Bridge(self.exchange, guardians=0)
        self.world.remove(self.bridge.treasury_grx)  # nobody minted what is in it
        self.keys: dict[Address, Keypair] = {}
        self.parties: dict[Address, Party] = {}
        self.sponsors: list[Pubkey] = []
        self.devices: dict[bytes, Device] = {}

    def know(self, key: Keypair) -> Pubkey:
        """Remember who can sign."""
        self.keys[key.pubkey()] = key
        return key.pubkey()

    def party(self, key: Keypair | None = None) -> Party:
        """Somebody with an empty token account of each mint."""
        party = self.exchange.unregistered(key=key)
        self.know(party.key)
        self.parties[party.wallet] = party
        return party

    def sponsor(self) -> Pubkey:
        """Somebody who pays rent, and nothing else."""
        sponsor = self.know(self.world.wallet(FUNDS))
        self.sponsors.append(sponsor)
        return sponsor

    def device(self, algorithm: int) -> bytes:
        """The public key of a new meter device."""
        device = Device(algorithm)
        self.devices[device.public_key] = device
        return device.public_key

    def sale(self, listing: Listing) -> Sale:
        """An order of the model in the harness's words."""
        return Sale(*self._entry(listing))

    def bid(self, listing: Listing) -> Bid:
        """An offer of the model in the harness's words."""
        return Bid(*self._entry(listing))

    def account(self, program: Program, kind: str, address: Address) -> dict[str, Any]:
        """An account of one of the programs, without its bumps."""
        account = self.world.find(address)
        assert account is not None, f"no {kind}"
        assert account.owner == program.id, f"{kind} of another program"
        return decoded(program, kind, bytes(account.data))

    def lamports(self, address: Address) -> int:
        """Lamports at an address."""
        return self.world.lamports(address)

    def _entry(self, listing: Listing) -> tuple[Any, ...]:
        return listing.address, listing.escrow, self.parties[listing.owner], listing.nonce


@lru_cache(maxsize=4096)
def decoded(program: Program, kind: str, data: bytes) -> dict[str, Any]:
    """Fields of an account. Most accounts are as they were a step before: hence the cache."""
    fields = program.decode_account(kind, data)
    return {name: value for name, value in fields.items() if not name.endswith("bump")}
