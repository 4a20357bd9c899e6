"""The demo shows the key of the meter that it speaks of, whichever else was settled beside it."""

import base64
import os
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import Message
from solders.transaction import Transaction

from demo.devices import NoDeviceSignature, device_proof
from gridtokenx_programs import signature_instruction
from gridtokenx_protocol.cose import COSE_ALGORITHM, signed_record_message
from gridtokenx_protocol.keys import Algorithm, SoftwareSigner
from gridtokenx_protocol.record import Record


def record(meter_id: bytes) -> bytes:
    numbers: dict[str, Any] = dict.fromkeys(Record.__slots__, 1)
    return Record(
        **numbers | {"deployment": bytes(4), "meter_id": meter_id, "previous_hash": bytes(32)}
    ).encode()


def test_each_meter_has_its_own() -> None:
    meters = [os.urandom(16) for _ in range(2)]
    signers = [SoftwareSigner(Ed25519PrivateKey.generate()) for _ in meters]
    instructions = []
    for meter_id, signer in zip(meters, signers, strict=True):
        message = signed_record_message(COSE_ALGORITHM[Algorithm.ED25519], record(meter_id))
        instructions.append(
            signature_instruction(
                int(Algorithm.ED25519), signer.public_key, signer.sign(message), message
            )
        )
    payer = Keypair()
    sent = Transaction([payer], Message(instructions, payer.pubkey()), Hash.default())
    shown = {"transaction": [base64.b64encode(bytes(sent)).decode(), "base64"]}
    for meter_id, signer in zip(meters, signers, strict=True):
        proof = device_proof(shown, meter_id.hex())
        assert proof.public_key == signer.public_key.hex()
        assert proof.record.meter_id == meter_id
    with pytest.raises(NoDeviceSignature):
        device_proof(shown, os.urandom(16).hex())
