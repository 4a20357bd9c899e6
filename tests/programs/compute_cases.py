"""The cases of the compute table, in its order. A new instruction gets its lines here."""

from __future__ import annotations

from collections.abc import Callable

from bridge import GRX, thbc
from compute_units import Case, Scene
from grid import KWH
from harness import Device, p256_device
from meters import ordinary_reading, proof_of_two, replaced_reading
from solders.pubkey import Pubkey
from worlds import Outcome

CASES: list[Case] = []
Run = Callable[[Scene], Outcome]


def case(program: str, instruction: str, situation: str) -> Callable[[Run], Run]:
    """Enter a function as a case."""

    def enter(run: Run) -> Run:
        CASES.append(Case(program, instruction, situation, run))
        return run

    return enter


@case("registry", "initialize", "")
def registry_initialize(scene: Scene) -> Outcome:
    grid = scene.empty
    return scene.world.send(grid.initialize_registry(), signers=[grid.authority])


@case("registry", "appoint_registrar", "new")
def appoint_registrar(scene: Scene) -> Outcome:
    grid = scene.grid
    key = scene.world.wallet(0).pubkey()
    return scene.world.send(grid.appoint_registrar(key), signers=[grid.authority])


@case("registry", "dismiss_registrar", "")
def dismiss_registrar(scene: Scene) -> Outcome:
    instruction = scene.stewards.dismiss_registrar(scene.grid.registrar.pubkey())
    return scene.world.send(instruction, signers=[scene.grid.authority])


@case("registry", "set_energy_token", "")
def set_energy_token(scene: Scene) -> Outcome:
    instruction = scene.stewards.set_energy_token()
    return scene.world.send(instruction, signers=[scene.grid.authority])


@case("registry", "set_authority", "")
def registry_set_authority(scene: Scene) -> Outcome:
    heir = scene.world.wallet(0)
    instruction = scene.stewards.set_authority(heir.pubkey())
    return scene.world.send(instruction, signers=[scene.grid.authority, heir])


@case("registry", "register_user", "")
def register_user(scene: Scene) -> Outcome:
    grid, wallet = scene.grid, scene.world.wallet(0)
    return scene.world.send(grid.register_user(wallet.pubkey()), signers=[wallet])


def _register_meter(scene: Scene, device: Device) -> Outcome:
    grid, meter_id = scene.grid, scene.meter_id()
    owner = grid.user()
    return scene.world.send(
        device.proof(grid.baseline(meter_id)),
        grid.register_meter(owner.pubkey(), meter_id),
        signers=[grid.registrar, owner],
    )


@case("registry", "register_meter", "Ed25519")
def register_meter_ed25519(scene: Scene) -> Outcome:
    return _register_meter(scene, Device())


@case("registry", "register_meter", "P-256")
def register_meter_p256(scene: Scene) -> Outcome:
    return _register_meter(scene, p256_device())


@case("registry", "rotate_key", "")
def rotate_key(scene: Scene) -> Outcome:
    site = scene.site()
    return scene.world.send(
        Device().proof(ordinary_reading(site, 6)),
        scene.stewards.rotate_key(site),
        signers=[scene.grid.registrar, site.owner],
    )


@case("registry", "report_equivocation", "two messages of two readings")
def report_equivocation(scene: Scene) -> Outcome:
    site = scene.site()
    readings = [ordinary_reading(site, 6, produced_mwh=produced) for produced in range(2)]
    proofs = [
        proof_of_two(site.device, ordinary_reading(site, 4 + index), reading)
        for index, reading in enumerate(readings)
    ]
    return scene.world.send(*proofs, scene.stewards.report_equivocation(site))


@case("registry", "suspend_meter", "")
def suspend_meter(scene: Scene) -> Outcome:
    return scene.stewards.suspend(scene.site())


@case("registry", "revoke_meter", "by its owner")
def revoke_meter(scene: Scene) -> Outcome:
    site = scene.site()
    return scene.stewards.revoke(site)


@case("registry", "transfer_meter", "")
def transfer_meter(scene: Scene) -> Outcome:
    grid, site = scene.grid, scene.site()
    heir = grid.user()
    scene.world.send(scene.stewards.set_energy_token(), signers=[grid.authority])
    return scene.world.send(
        scene.stewards.transfer_meter(site, heir.pubkey()),
        signers=[grid.registrar, site.owner, heir],
    )


@case("energy_token", "initialize", "")
def tokens_initialize(scene: Scene) -> Outcome:
    grid = scene.empty
    grid.start_registry()
    return scene.world.send(grid.initialize_tokens(), signers=[grid.authority])


@case("energy_token", "set_authority", "treasury")
def tokens_set_authority(scene: Scene) -> Outcome:
    heir = scene.world.wallet(0)
    instruction = scene.stewards.set_token_authority(heir.pubkey(), "Treasury")
    return scene.world.send(instruction, signers=[scene.grid.authority, heir])


@case("energy_token", "mint_grx", "")
def mint_grx(scene: Scene) -> Outcome:
    grid = scene.grid
    tokens = scene.world.put_tokens(scene.world.addresses.grx_mint(), Pubkey.new_unique())
    return scene.world.send(grid.mint_grx(tokens, 1), signers=[grid.treasury])


@case("energy_token", "open_ledger", "")
def open_ledger(scene: Scene) -> Outcome:
    _register_meter(scene, Device())
    return scene.world.send(scene.grid.open_ledger(scene.meter_id()))


@case("energy_token", "settle_meter", "Ed25519")
def settle_meter_ed25519(scene: Scene) -> Outcome:
    site = scene.site()
    return site.settle(site.reading())


