"""What relayers are told over HTTP, and what nobody can do there."""

from typing import Any

import aiohttp
import pytest
from tests.guardian.evm import test_bridge as evm
from tests.guardian.facts import AMOUNT, NOW, PAYER, RESERVATION
from tests.guardian.played import Played

from gridtokenx_guardian.server import Server


async def ask(played: Played, path: str) -> tuple[int, Any]:
    server = Server(played.signer, played.journal, played.guardian.health, lambda: NOW)
    async with (
        server.serving(0) as port,
        aiohttp.ClientSession() as http,
        http.get(f"http://127.0.0.1:{port}{path}") as response,
    ):
        return response.status, await response.json(content_type=None)


async def test_attestation(played: Played) -> None:
    await played.look()
    status, told = await ask(played, f"/attestations/{RESERVATION}")
    signed = played.signer.attested(RESERVATION)
    assert signed is not None
    assert status == 200
    assert told == {
        "reservation": str(RESERVATION),
        "kind": "paid",
        "guardian": str(played.signer.keys.solana.pubkey()),
        "guardian_epoch": 1,
        "message": signed.message.hex(),
        "digest": signed.digest.hex(),
        "signature": signed.signature.hex(),
    }


async def test_release(played: Played) -> None:
    played.chains.is_open = False
    await played.look()
    status, told = await ask(played, f"/releases/{RESERVATION}")
    signed = played.signer.released(RESERVATION)
    assert signed is not None
    assert status == 200
    assert told == {
        "reservation": str(RESERVATION),
        "guardian": evm.hexed(played.signer.keys.evm_address),
        "guardian_epoch": 1,
        "payer": evm.hexed(PAYER),
        "amount_micro_thbc": str(AMOUNT),
        "digest": evm.hexed(signed.digest),
        "signature": evm.hexed(signed.signature),
    }


@pytest.mark.parametrize("kind", ["attestations", "releases"])
async def test_what_was_not_signed_is_not_there(played: Played, kind: str) -> None:
    assert (await ask(played, f"/{kind}/{RESERVATION}"))[0] == 404
    for wrong in ("x", "0" * 44, "%00", "1" * 5000):
        assert (await ask(played, f"/{kind}/{wrong}"))[0] == 400


async def test_status(played: Played) -> None:
    assert (await ask(played, "/status"))[1]["cursor"] is None
    await played.look()
    status, told = await ask(played, "/status")
    assert status == 200
    assert told["cursor"] == {"block": 7, "hash": evm.hexed(evm.BLOCK.hash)}
    assert told["keys"]["solana"] == str(played.signer.keys.solana.pubkey())
    assert told["endpoints"] == {
        "evm": {"final_block": 7, "age_s": 0, "fault": None},
        "solana": {"final_slot": 9, "age_s": 0, "fault": None},
    }
    assert told["not_signed"] == {}


async def test_a_disk_that_cannot_be_read_is_a_503(played: Played) -> None:
    played.connection.close()
    for path in ("status", f"attestations/{RESERVATION}", f"releases/{RESERVATION}"):
        assert (await ask(played, f"/{path}"))[0] == 503


async def test_it_can_only_be_read(played: Played) -> None:
    server = Server(played.signer, played.journal, played.guardian.health, lambda: NOW)
    async with server.serving(0) as port, aiohttp.ClientSession() as http:
        for path in ("/status", f"/attestations/{RESERVATION}", f"/releases/{RESERVATION}"):
            async with http.post(f"http://127.0.0.1:{port}{path}") as response:
                assert response.status == 405


async def test_it_answers_on_this_machine_alone(played: Played) -> None:
    server = Server(played.signer, played.journal, played.guardian.health, lambda: NOW)
    async with server.serving(0) as port, aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.ClientConnectorError):
            await http.get(f"http://127.0.0.2:{port}/status")
