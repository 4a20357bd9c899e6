"""Where the machine's rules meet the chain: who takes part, and how a step is tried."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import TypeVar

import hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine
from model.chain import Chain
from model.model import ROLES, Model
from model.state import Address, Event, RefusedError
from solders.instruction import Instruction
from solders.pubkey import Pubkey
from worlds import START

T = TypeVar("T")
ACCEPTED = "accepted"
# Of each instruction, how often it ended how: a rule that never runs would prove nothing.
OUTCOMES: defaultdict[str, Counter[str]] = defaultdict(Counter)


class Desk(RuleBasedStateMachine):
    """A model, a chain, and the same step tried on both."""

    def __init__(self) -> None:
        super().__init__()
        self.chain = Chain()
        self.world = self.chain.world
        self.model = Model(START)
        self.model.deployment = self.chain.grid.deployment
        self.households = [self.chain.party().wallet for _ in range(5)]
        self.officers = [self.chain.party().wallet for _ in range(2)]
        self.sponsors = [self.chain.sponsor() for _ in range(2)]
        grid = self.chain.grid
        self.model.registrar = self.chain.know(grid.registrar)
        self.model.mint_treasury = self.chain.know(grid.treasury)
        self.authority = self.chain.party(grid.authority).wallet
        self.officers.append(self.authority)
        self.model.roles = dict.fromkeys(ROLES, self.authority)
        self.read_sequences()

    @property
    def wallets(self) -> list[Pubkey]:
        """Everybody who can hold tokens."""
        return [*self.households, *self.officers]

    def read_sequences(self) -> None:
        """Events that the initialisation made."""
        world, addresses = self.world, self.chain.addresses
        for name, program, kind, address in (
            ("registry", world.registry, "Config", addresses.registry_config()),
            ("energy_token", world.energy_token, "Config", addresses.energy_config()),
            ("trading", world.trading, "Market", addresses.market()),
        ):
            self.model.sequences[name] = world.account(program, kind, address)["event_sequence"]

    def attempt(
        self,
        name: str,
        predict: Callable[[], Event],
        *instructions: Instruction,
        signers: Iterable[Address] = (),
    ) -> bool:
        """Try a step on the model, then on the chain: both do the same. Returns if it was done."""
        keys = [self.chain.keys[address] for address in dict.fromkeys(signers)]
        try:
            event = predict()
        except RefusedError as refusal:
            self.world.refuse(refusal.name, *instructions, signers=keys)
            self.count(name, refusal.name)
            return False
        outcome = self.world.send(*instructions, signers=keys)
        told = [(event.name, event.data) for event in outcome.events]
        assert told == [event], f"told: {told}\ndue: {event}"
        self.count(name, ACCEPTED)
        return True

    def count(self, name: str, outcome: str) -> None:
        """Remember that an instruction ended so."""
        OUTCOMES[name][outcome] += 1
        hypothesis.event(f"{name}: {outcome}")

    def move_clock(self, seconds: int) -> None:
        """Let time pass."""
        self.model.now += seconds
        self.world.set_time(self.model.now)

    def pick(self, data: st.DataObject, what: str, options: Iterable[T]) -> T:
        """One of the options."""
        return data.draw(st.sampled_from(list(options)), label=what)

    def mostly(
        self, data: st.DataObject, what: str, right: T, wrong: Iterable[T], odds: int = 9
    ) -> T:
        """The right one, or else one of the wrong ones, at `odds` to one."""
        others = [one for one in wrong if one != right]
        return self.pick(data, what, [right] * (odds * max(1, len(others))) + others)