@case("energy_token", "settle_meter", "P-256")
def settle_meter_p256(scene: Scene) -> Outcome:
    site = scene.site(device=p256_device())
    return site.settle(site.reading())


@case("energy_token", "settle_meter", "nothing to mint")
def settle_meter_without_surplus(scene: Scene) -> Outcome:
    site = scene.site()
    produced = site.ledger["produced_mwh"]
    return site.settle(site.reading(produced_mwh=produced, surplus_mwh=0))


@case("energy_token", "rebase_meter", "")
def rebase_meter(scene: Scene) -> Outcome:
    site = scene.site()
    return scene.world.send(
        site.device.proof(replaced_reading(site)),
        scene.stewards.rebase_meter(site),
        signers=[scene.grid.registrar],
    )


@case("energy_token", "redeem", "")
def redeem(scene: Scene) -> Outcome:
    site = scene.site()
    site.settle(site.reading(surplus_mwh=2 * KWH))
    return scene.world.send(scene.stewards.redeem(site, 1), signers=[site.owner])


@case("trading", "create_order", "")
def create_order(scene: Scene) -> Outcome:
    seller = scene.party()
    return scene.world.send(scene.exchange.create_order(seller), signers=[seller.key])


@case("trading", "match_order", "part")
def match_part(scene: Scene) -> Outcome:
    sale = scene.exchange.sale(scene.party())
    return scene.exchange.buy(sale, scene.party(), KWH)


@case("trading", "match_order", "all")
def match_all(scene: Scene) -> Outcome:
    sale = scene.exchange.sale(scene.party())
    return scene.exchange.buy(sale, scene.party())


@case("trading", "cancel", "")
def cancel(scene: Scene) -> Outcome:
    sale = scene.exchange.sale(scene.party())
    return scene.world.send(scene.exchange.end_order("cancel", sale), signers=[sale.seller.key])


@case("trading", "expire", "")
def expire(scene: Scene) -> Outcome:
    expires_at = scene.world.now + 1
    sale = scene.exchange.sale(scene.party(), expires_at=expires_at)
    scene.world.set_time(expires_at)
    return scene.world.send(scene.exchange.end_order("expire", sale))


@case("trading", "close_order", "")
def close_order(scene: Scene) -> Outcome:
    sale = scene.exchange.sale(scene.party())
    scene.exchange.buy(sale, scene.party())
    scene.exchange.outlast(sale)
    return scene.world.send(scene.exchange.end_order("close_order", sale))


@case("trading", "create_offer", "")
def create_offer(scene: Scene) -> Outcome:
    buyer = scene.party()
    return scene.world.send(scene.exchange.create_offer(buyer), signers=[buyer.key])


@case("trading", "accept_offer", "all")
def accept_offer(scene: Scene) -> Outcome:
    bid, seller = scene.exchange.bid(scene.party()), scene.party()
    return scene.world.send(scene.exchange.accept_offer(bid, seller), signers=[seller.key])


@case("trading", "cancel_offer", "")
def cancel_offer(scene: Scene) -> Outcome:
    bid = scene.exchange.bid(scene.party())
    instruction = scene.exchange.end_offer("cancel_offer", bid)
    return scene.world.send(instruction, signers=[bid.buyer.key])


@case("trading", "close_offer", "")
def close_offer(scene: Scene) -> Outcome:
    bid, seller = scene.exchange.bid(scene.party()), scene.party()
    scene.world.send(scene.exchange.accept_offer(bid, seller), signers=[seller.key])
    scene.exchange.outlast(bid)
    return scene.world.send(scene.exchange.end_offer("close_offer", bid))


@case("trading", "reserve_order", "a buyer's first")
def reserve_order(scene: Scene) -> Outcome:
    sale, bridge = scene.exchange.sale(scene.party()), scene.bridge
    instruction = bridge.reserve_order(sale, scene.party())
    return scene.world.send(instruction, signers=[bridge.treasury])


@case("trading", "reserve_order", "later")
def reserve_again(scene: Scene) -> Outcome:
    sale, buyer, bridge = scene.exchange.sale(scene.party()), scene.party(), scene.bridge
    bridge.settle(bridge.reserve(sale, buyer, 1, KWH, thbc(3 * GRX)))
    instruction = bridge.reserve_order(sale, buyer, 2, KWH, thbc(3 * GRX))
    return scene.world.send(instruction, signers=[bridge.treasury])


@case("trading", "match_order_with_thb", "three guardians")
def match_order_with_thb(scene: Scene) -> Outcome:
    sale, bridge = scene.exchange.sale(scene.party()), scene.bridge
    return bridge.settle(bridge.reserve(sale, scene.party()))


@case("trading", "release_reservation", "three guardians")
def release_reservation(scene: Scene) -> Outcome:
    sale, bridge = scene.exchange.sale(scene.party()), scene.bridge
    return bridge.release(bridge.reserve(sale, scene.party()))


@case("trading", "update_price", "")
def update_price(scene: Scene) -> Outcome:
    return scene.bridge.post_price()


@case("trading", "set_guardians", "")
def set_guardians(scene: Scene) -> Outcome:
    bridge = scene.bridge
    return bridge.world.send(bridge.set_guardians(), signers=[bridge.authority])


@case("trading", "set_authority", "")
def trading_set_authority(scene: Scene) -> Outcome:
    bridge = scene.bridge
    instruction = bridge.set_authority("Oracle", bridge.treasury.pubkey())
    return bridge.world.send(instruction, signers=[bridge.authority, bridge.treasury])
