"""The chain itself accepts what `signature_instruction` makes, and nothing that is forged."""

import pytest
from harness import Device, message, record
from worlds import World

from gridtokenx_programs import BadValueError, signature_instruction
from gridtokenx_programs.precompiles import ED25519, P256

SIGNED = message(record(b"test", bytes(16), 1, 1_000))


@pytest.fixture(params=[ED25519, P256], ids=["ed25519", "p256"])
def device(request: pytest.FixtureRequest) -> Device:
    return Device(request.param)


def test_a_good_signature_is_accepted(world: World, device: Device) -> None:
    world.send(
        signature_instruction(device.algorithm, device.public_key, device.sign(SIGNED), SIGNED)
    )


@pytest.mark.parametrize("at", [0, 138])
def test_another_message_is_refused(world: World, device: Device, at: int) -> None:
    forged = bytearray(SIGNED)
    forged[at] ^= 1
    instruction = signature_instruction(
        device.algorithm, device.public_key, device.sign(SIGNED), bytes(forged)
    )
    with pytest.raises(AssertionError, match="Custom"):
        world.send(instruction)


def test_the_layout_is_the_one_that_programs_accept(device: Device) -> None:
    key, signature = device.public_key, device.sign(SIGNED)
    data = signature_instruction(device.algorithm, key, signature, SIGNED).data
    at = 48 if device.algorithm == ED25519 else 49
    assert data[:2] == b"\x01\x00"
    assert data[2:16] == b"".join(
        value.to_bytes(2, "little") for value in (at, 0xFFFF, 16, 0xFFFF, at + 64, 139, 0xFFFF)
    )
    assert data[16:] == key + signature + SIGNED
    assert len(data) == 251 + device.algorithm


@pytest.mark.parametrize(
    ("algorithm", "key", "signature"), [(2, 32, 64), (0, 33, 64), (1, 32, 64), (0, 32, 63)]
)
def test_other_sizes_are_refused(algorithm: int, key: int, signature: int) -> None:
    with pytest.raises(BadValueError):
        signature_instruction(algorithm, bytes(key), bytes(signature), b"")
