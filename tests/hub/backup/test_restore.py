"""What is back after a restore, what the chain tells of the time since, and what must not be."""

from pathlib import Path

import pytest
from solders.keypair import Keypair
from tests.hub.audit.market import open_market
from tests.hub.onchain import ADDRESSES, PROGRAMS, World, now_ms, running
from tests.hub.readings.rows import insert, ms
from tests.hub.wallets.making import new_wallet

from gridtokenx_hub.audit import audit
from gridtokenx_hub.database.migrations import migrate, packaged_migrations
from gridtokenx_hub.database.partitions import ensure_partitions
from gridtokenx_hub.indexer import Indexer
from gridtokenx_hub.ingest.store import acknowledged
from gridtokenx_hub.readings.rollups import roll_up
from gridtokenx_hub.settlement.planner import plan
from gridtokenx_hub.wallets import UnknownWallet, WalletVault
from gridtokenx_hub.wallets.key_files import WalletKeys

from .hubs import Hub, enrol

OF_THE_CLUSTER = ("commit_id", "system_identifier")


async def audited(hub: Hub, world: World) -> list[str]:
    """What an audit finds in a hub's database."""
    async with hub.pool() as pool, pool.acquire() as connection:
        report = await audit(connection, world.client, PROGRAMS, ADDRESSES, now_ms())
    assert not report.moved
    return [str(difference) for difference in report.differences]


async def revoke(world: World, meter_id: bytes) -> None:
    registrar = world.chain.registrar
    accounts = {
        "config": ADDRESSES.registry_config(),
        "revoker": registrar.pubkey(),
        "registrar": ADDRESSES.registrar(registrar.pubkey()),
        "meter": ADDRESSES.meter(meter_id),
    }
    await world.send("registry", "revoke_meter", {}, accounts, registrar)


async def test_everything_is_back(world: World, hub: Hub, spare: Hub, tmp_path: Path) -> None:
    await open_market(world)
    await enrol(world, WalletVault(world.pool, hub.folder / "keys" / "wallets.seed"))
    await ensure_partitions(world.pool, now_ms())  # the reading lies in its month's table
    async with running(world.indexer()):
        await world.agrees_with_chain()
    backup = await hub.back_up(world, tmp_path / "b")
    await spare.restore(backup)
    assert await spare.tables() == await hub.tables()
    different = [
        table
        for table in await hub.tables()
        if await spare.rows(table, OF_THE_CLUSTER) != await hub.rows(table, OF_THE_CLUSTER)
    ]
    assert different == ["acks", "backups", "hub_state", "schema_migrations", "verdicts"]
    assert await audited(spare, world) == []


async def test_the_epoch_is_new_and_every_meter_hears_of_it(
    world: World, hub: Hub, spare: Hub, tmp_path: Path
) -> None:
    silent = (await world.devices(1))[0]
    assert silent.meter_id not in await acknowledged(world.pool)
    restored = await spare.restore(await hub.back_up(world, tmp_path / "b"))
    (state,) = await spare.rows("hub_state")
    assert state["epoch"] == restored.epoch != restored.manifest.epoch
    async with spare.pool() as pool:
        heads = await acknowledged(pool)
    assert heads[silent.meter_id][0] == 1


async def test_what_the_chain_knows_comes_from_the_chain(
    world: World, hub: Hub, spare: Hub, tmp_path: Path
) -> None:
    """Settlements, orders, users, meters and a revocation of the time after the backup."""
    stolen, settled = await world.devices(2)
    await world.read([settled], 2, seconds_ago=1800)
    async with running(world.indexer()):
        await world.agrees_with_chain()
    backup = await hub.back_up(world, tmp_path / "b")

    async with running(world.indexer(), world.settlement()):
        await world.states_become(settled, "settled")
        await world.read([settled], 3, seconds_ago=2)
        await world.states_become(settled, "settled", "settled")
    await open_market(world)
    late = (await world.devices(1))[0]
    await revoke(world, stolen.meter_id)

    restored = await spare.restore(backup)
    assert await audited(spare, world) == []
    assert restored.since.settlements == 3
    assert restored.since.events["MeterSettled"] == 3
    assert restored.since.events["OrderCreated"] == 1
    async with spare.pool() as pool:
        statuses = dict(await pool.fetch("SELECT meter_id, status FROM meters"))
        assert statuses[stolen.meter_id] == "revoked"
        assert statuses[late.meter_id] == "active"
    kept = ("id", "created_at", "updated_at", "tx_position", "last_valid_block_height", "attempts")
    assert [row["status"] for row in await spare.rows("settlements")] == ["settled"] * 3
    assert await spare.rows("settlements", kept) == await hub.rows("settlements", kept)


