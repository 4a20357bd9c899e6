"""What becomes of a meter after its registration: keys, status, owner, replaced registers."""

from typing import Any

from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from tests.hub.onchain import ADDRESSES, KWH, PROGRAMS, Device, World, now_ms, running

from gridtokenx_protocol.record import ClockStatus, Flag, Record

ORDINARY = int(ClockStatus.SYNCHRONISED)
REPLACED = ORDINARY | int(Flag.REGISTER_REPLACED)


def as_registrar(world: World) -> dict[str, Pubkey]:
    key = world.chain.keys.registrar
    return {
        "config": ADDRESSES.registry_config(),
        "registrar_key": key,
        "registrar": ADDRESSES.registrar(key),
    }


def of(device: Device) -> dict[str, Pubkey]:
    return {"meter": ADDRESSES.meter(device.meter_id)}


async def send(
    world: World, proofs: list[Instruction], instruction: Instruction, *by: Keypair
) -> None:
    await world.sender.send([*proofs, instruction], by)


async def rotate(world: World, device: Device) -> tuple[bytes, int]:
    """Give a device a new key; returns the old one, and the sequence of the new one's first."""
    old = device.signer.public_key
    device.signer = Device(device.owner, device.deployment, device.algorithm).signer
    record = device.record(now_ms(), ORDINARY)
    accounts = as_registrar(world) | of(device) | {"owner": device.owner.pubkey()}
    await send(
        world,
        [world.proof(device, record)],
        PROGRAMS["registry"].instruction("rotate_key", {}, accounts),
        world.chain.registrar,
        device.owner,
    )
    return old, record.sequence


async def suspend(world: World, device: Device) -> None:
    accounts = as_registrar(world) | of(device)
    registrar = world.chain.registrar
    await world.send("registry", "suspend_meter", {}, accounts, registrar)


async def row(world: World, device: Device) -> dict[str, Any]:
    async with running(world.indexer()):
        await world.agrees_with_chain()
    return dict(
        await world.pool.fetchrow("SELECT * FROM meters WHERE meter_id = $1", device.meter_id)
    )


async def test_a_rotated_key(world: World) -> None:
    device = await world.device()
    old, sequence = await rotate(world, device)
    meter = await row(world, device)
    assert (meter["algorithm"], meter["public_key"]) == (0, device.signer.public_key)
    assert (meter["previous_algorithm"], meter["previous_public_key"]) == (0, old)
    assert (meter["previous_key_last_sequence"], meter["status"]) == (sequence - 1, "active")


async def test_a_rotation_that_lifts_a_suspension(world: World) -> None:
    device = await world.device()
    await suspend(world, device)
    assert (await row(world, device))["status"] == "suspended"
    await rotate(world, device)
    meter = await row(world, device)
    assert (meter["status"], meter["public_key"]) == ("active", device.signer.public_key)
    assert (meter["previous_algorithm"], meter["previous_public_key"]) == (None, None)


