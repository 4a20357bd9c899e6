"""A meter's service ends: all is settled, then chain, hub and broker refuse it for ever."""

import pytest
from hub_world import HubWorld, expect, expect_problem
from installer import change_code
from solders.pubkey import Pubkey
from solders.sysvar import INSTRUCTIONS
from tests.provisioning.on_site import Device, Door, highest, installed, ledger, onchain, until

from gridtokenx_hub.chain import TransactionRefused
from gridtokenx_programs import signature_instruction
from gridtokenx_protocol import cose
from gridtokenx_protocol.payload import Payload

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_whole_way(world: HubWorld, sunny_device: Device) -> None:
    device = sunny_device
    meter_id = await installed(world, device)
    await device.until_settlement_readings(world, meter_id, 1)
    code = await change_code(world, "revoke", meter_id)
    done = await device.change("decommission", code)
    assert done.code == 0, done.lines
    assert (await onchain(world, meter_id))["status"] == "Revoked"
    newest = await world.pool.fetchval(
        "SELECT max(sequence) FROM readings WHERE meter_id = $1 AND flags & 4 <> 0", meter_id
    )
    held = await ledger(world, meter_id)
    assert held["last_sequence"] == newest, "nothing is left behind"
    assert held["minted_mwh"] > 0
    last = await world.pool.fetchrow(
        "SELECT * FROM readings WHERE meter_id = $1 ORDER BY sequence DESC LIMIT 1", meter_id
    )
    assert last is not None
    assert done.result["produced_mwh"] == last["produced_mwh"], "all was delivered"
    sheet = (device.settings / f"decommission-{meter_id.hex()}.html").read_text()
    assert "Decommissioning sheet" in sheet
    assert (await device.change("decommission", code)).result == done.result
    (await device.run("renew", "--now")).fails("MeterRevoked")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["/claims", "/decommissioning", "/done"])
async def test_broken(
    world: HubWorld, sunny_device: Device, door: Door, when: str, step: str
) -> None:
    device = sunny_device
    meter_id = await installed(world, device)
    code = await change_code(world, "revoke", meter_id)
    door.cut = (when, step)
    assert (await device.change("decommission", code)).code < 0
    door.cut = None
    done = await device.change("decommission", code)
    assert done.code == 0, done.lines
    assert (await onchain(world, meter_id))["status"] == "Revoked"
    count = await world.pool.fetchval(
        "SELECT count(*) FROM events WHERE name = 'MeterRevoked' AND data ->> 'meter_id' = $1",
        meter_id.hex(),
    )
    assert count == 1


class Deaf:
    """A broker that does not follow yet."""

    async def apply(self) -> None:
        raise TimeoutError


async def test_a_stolen_device(world: HubWorld, sunny_device: Device) -> None:
    """Its live session ends, and neither broker nor hub nor chain take anything of it."""
    device = sunny_device
    meter_id = await installed(world, device)
    async with device.agent() as agent:
        path = f"/api/meters/{meter_id.hex()}/revocation"
        with world.having(exclusion=Deaf()):
            answer = await world.post(path, {"reason": "stolen"}, world.operator)
            expect_problem(answer, 503, "BrokerNotFollowing")
            await until_quarantined(world, meter_id)
        expect(await world.post(path, {"reason": "stolen"}, world.operator), 201)
        await device.until_logged(agent, "broker_lost")
        stored = await highest(world, meter_id)
        await device.until_spooled(device.spooled()[-1].sequence + 12)  # with a boundary in it
    assert "FAILED" in await device.check("broker")
    assert await highest(world, meter_id) == stored
    later = [reading for reading in device.spooled() if reading.sequence > stored]
    settlement = next(
        signed
        for signed in (cose.decode(reading.message) for reading in reversed(later))
        if Payload.decode(signed.payload).records[0].is_settlement
    )
    with pytest.raises(TransactionRefused, match="MeterNotActive"):
        await settle(world, meter_id, settlement)


async def until_quarantined(world: HubWorld, meter_id: bytes) -> None:
    """Wait until the hub has refused a reading that the broker let through."""
    query = "SELECT true FROM quarantine WHERE meter_id = $1 AND reason = 'revoked'"

    async def refused() -> bool:
        return bool(await world.pool.fetchval(query, meter_id))

    await until(refused)


async def settle(world: HubWorld, meter_id: bytes, signed: cose.SignedMessage) -> None:
    """Bring a settlement reading to the chain, as anybody may."""
    row = await world.pool.fetchrow("SELECT * FROM meters WHERE meter_id = $1", meter_id)
    assert row is not None
    addresses = world.context.addresses
    wallet = Pubkey.from_string(row["owner_wallet"])
    proof = signature_instruction(
        row["algorithm"], row["public_key"], signed.signature, signed.signed_bytes()
    )
    accounts = {
        "config": addresses.energy_config(),
        "meter": addresses.meter(meter_id),
        "ledger": addresses.ledger(meter_id),
        "energy_mint": addresses.energy_mint(),
        "owner_token": addresses.associated_token(wallet, addresses.energy_mint()),
        "instructions_sysvar": INSTRUCTIONS,
    }
    made = world.context.programs["energy_token"].instruction("settle_meter", {}, accounts)
    await world.context.sender.send(lambda _payer: [proof, made], (), compute_units=20_000)