async def test_a_settlement_on_its_way_is_settled_and_none_is_sent_twice(
    world: World, hub: Hub, spare: Hub, tmp_path: Path
) -> None:
    (device,) = await world.devices(1)
    await world.read([device], 2, seconds_ago=20)
    async with world.pool.acquire() as connection:
        assert await plan(connection, 1, now_ms()) == 1
    assert await world.states(device) == ["pending"]
    backup = await hub.back_up(world, tmp_path / "b")
    async with running(world.indexer(), world.settlement()):
        await world.states_become(device, "settled")
    await spare.restore(backup)
    (row,) = [r for r in await spare.rows("settlements") if r["meter_id"] == device.meter_id]
    assert (row["status"], row["minted_mwh"]) == ("settled", 2_000_000)
    async with spare.pool() as pool:
        spare_world = World(world.chain, pool, world.client, world.sender, world.deployment)
        async with running(spare_world.indexer(), spare_world.settlement()):
            await spare_world.agrees_with_chain()
        assert await spare_world.states(device) == ["settled"]


async def test_wallets_that_were_made_since_sign_again(
    world: World, hub: Hub, spare: Hub, vault: WalletVault, tmp_path: Path
) -> None:
    before = await enrol(world, vault)
    backup = await hub.back_up(world, tmp_path / "b")
    begun_only = await new_wallet(vault)
    since = [await enrol(world, vault), await enrol(world, vault)]
    theirs = await world.household()

    code, output, errors = await spare.run("restore", backup)
    assert (code, errors) == (0, "")
    assert all(f"wallet {wallet} was made after the backup" in output for wallet in since)
    assert str(theirs.pubkey()) not in output
    async with spare.pool() as pool:
        restored = WalletVault(pool, spare.folder / "keys" / "wallets.seed")
        for wallet in (before, *since):
            assert (await restored.keypair(wallet)).pubkey() == wallet
        with pytest.raises(UnknownWallet):
            await restored.keypair(begun_only)
        made = await new_wallet(restored)
        assert made not in {before, begun_only, *since}
        highest = await pool.fetchval(
            "SELECT max(number) FROM wallets WHERE wallet <> $1", str(made)
        )
        new = await pool.fetchval("SELECT number FROM wallets WHERE wallet = $1", str(made))
        assert new > highest + 1_000_000, "numbers that may have been given out are passed over"


async def test_what_was_under_way_has_ended(
    world: World, hub: Hub, spare: Hub, tmp_path: Path
) -> None:
    await world.pool.execute(
        """
        INSERT INTO users (wallet, name, user_type) VALUES ('w', 'n', 'prosumer');
        INSERT INTO api_tokens (token_hash, role) VALUES ('t', 'operator');
        INSERT INTO provisioning_codes (code_hash, purpose, issued_by, user_id, meter_id,
            created_at, expires_at, tx_signature, done_at)
        SELECT code, 'revoke', t.id, u.id, decode(repeat('00', 16), 'hex'), now(),
               now() + interval '1 day', tx, CASE WHEN tx IS NULL THEN NULL ELSE now() END
        FROM api_tokens t, users u, (VALUES ('a'::bytea, NULL), ('b', 'tx')) AS v (code, tx)
        WHERE u.wallet = 'w';
        INSERT INTO registrar_requests (code_id, message)
        SELECT min(id), 'm' FROM provisioning_codes;
        INSERT INTO idempotency_keys (token_id, key, request_hash, status, body)
        SELECT id, key, '', status, '{"x": 1}' FROM api_tokens,
               (VALUES ('answered', 201::smallint), ('under way', NULL)) AS v (key, status);
        INSERT INTO manual_rates (micro_thb_per_grx, reason, set_by, set_at, ends_at)
        VALUES (1, '', '', now(), now() + interval '1 hour');
        """
    )
    restored = await spare.restore(await hub.back_up(world, tmp_path / "b"))
    assert restored.withdrawn_codes == 1
    async with spare.pool() as pool:
        codes = await pool.fetch(
            "SELECT code_hash, withdrawn_at FROM provisioning_codes ORDER BY 1"
        )
        assert [row["withdrawn_at"] is None for row in codes] == [False, True]
        assert await pool.fetchval("SELECT state FROM registrar_requests") == "abandoned"
        assert await pool.fetchval("SELECT revoked_by FROM manual_rates") == "restore"
        keys = dict(await pool.fetch("SELECT key, status FROM idempotency_keys"))
        assert keys == {"answered": 201, "under way": 409}
        body = await pool.fetchval("SELECT body FROM idempotency_keys WHERE status = 409")
        assert '"HubRestored"' in body
        theirs = await pool.fetchval("SELECT id FROM users WHERE wallet = 'w'")
        new = await pool.fetchval(
            "INSERT INTO users (wallet, name, user_type) VALUES ('x', '', 'consumer') RETURNING id"
        )
        assert new > theirs + 1_000_000, "nobody gets an id that somebody else may have had"