async def test_what_the_old_key_signed_is_settled_by_the_hub(world: World) -> None:
    """Its proof names the key that the sequence asks for, whoever signs now."""
    device = await world.device()
    device.produce(3)
    reading = device.record(now_ms() // 1000 * 1000)
    await world.store(device, reading)
    await rotate(world, device)
    await row(world, device)
    async with running(world.indexer(), world.settlement()):
        await world.states_become(device, "settled")
    assert await world.energy_of(device.owner) == 3 * KWH


async def test_a_reported_meter_is_suspended(world: World) -> None:
    device = await world.device()
    first = device.record(now_ms(), ORDINARY)
    device.sequence -= 1
    second = device.record(now_ms() + 1, ORDINARY)
    accounts = of(device) | {"config": ADDRESSES.registry_config()}
    await send(
        world,
        [world.proof(device, first), world.proof(device, second)],
        PROGRAMS["registry"].instruction("report_equivocation", {}, accounts),
    )
    assert (await row(world, device))["status"] == "suspended"


async def test_a_revoked_meter(world: World) -> None:
    device = await world.device()
    owner = device.owner.pubkey()
    accounts = of(device) | {
        "config": ADDRESSES.registry_config(),
        "revoker": owner,
        "registrar": ADDRESSES.registrar(owner),
    }
    await world.send("registry", "revoke_meter", {}, accounts, device.owner)
    assert (await row(world, device))["status"] == "revoked"


async def test_a_transferred_meter(world: World) -> None:
    device, heir = await world.device(), await world.household()
    # As far ahead as the chain lets a clock be: an interval is one second here.
    await world.settle(device, device.record(now_ms() // 1000 * 1000 + 50_000))
    authority, registrar = world.chain.keys.authority, world.chain.registrar
    link = ADDRESSES.energy_token_link()
    if await world.client.account(link) is None:
        accounts = {
            "config": ADDRESSES.registry_config(),
            "authority": authority.pubkey(),
            "energy_token_program": ADDRESSES.energy_token,
            "energy_token": link,
        }
        await world.send("registry", "set_energy_token", {}, accounts, authority)
    accounts = as_registrar(world) | of(device) | {
        "owner": device.owner.pubkey(),
        "new_owner": heir.pubkey(),
        "new_owner_user": ADDRESSES.user(heir.pubkey()),
        "energy_token": link,
        "ledger": ADDRESSES.ledger(device.meter_id),
    }  # fmt: skip
    await world.send("registry", "transfer_meter", {}, accounts, registrar, device.owner, heir)
    assert (await row(world, device))["owner_wallet"] == str(heir.pubkey())


async def rebase(world: World, device: Device) -> Record:
    device.produced_mwh, device.consumed_mwh, device.surplus_mwh = 7, 5, 3
    record = device.record(now_ms(), REPLACED)
    accounts = (
        as_registrar(world)
        | of(device)
        | {"config": ADDRESSES.energy_config(), "ledger": ADDRESSES.ledger(device.meter_id)}
    )
    await send(
        world,
        [world.proof(device, record)],
        PROGRAMS["energy_token"].instruction("rebase_meter", {}, accounts),
        world.chain.registrar,
    )
    return record


async def test_replaced_registers(world: World) -> None:
    device = await world.device()
    device.produce(3)
    await world.settle(device, device.record(now_ms() // 1000 * 1000))
    record = await rebase(world, device)
    await row(world, device)
    ledger = await world.pool.fetchrow("SELECT * FROM ledgers WHERE meter_id = $1", device.meter_id)
    assert (ledger["last_sequence"], ledger["last_time_ms"]) == (record.sequence, record.time_ms)
    assert (ledger["produced_mwh"], ledger["surplus_mwh"]) == (7, 3)
    assert ledger["minted_mwh"] == 3 * KWH


async def test_a_settlement_that_waits_over_a_rebase_is_refused_by_name(world: World) -> None:
    device = await world.device()
    await world.open_ledger(device)
    device.produce(3)
    late = device.record(now_ms() // 1000 * 1000)
    await rebase(world, device)
    await world.pool.execute(
        "INSERT INTO settlements (meter_id, sequence, time_ms, record, algorithm, signature,"
        " status) VALUES ($1, $2, $3, $4, -8, $5, 'pending')",
        device.meter_id,
        late.sequence,
        late.time_ms,
        late.encode(),
        device.sign(late),
    )
    await row(world, device)
    (refused,) = await world.rows(device)
    assert (refused["status"], refused["error"]) == ("refused", "SignedBeforeRebase")


async def test_redeemed_energy_is_missing_from_the_supply(world: World) -> None:
    device = await world.device()
    device.produce(3)
    device.consumed_mwh += KWH
    await world.settle(device, device.record(now_ms() // 1000 * 1000))
    mint = ADDRESSES.energy_mint()
    accounts = of(device) | {
        "config": ADDRESSES.energy_config(),
        "ledger": ADDRESSES.ledger(device.meter_id),
        "owner": device.owner.pubkey(),
        "energy_mint": mint,
        "owner_token": ADDRESSES.associated_token(device.owner.pubkey(), mint),
    }
    await world.send("energy_token", "redeem", {"amount_mwh": KWH}, accounts, device.owner)
    await row(world, device)
    assert await world.energy_of(device.owner) == 2 * KWH
