"""What the protocol package signs is what the programs accept."""

import os

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from grid import GENESIS, INTERVAL_S, KWH, Grid
from solders.instruction import Instruction

from gridtokenx_programs import signature_instruction
from gridtokenx_protocol.cose import decode, sign
from gridtokenx_protocol.deployment import deployment_id
from gridtokenx_protocol.keys import SoftwareSigner
from gridtokenx_protocol.payload import record_hash
from gridtokenx_protocol.record import Flag, Record
from gridtokenx_protocol.units import (
    Milliamperes,
    Millihertz,
    Millivolts,
    MilliwattHours,
    Milliwatts,
    UnixMs,
)


def reading(
    grid: Grid, meter_id: bytes, sequence: int, time_s: int, *,
    flags: int, previous_hash: bytes, energy_mwh: int = 0,
) -> Record:  # fmt: skip
    """A record that tells nothing but registers: all that was produced is surplus."""
    return Record(
        deployment=deployment_id(GENESIS, bytes(grid.world.registry.id)),
        meter_id=meter_id,
        sequence=sequence,
        time_ms=UnixMs(time_s * 1000),
        produced_mwh=MilliwattHours(energy_mwh),
        consumed_mwh=MilliwattHours(0),
        surplus_mwh=MilliwattHours(energy_mwh),
        active_power_mw=Milliwatts(0),
        voltage_mv=Millivolts(0),
        current_ma=Milliamperes(0),
        frequency_mhz=Millihertz(0),
        flags=Flag(flags),
        previous_hash=previous_hash,
    )


def proof(record: Record, signer: SoftwareSigner) -> Instruction:
    """The message that would go over MQTT, taken apart for the chain."""
    signed = decode(sign(record.encode(), signer))
    return signature_instruction(
        signer.algorithm, signer.public_key, signed.signature, signed.signed_bytes()
    )


@pytest.mark.parametrize("kind", ["ed25519", "p256"])
def test_a_signed_reading_goes_on_chain_as_it_is(grid: Grid, kind: str) -> None:
    ed25519, p256 = Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())
    signer = SoftwareSigner(ed25519 if kind == "ed25519" else p256)
    world, meter_id, owner = grid.world, os.urandom(16), grid.user()
    start = grid.boundary - INTERVAL_S
    baseline = reading(grid, meter_id, 1, start, flags=3, previous_hash=bytes(32))
    world.send(
        proof(baseline, signer),
        grid.register_meter(owner.pubkey(), meter_id),
        grid.open_ledger(meter_id),
        signers=[grid.registrar, owner],
    )
    settlement = reading(
        grid, meter_id, 2, grid.boundary,
        energy_mwh=KWH, flags=3 | Flag.SETTLEMENT, previous_hash=record_hash(baseline),
    )  # fmt: skip
    tokens = world.put_tokens(world.addresses.energy_mint(), owner.pubkey())
    outcome = world.send(proof(settlement, signer), grid.settle_meter(meter_id, tokens))
    [event] = outcome.events
    assert event.data["record_hash"] == record_hash(settlement)
    assert world.balance(tokens) == KWH
