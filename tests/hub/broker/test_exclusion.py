"""A revoked meter is thrown out of the real mosquitto and stays out; others are not disturbed."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiomqtt
import asyncpg
import pytest
from cryptography import x509
from mqtt_devices import OTHER, OWN, device_files
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from demo.processes import free_port
from gridtokenx_hub.broker import exclusion
from gridtokenx_hub.broker.authority import CertificateAuthority
from gridtokenx_hub.broker.exclusion import Exclusion
from gridtokenx_hub.broker.keeper import keep_broker
from gridtokenx_hub.broker.process import BrokerPlan, plan_broker
from gridtokenx_hub.broker.settings import TlsFiles, tls_context


@dataclass
class Kept:
    """The broker's keeper, which can be ended and started."""

    plan: BrokerPlan
    folder: Path
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self) -> None:
        self.stop.clear()
        ready = asyncio.Event()
        self._running = asyncio.create_task(
            keep_broker(self.plan, self.folder, self.stop, ready.set)
        )
        await ready.wait()

    async def end(self) -> None:
        self.stop.set()
        await self._running


@dataclass
class Site:
    """A broker as `gtx-hub broker` runs it, and what the hub has to do with it."""

    port: int
    hub: TlsFiles
    authority: CertificateAuthority
    exclusion: Exclusion
    pool: asyncpg.Pool
    broker: Kept
    folder: Path

    def connect(
        self,
        files: TlsFiles,
        client_id: str,
        session: Properties | None = None,
        *,
        clean_start: bool = True,
    ) -> aiomqtt.Client:
        return aiomqtt.Client(
            "127.0.0.1",
            self.port,
            identifier=client_id,
            tls_context=tls_context(files),
            protocol=aiomqtt.ProtocolVersion.V5,
            properties=session,
            clean_start=clean_start,
            timeout=5,
        )

    async def device(self, meter_id: bytes) -> TlsFiles:
        """Files of a registered meter."""
        files = device_files(self.folder / meter_id.hex(), self.authority, meter_id)
        certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
        await self.pool.execute(
            "INSERT INTO certificates VALUES ($1, $2, now(), $3)",
            certificate.serial_number.to_bytes(20, "big"),
            meter_id,
            certificate.not_valid_after_utc,
        )
        await self.pool.execute(
            "INSERT INTO meters VALUES ($1, 'wallet', 0, $2, 'active', 1, 1, 1, 1, 0, 0, 0, 0, $2,"
            " now())",
            meter_id,
            bytes(32),
        )
        return files

    async def revoke(self, meter_id: bytes) -> None:
        await self.pool.execute(
            "UPDATE meters SET status = 'revoked' WHERE meter_id = $1", meter_id
        )


@pytest.fixture
async def site(tmp_path: Path, pool: asyncpg.Pool) -> AsyncIterator[Site]:
    authority = CertificateAuthority(tmp_path / "ca", lambda: dt.datetime.now(dt.UTC))
    port, folder = free_port(), tmp_path / "broker"
    plan = plan_broker("mosquitto", folder, port, authority)
    broker = Kept(plan, folder)
    await broker.start()
    assert plan.hub.tls is not None
    exclusion = Exclusion(pool, authority, folder, lambda: dt.datetime.now(dt.UTC))
    yield Site(port, plan.hub.tls, authority, exclusion, pool, broker, tmp_path)
    await broker.end()


async def receives(client: aiomqtt.Client) -> bytes:
    async with asyncio.timeout(5):
        message = await anext(client.messages)
    assert isinstance(message.payload, bytes)
    return message.payload


async def thrown_out(site: Site, files: TlsFiles, meter_id: bytes, client_id: str) -> bool:
    """Whether a live connection ends when its meter is revoked."""
    try:
        async with site.connect(files, client_id) as device:
            await device.publish(f"gtx/v1/{meter_id.hex()}/readings", b"before", qos=1)
            await site.revoke(meter_id)
            await site.exclusion.apply()
            async with asyncio.timeout(5):
                async for _ in device.messages:
                    pass
    except aiomqtt.MqttError:
        return True
    return False


@pytest.mark.parametrize("client_id", [OWN.hex(), "a thief"])
async def test_a_live_connection_ends_and_does_not_come_back(site: Site, client_id: str) -> None:
    own, other = await site.device(OWN), await site.device(OTHER)
    assert await thrown_out(site, own, OWN, client_id)
    for name in (OWN.hex(), "another name"):
        with pytest.raises(aiomqtt.MqttError):
            async with site.connect(own, name):
                pass
    await site.exclusion.apply()
    async with (
        site.connect(other, OTHER.hex()) as neighbour,
        site.connect(site.hub, "hub") as hub,
    ):
        await hub.subscribe("gtx/v1/+/readings", qos=1)
        await neighbour.subscribe(f"gtx/v1/{OTHER.hex()}/ack", qos=1)
        await neighbour.publish(f"gtx/v1/{OTHER.hex()}/readings", b"after", qos=1)
        assert await receives(hub) == b"after"
        await hub.publish(f"gtx/v1/{OTHER.hex()}/ack", b"ack", qos=1)
        assert await receives(neighbour) == b"ack"


