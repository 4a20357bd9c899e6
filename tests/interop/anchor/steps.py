"""One step of the flow, and how an account is found for each name that an instruction has."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from tests.interop.programs import ADDRESSES

from .described import PROGRAMS, Call
from .seeds import derivable
from .values import Json, taken_apart

PEOPLE = (
    "payer",
    "authority",
    "new_authority",
    "treasury",
    "oracle",
    "registrar_key",
    "seller",
    "buyer",
)
# Who acts where an instruction's name for them says what they are to it, and not who they are.
ACTORS = {
    "owner": "seller",
    "new_owner": "buyer",
    "revoker": "seller",
    "pauser": "authority",
    "rent_payer": "payer",
    "rent_recipient": "payer",
}
ENERGY, GRX = ADDRESSES.energy_mint(), ADDRESSES.grx_mint()
FIXED = {
    "registry": {"config": ADDRESSES.registry_config()},
    "energy_token": {"config": ADDRESSES.energy_config()},
    "trading": {},
}
SHARED = {
    "registry_config": ADDRESSES.registry_config(),
    "registry_program": ADDRESSES.registry,
    "energy_token": ADDRESSES.energy_token_link(),
    "energy_token_program": ADDRESSES.energy_token,
    "energy_mint": ENERGY,
    "grx_mint": GRX,
    "market": ADDRESSES.market(),
    "price": ADDRESSES.price(),
    "guardians": ADDRESSES.guardians(),
}


@dataclass(frozen=True)
class Step:
    """An instruction as the flow has it.

    Attributes:
        program, name: which instruction.
        args: its arguments.
        cast: who acts in it, or an account's address, where that does not follow from the name.
        before: instructions that go before it in the transaction, such as a signature's proof.
        error: by what it must be refused; None if it must be accepted.
        preflight: whether the client has it simulated before it is sent.
    """

    program: str
    name: str
    args: Mapping[str, Any] = field(default_factory=dict)
    cast: Mapping[str, str | Pubkey] = field(default_factory=dict)
    before: tuple[Instruction, ...] = ()
    error: str | None = None
    preflight: bool = True

    def job(self, people: Mapping[str, Keypair], *, finds_addresses: bool) -> Json:
        """As the client is told it; one that finds addresses is not told those that it can find."""
        described = PROGRAMS[self.program]
        listed = described.instruction(self.name)["accounts"]
        known = described.own_accounts(self.name)
        accounts = {
            item["name"]: self._address(people, item["name"])
            for item in listed
            if item["name"] not in known
        }
        call = Call(described, self.name, self.args, accounts)
        without = frozenset(derivable(call)) if finds_addresses else frozenset[str]()
        signers = [self._who(item["name"]) for item in listed if item.get("signer")]
        return {
            **call.job(without),
            "signers": [name for name in signers if name != "payer"],
            "before": [taken_apart(instruction) for instruction in self.before],
            "preflight": self.preflight,
        }

    def _who(self, name: str) -> str:
        """The person whom an account's name means."""
        actor = self.cast.get(name, ACTORS.get(name, name))
        assert isinstance(actor, str), f"{name} is no person"
        return actor

    def _address(self, people: Mapping[str, Keypair], name: str) -> Pubkey:
        """The address that an account's name means."""
        given = self.cast.get(name)
        if isinstance(given, Pubkey):
            return given
        if found := (FIXED[self.program] | SHARED).get(name):
            return found
        match name.rpartition("_"):
            case ("", _, "escrow"):
                return ADDRESSES.escrow(self._address(people, self._entry()))
            case (entry, _, "escrow"):
                return ADDRESSES.escrow(self._address(people, entry))
        return self._address_of(name, lambda actor: people[self._who(actor)].pubkey())

    def _address_of(self, name: str, wallet: Callable[[str], Pubkey]) -> Pubkey:
        """The address of somebody, or of what is theirs."""
        match name.rpartition("_"):
            case ("", _, "registrar"):
                return ADDRESSES.registrar(wallet("registrar_key"))
            case ("", _, "trader"):
                return ADDRESSES.trader(wallet("buyer"))
            case (actor, _, "user"):
                return ADDRESSES.user(wallet(actor or "wallet"))
            case (actor, _, "grx"):
                return ADDRESSES.associated_token(wallet(actor), GRX)
            case (actor, _, "energy" | "token"):
                return ADDRESSES.associated_token(wallet(actor), ENERGY)
        return wallet(name)

    def _entry(self) -> str:
        return next(kind for kind in ("order", "offer") if kind in self.cast)


@dataclass(frozen=True)
class Read:
    """An account that the client fetches: its program, type and address."""

    program: str
    kind: str
    address: Pubkey

    def job(self) -> Json:
        """As the client is told it."""
        return {"program": self.program, "account": self.kind, "address": str(self.address)}


@dataclass(frozen=True)
class Wait:
    """Nothing is done until so much time has passed on the chain."""

    seconds: int


Flow = Iterator[Step | Read | Wait]
