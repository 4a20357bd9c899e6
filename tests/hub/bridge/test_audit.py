"""Invariant 5, on both chains: what is locked is there, and ends once, as its energy did."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from relay_world import DAY_S, RelayWorld, open_relay
from solders.pubkey import Pubkey

from gridtokenx_hub.audit import Check, Report, audit
from gridtokenx_hub.audit.bridge_reader import BridgeReader
from gridtokenx_hub.audit.payments import TITLE, check_payments
from gridtokenx_hub.base58 import decode
from gridtokenx_hub.bridge.evm_client import EvmClient, Log, WrongEvmChain
from gridtokenx_hub.chain import RequestRefused
from gridtokenx_hub.cli import main

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAID_MICRO_THBC = 60_000_000
PATIENCE_S = 30


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def relay(
    postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RelayWorld]:
    async with open_relay(postgres_url, tmp_path_factory.mktemp("relay")) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def reader(relay: RelayWorld) -> AsyncIterator[BridgeReader]:
    reader = BridgeReader(relay.settings)
    yield reader
    await reader.close()


async def audited(
    relay: RelayWorld, reader: BridgeReader, patience_s: float = PATIENCE_S
) -> Report:
    context = relay.world.context
    async with relay.world.pool.acquire() as connection:
        return await audit(
            connection,
            context.client,
            context.programs,
            context.addresses,
            int(time.time() * 1000),
            patience_s,
            bridge=reader,
        )


def fifth(report: Report) -> Check:
    (check,) = (check for check in report.checks if check.invariant == 5)
    return check


def told(check: Check) -> list[str]:
    return [str(difference) for difference in check.differences]


async def listen(relay: RelayWorld) -> None:
    """A round of the hub's job, with guardians that see nothing."""
    await relay.round([])


async def paid(relay: RelayWorld) -> dict[str, Any]:
    _, _, answer = await relay.purchase()
    relay.pay(answer)
    return answer


async def test_a_locked_and_a_released_payment_are_found_as_they_are(
    relay: RelayWorld, reader: BridgeReader
) -> None:
    first = await paid(relay)
    await relay.until(lambda: relay.released(first))
    await paid(relay)
    await listen(relay)
    report = await audited(relay, reader)
    check = fifth(report)
    assert not report.moved
    assert told(check) == []
    assert check.skipped is None
    assert check.compared["payments_on_chain"] == check.compared["payments_in_database"] == 2
    assert check.compared["delivered_on_solana"] == 1
    held = [count for name, count in check.compared.items() if name.startswith("micro_thbc")]
    assert held == [PAID_MICRO_THBC] * 4


async def test_faults_in_the_database_are_told(relay: RelayWorld, reader: BridgeReader) -> None:
    """Each is put in and taken back with its transaction."""
    genesis_hash = decode(relay.world.context.deployment.genesis_hash)
    for fault, parts in FAULTS:
        async with relay.world.pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            state = await reader.read(connection, genesis_hash)
            await connection.execute(fault)
            sentences = told(await check_payments(connection, state))
            await transaction.rollback()
        for part in parts:
            assert any(part in sentence for sentence in sentences), (fault, part, sentences)
    assert told(fifth(await audited(relay, reader))) == []


FAULTS: Sequence[tuple[str, Sequence[str]]] = (
    (
        "DELETE FROM payments WHERE state = 'locked'",
        ("missing in the database", "locked: 0 in the database, 60000000 on chain"),
    ),
    ("UPDATE payments SET micro_thbc = micro_thbc + 1", ("micro_thbc: 60000001 in the database",)),
    (
        "UPDATE payments SET payer = substr(sha256(payer), 1, 20)",
        ("payer: ",),
    ),
    (
        "UPDATE payments SET state = 'refunded' WHERE state = 'released'",
        ("state: refunded in the database, released on chain",),
    ),
    (
        "UPDATE reservations SET status = 'released' WHERE status = 'matched'",
        ("released on the EVM chain, not delivered on Solana",),
    ),
)


async def test_events_that_the_contract_would_not_make_are_told(
    relay: RelayWorld, reader: BridgeReader
) -> None:
    """A payment that ended twice, and a count that is not the sum of what was received."""
    genesis_hash = decode(relay.world.context.deployment.genesis_hash)
    async with relay.world.pool.acquire() as connection:
        state = await reader.read(connection, genesis_hash)
        ((name, _),) = state.endings.items()
        twice = replace(state, endings={name: ["refunded", "released"]})
        sentences = told(await check_payments(connection, twice))
        more = replace(state, micro_thbc_locked=PAID_MICRO_THBC + 1)
        uncounted = told(await check_payments(connection, more))
    assert "micro THBC locked: 60000000 by the events, 60000001 by the contract" in uncounted
    assert f"payment for {name} ended: refunded and released as" in sentences
    assert any("refunded on the EVM chain, delivered on Solana" in one for one in sentences)


