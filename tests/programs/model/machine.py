"""The machine: all rules over one deployment, time, roles, and what must hold after every step."""

from __future__ import annotations

from grid import without_signature
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule
from model.agreement import check_chain
from model.baht_rules import BahtRules
from model.invariants import check_model
from model.meter_rules import MOST_METERS, ROOFS
from model.model import ROLES
from model.state import GRX_CAP, KWH, NONCE_WINDOW_MS, Address
from model.steward_rules import StewardRules

# How often each kind of step is tried. Hypothesis would try all alike, and switch some of them off
# in each run: the long ways, as an order reserved, cancelled and then paid, would not be walked.
WEIGHTS = {
    "create_order": 5, "match_order": 6, "create_offer": 4, "accept_offer": 5,
    "cancel": 2, "expire": 2, "close": 3, "donate": 1,
    "reserve_order": 7, "match_order_with_thb": 5, "release_reservation": 4,
    "update_price": 1, "set_guardians": 1, "set_authority": 1, "pause_or_resume": 1,
    "settle": 6, "settle_again": 1, "redeem": 2, "rotate_key": 2, "rebase_meter": 1,
    "suspend_meter": 1, "revoke_meter": 1, "transfer_meter": 1,
    "register_user": 1, "new_meter": 1, "mint_grx": 1, "wait": 4,
}  # fmt: skip
TO_RESUME = 10
DAY_S = 86_400
REGISTERED = 4
FIRST_GRX = 9 * 1_000_000


class Deployment(StewardRules, BahtRules):
    """Households, officers, meters and a market."""

    def __init__(self) -> None:
        """Some are registered, two have a meter that has settled, all have GRX."""
        super().__init__()
        for wallet in self.households[:REGISTERED]:
            self.try_register_user(wallet, self.sponsors[0])
        for wallet, limits in zip(self.households, ROOFS, strict=False):
            self.register_meter(wallet, limits)
        for wallet in (*self.households, *self.officers):
            self.try_mint_grx(self.model.mint_treasury, wallet, FIRST_GRX)
        self.try_set_guardians(self.authority, self.guardian_set(self.guardians[:3], 2))
        self.try_update_price(self.authority, 10_000_000)
        self.move_clock(900)
        for meter in self.model.meters.values():
            self.try_settle(meter, self.next_reading(meter, 2 * KWH, KWH, 2 * KWH), meter.owner)

    def try_mint_grx(self, by: Address, to: Address, amount: int) -> None:
        account = self.chain.parties[to].grx
        self.attempt(
            "mint_grx",
            lambda: self.model.mint_grx(by, to, amount, account),
            self.chain.grid.mint_grx(account, amount, treasury=by),
            signers=[by],
        )

    @rule(data=st.data())
    def step(self, data: st.DataObject) -> None:
        """Any step for which there is something to do it with."""
        model = self.model
        listings = bool(model.orders or model.offers)
        has_open_order = any(map(self.is_open, model.orders.values()))
        possible = {
            "match_order": has_open_order,
            "reserve_order": has_open_order,
            "accept_offer": any(map(self.is_open, model.offers.values())),
            "match_order_with_thb": bool(model.reservations),
            "release_reservation": bool(model.reservations),
            "new_meter": len(model.meters) < MOST_METERS,
        } | dict.fromkeys(("cancel", "expire", "close", "donate"), listings)
        weights = WEIGHTS | ({"pause_or_resume": TO_RESUME} if model.paused else {})
        steps = [
            name
            for name, weight in weights.items()
            for _ in range(weight)
            if possible.get(name, True)
        ]
        getattr(self, self.pick(data, "step", steps))(data)

    def mint_grx(self, data: st.DataObject) -> None:
        by = self.mostly(data, "by", self.model.mint_treasury, self.officers)
        left = GRX_CAP - self.model.grx_minted
        right = self.pick(data, "size", [1, left // 3 or 1, left or 1])
        amount = self.mostly(data, "amount", right, [0, left + 1])
        self.try_mint_grx(by, self.pick(data, "to", self.wallets), amount)

    def pause_or_resume(self, data: st.DataObject) -> None:
        right, wrong = ("resume", "pause") if self.model.paused else ("pause", "resume")
        name = self.mostly(data, "what", right, [wrong])
        role = "Authority" if name == "resume" else "Pauser"
        # Seldom paused: nothing else happens then.
        calm = [self.households[0]] * 3 if name == "pause" else []
        by = self.pick(data, "by", [self.model.roles[role], *calm, *self.officers[:1]])
        change = self.model.pause if name == "pause" else self.model.resume
        named = {"pauser" if name == "pause" else "authority": by}
        accounts = {"market": self.chain.addresses.market()} | named
        self.attempt(
            name,
            lambda: change(by),
            self.world.trading.instruction(name, {}, accounts),
            signers=[by],
        )

    def set_authority(self, data: st.DataObject) -> None:
        by = self.mostly(data, "by", self.model.roles["Authority"], self.officers)
        role, holder = self.pick(data, "role", ROLES), self.pick(data, "holder", self.officers)
        agrees = self.mostly(data, "agrees", True, [False])
        instruction = self.chain.bridge.set_authority(role, holder, authority=by)
        if not agrees and holder != by:
            instruction = without_signature(instruction, holder)
        self.attempt(
            "set_authority",
            lambda: self.model.set_authority(by, role, holder, agrees=agrees or holder == by),
            instruction,
            signers=[by, holder] if agrees else [by],
        )

    def wait(self, data: st.DataObject) -> None:
        """A little, or until just before or after something is due."""
        due = [
            second - self.model.now
            for moment in self.moments()
            for second in (moment, moment + 1)
            if second > self.model.now
        ]
        self.move_clock(self.pick(data, "seconds", [1, 61, 301, 601, *due, DAY_S]))

    def moments(self) -> list[int]:
        """The last seconds of whatever has one."""
        live = [
            listing
            for listing in (*self.model.orders.values(), *self.model.offers.values())
            if not listing.closed
        ]
        moments = [listing.terms.expires_at - 1 for listing in live]
        moments += [(listing.nonce + NONCE_WINDOW_MS) // 1000 for listing in live]
        for reservation in self.model.reservations.values():
            if not reservation.closed:
                moments += [reservation.pay_deadline, reservation.hold_until]
        return moments

    @invariant()
    def everything_holds(self) -> None:
        check_model(self.model)
        check_chain(self.model, self.chain)