async def test_what_was_queued_for_who_is_away_outlives_the_new_start(site: Site) -> None:
    own, other = await site.device(OWN), await site.device(OTHER)
    session = Properties(PacketTypes.CONNECT)
    session.SessionExpiryInterval = 60
    async with site.connect(site.hub, "hub", session, clean_start=False) as hub:
        await hub.subscribe("gtx/v1/+/readings", qos=1)
    async with site.connect(other, OTHER.hex()) as neighbour:
        await neighbour.publish(f"gtx/v1/{OTHER.hex()}/readings", b"while away", qos=1)
    assert await thrown_out(site, own, OWN, OWN.hex())
    async with site.connect(site.hub, "hub", session, clean_start=False) as hub:
        assert await receives(hub) == b"while away"
        assert await receives(hub) == b"before"


async def test_denied_topics(site: Site) -> None:
    """The access list alone, should a certificate pass: it silences, and lets nothing be heard."""
    own, other = await site.device(OWN), await site.device(OTHER)
    site.authority.write_revocation_list = lambda revoked: None  # type: ignore[method-assign]
    await site.revoke(OWN)
    await site.exclusion.apply()
    async with (
        site.connect(own, "a thief") as thief,
        site.connect(other, OTHER.hex()) as neighbour,
        site.connect(site.hub, "hub") as hub,
    ):
        await hub.subscribe("gtx/v1/+/readings", qos=1)
        await thief.publish(f"gtx/v1/{OWN.hex()}/readings", b"stolen", qos=1)
        await neighbour.publish(f"gtx/v1/{OTHER.hex()}/readings", b"honest", qos=1)
        assert await receives(hub) == b"honest"


async def test_repeating_changes_nothing(site: Site) -> None:
    await site.device(OWN)
    await site.revoke(OWN)
    await site.exclusion.apply()
    rows = await site.pool.fetch("SELECT * FROM exclusions")
    files = [path.read_bytes() for path in site.exclusion._files]
    await site.exclusion.apply()
    assert await site.pool.fetch("SELECT * FROM exclusions") == rows
    assert [path.read_bytes() for path in site.exclusion._files] == files


async def test_a_broker_that_is_away(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing counts as done; with the broker back, the next round does it."""
    monkeypatch.setattr(exclusion, "FOLLOW_TIMEOUT_S", 0.3)
    own = await site.device(OWN)
    await site.revoke(OWN)
    await site.broker.end()
    with pytest.raises(TimeoutError):
        await site.exclusion.apply()
    assert await site.pool.fetchval("SELECT excluded_at FROM exclusions") is None
    await site.broker.start()
    await site.exclusion.apply()
    assert await site.pool.fetchval("SELECT excluded_at FROM exclusions") is not None
    with pytest.raises(aiomqtt.MqttError):
        async with site.connect(own, OWN.hex()):
            pass


async def test_whoever_revoked_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub's own round sees what the indexer wrote, without a request."""
    monkeypatch.setattr(exclusion, "POLL_S", 0.02)
    await site.device(OWN)
    stop = asyncio.Event()
    running = asyncio.create_task(site.exclusion.run(stop))
    await site.revoke(OWN)
    async with asyncio.timeout(10):
        while not await site.pool.fetchval("SELECT excluded_at FROM exclusions"):  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0.02)
    stop.set()
    await running


async def test_an_access_list_that_was_lost_is_written_again(site: Site) -> None:
    await site.device(OWN)
    await site.revoke(OWN)
    await site.exclusion.apply()
    access_list, _ = site.exclusion._files
    before = access_list.read_text()
    assert f"user {OWN.hex()}\ntopic deny #\n" in before
    access_list.write_text("")
    started = Exclusion(site.pool, site.authority, access_list.parent, site.exclusion._clock)
    await started.apply()
    assert access_list.read_text() == before


async def test_lists_that_say_the_same_are_left_alone(site: Site) -> None:
    """Each start of the hub would start the broker anew otherwise."""
    await site.device(OWN)
    await site.revoke(OWN)
    await site.exclusion.apply()
    before = [(path.stat().st_ino, path.read_bytes()) for path in site.exclusion._files]
    folder = site.exclusion._files[0].parent
    authority = CertificateAuthority(site.folder / "ca", site.exclusion._clock)
    await Exclusion(site.pool, authority, folder, site.exclusion._clock).apply()
    assert [(path.stat().st_ino, path.read_bytes()) for path in site.exclusion._files] == before