async def test_each_reading_is_rolled_up_once_whatever_the_cluster(
    world: World, hub: Hub, spare: Hub, tmp_path: Path
) -> None:
    async with world.pool.acquire() as connection:
        await insert(connection, 1, ms(2026, 6, 1) + 1)
        while await roll_up(connection):
            pass
        await insert(connection, 2, ms(2026, 6, 1) + 2)
        # Numbers of a cluster that has seen many more transactions than the next one.
        await connection.execute("UPDATE readings SET commit_id = sequence + 1000000000")
        await connection.execute(
            "UPDATE rollup_state SET commit_id = 1000000002, system_identifier = 'another'"
        )
    await spare.restore(await hub.back_up(world, tmp_path / "b"))
    async with spare.pool() as pool, pool.acquire() as connection:
        await insert(connection, 3, ms(2026, 6, 1) + 3)
        while await roll_up(connection):
            pass
        (day,) = await connection.fetch("SELECT readings, last_sequence FROM days")
        assert tuple(day) == (3, 3)


async def test_a_backup_of_an_older_schema(world: World, spare: Hub, tmp_path: Path) -> None:
    key_id = WalletKeys(spare.folder / "keys" / "wallets.seed").newest().key_id
    async with spare.pool() as pool:
        await migrate(pool, packaged_migrations()[:3])
        await pool.execute("INSERT INTO hub_state VALUES (true, 1, $1)", world.deployment)
        await pool.execute(
            "INSERT INTO wallets (wallet, key_id, nonce, ciphertext) VALUES ('w', $1, '', '')",
            key_id,
        )
    await spare.restore(await spare.back_up(world, tmp_path / "b"), replace=True)
    (wallet,) = await spare.rows("wallets")
    assert (wallet["wallet"], wallet["number"]) == ("w", None)
    migrations = await spare.rows("schema_migrations")
    assert len(migrations) == len(packaged_migrations()) > 3
    assert await audited(spare, world) == []


async def test_restored_twice(world: World, hub: Hub, spare: Hub, tmp_path: Path) -> None:
    """The second time in place of the first, and then of a backup of the restored database."""
    await world.devices(1)
    backup = await hub.back_up(world, tmp_path / "b")
    first = await spare.restore(backup)
    second = await spare.restore(backup, replace=True)
    again = await spare.restore(await spare.back_up(world, tmp_path / "c"), replace=True)
    assert len({first.epoch, second.epoch, again.epoch}) == 3
    assert await audited(spare, world) == []


async def test_the_indexer_goes_on_from_there(
    world: World, hub: Hub, spare: Hub, tmp_path: Path
) -> None:
    await spare.restore(await hub.back_up(world, tmp_path / "b"))
    order_of = Keypair()
    await world.register(order_of)
    async with spare.pool() as pool:
        other = World(world.chain, pool, world.client, world.sender, world.deployment)
        async with running(Indexer(pool, world.client, PROGRAMS, 0.02)):
            await other.agrees_with_chain()
        found = await pool.fetchval(
            "SELECT true FROM users WHERE wallet = $1", str(order_of.pubkey())
        )
    assert found