async def test_another_chain_s_bridge_is_refused(relay: RelayWorld, reader: BridgeReader) -> None:
    async with relay.world.pool.acquire() as connection:
        with pytest.raises(WrongEvmChain, match="no bridge of this Solana chain"):
            await reader.read(connection, bytes(32))


async def test_what_the_listener_has_not_heard_yet_is_no_difference(
    relay: RelayWorld, reader: BridgeReader
) -> None:
    """Everything is read as it was at the listener's block."""
    snapshot = relay.baht.node.call("evm_snapshot")
    await paid(relay)
    check = fifth(await audited(relay, reader))
    assert told(check) == []
    assert check.compared["newer_blocks"] > 0
    assert check.compared["micro_thbc_held"] == PAID_MICRO_THBC
    relay.baht.node.call("evm_revert", snapshot)


async def test_a_node_that_refuses_many_blocks_is_asked_for_fewer(
    relay: RelayWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anvil refuses no range: its answer is replaced where the node's would come."""
    whole = EvmClient.logs

    async def reluctant(client: EvmClient, contract: bytes, first: int, last: int) -> list[Log]:
        if last - first >= 2:
            raise RequestRefused(-32005, "query exceeds max block range")
        return await whole(client, contract, first, last)

    monkeypatch.setattr(EvmClient, "logs", reluctant)
    reader = BridgeReader(relay.settings)
    genesis_hash = decode(relay.world.context.deployment.genesis_hash)
    async with relay.world.pool.acquire() as connection:
        state = await reader.read(connection, genesis_hash)
    await reader.close()
    assert (len(state.received), len(state.endings)) == (2, 1)


async def test_the_command_reads_the_bridge_of_its_settings(
    relay: RelayWorld, postgres_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    context, chosen = relay.world.context, relay.settings
    database = await relay.world.pool.fetchval("SELECT current_database()")
    guardians = ", ".join(f'"{url}"' for url in chosen.guardians)
    (tmp_path / "hub.toml").write_text(
        f'[database]\nurl = "{postgres_url}/{database}"\n'
        f'[chain]\nrpc_url = "{context.public_rpc_url}"\n'
        f'[bridge]\nrpc_url = "{chosen.rpc_url}"\nchain_id = {chosen.chain_id}\n'
        f'address = "0x{chosen.address.hex()}"\nguardians = [{guardians}]\n'
    )
    await asyncio.to_thread(main, ["--folder", str(tmp_path), "audit"])
    said = capsys.readouterr().out
    assert f"5. {TITLE}: holds" in said
    assert f"micro_thbc_held {PAID_MICRO_THBC:,}, micro_thbc_locked_by_contract" in said


async def test_a_block_that_is_gone_is_no_ground_to_compare_on(
    relay: RelayWorld, reader: BridgeReader
) -> None:
    snapshot = relay.baht.node.call("evm_snapshot")
    await listen(relay)
    relay.baht.node.call("evm_revert", snapshot)
    assert (await audited(relay, reader, patience_s=0)).moved
    await listen(relay)
    assert not (await audited(relay, reader)).moved


async def test_what_is_gone_from_the_bridge_is_told(
    relay: RelayWorld, reader: BridgeReader
) -> None:
    """The bridge's own account gives one away, as only a hole in the contract could."""
    contracts, node = relay.baht.contracts, relay.baht.node
    snapshot = node.call("evm_snapshot")
    node.call("anvil_impersonateAccount", contracts.bridge)
    node.call("anvil_setBalance", contracts.bridge, hex(10**18))
    kinds = ["address", "uint256"]
    contracts._send(
        contracts.thbc, "transfer(address,uint256)", kinds, [contracts.owner, 1], contracts.bridge
    )
    await listen(relay)
    sentences = told(fifth(await audited(relay, reader)))
    assert sentences == [f"micro THBC of the bridge: {PAID_MICRO_THBC - 1} held, 60000000 locked"]
    node.call("evm_revert", snapshot)
    await listen(relay)


async def test_delivered_energy_whose_baht_went_back_is_told(
    relay: RelayWorld, reader: BridgeReader
) -> None:
    """Guardians that see nothing for a day after the match are the treasury's loss: it is said."""
    answer = await paid(relay)

    async def is_matched() -> bool:
        return await relay.reservation(answer) == "matched"

    async def are_signed() -> bool:
        path = f"/attestations/{answer['reservation_id']}"
        return None not in [await guardian.get(path) for guardian in relay.guardians]

    await relay.until(are_signed)
    await relay.until(is_matched, [])
    relay.baht.node.call("evm_increaseTime", DAY_S + 3_600)
    relay.baht.contracts.refund(Pubkey.from_string(answer["reservation_id"]))
    await listen(relay)
    sentences = told(fifth(await audited(relay, reader)))
    name = answer["reservation_id"]
    assert sentences == [f"payment for {name}: refunded on the EVM chain, delivered on Solana"]
