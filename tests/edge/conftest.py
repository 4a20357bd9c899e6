"""A meter that misbehaves on demand, a real broker, and a hub that only acknowledges."""

import asyncio
import os
import signal
import socket
import struct
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from gridtokenx_edge.config import (
    BrokerConfig,
    BusConfig,
    LimitsConfig,
    MeterConfig,
    SpoolConfig,
)
from gridtokenx_edge.keystore import create_signing_key
from gridtokenx_edge.meters import MeterReading, Profile, Quantity, load_profile
from gridtokenx_edge.records import Composer, Sample
from gridtokenx_edge.spool import Spool
from gridtokenx_protocol import cose
from gridtokenx_protocol.ack import Ack, sign_ack
from gridtokenx_protocol.cbor import decode_map
from gridtokenx_protocol.keys import Algorithm, SoftwareSigner
from gridtokenx_protocol.payload import Payload, record_hash
from gridtokenx_protocol.record import ClockStatus, Flag, Record
from gridtokenx_protocol.topics import READINGS_FILTER, ack_topic, parse_topic

METER_ID = bytes(range(16))
DEPLOYMENT = bytes.fromhex("a1b2c3d4")
MOSQUITTO = "/usr/sbin/mosquitto"
_FORMATS = {"int64": ">q", "float32": ">f"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class FakeMeter:
    """A Modbus TCP meter; ``fault`` makes its next replies bad, for as long as it is set."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.words: dict[int, int] = {}
        self.fault: str | None = None
        self.faulty_unit: int | None = None
        self.requests: list[tuple[int, int, int, int]] = []
        self.port = 0
        self._writers: set[asyncio.StreamWriter] = set()
        for quantity in Quantity:
            self.show(quantity, 0)

    def show(self, quantity: Quantity, value: int) -> None:
        """Set a quantity, in our integer unit."""
        register = self.profile.registers[quantity]
        number = Fraction(value) / register.scale
        raw = struct.pack(
            _FORMATS[register.type],
            float(number) if "float" in register.type else int(number),
        )
        self.write(quantity, raw)

    def write(self, quantity: Quantity, raw: bytes) -> None:
        """Set the raw bytes of a quantity."""
        address = self.profile.registers[quantity].address
        for offset, word in enumerate(struct.unpack(f">{len(raw) // 2}H", raw)):
            self.words[address + offset] = word

    def energy(self, produced_mwh: int, consumed_mwh: int) -> None:
        self.show(Quantity.PRODUCED, produced_mwh)
        self.show(Quantity.CONSUMED, consumed_mwh)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator["FakeMeter"]:
        server = await asyncio.start_server(self._connection, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.hang_up()
            await server.wait_closed()

    def hang_up(self) -> None:
        for writer in self._writers:
            writer.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                head = await reader.readexactly(8)
                tid, _, length, unit, function = struct.unpack(">HHHBB", head)
                address, count = struct.unpack(">HH", await reader.readexactly(length - 2))
                self.requests.append((unit, function, address, count))
                await self._reply(writer, tid, unit, function, address, count)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _reply(
        self,
        writer: asyncio.StreamWriter,
        tid: int,
        unit: int,
        function: int,
        address: int,
        count: int,
    ) -> None:
        fault = self.fault if self.faulty_unit in (None, unit) else None
        words = [self.words.get(address + offset, 0) for offset in range(count)]
        if fault == "silent":
            return
        if fault == "late":
            await asyncio.sleep(0.3)
        if fault == "short":
            words = words[:-1]
        if fault == "zero":
            words = [0] * count
        body = struct.pack(f">BB{len(words)}H", function, 2 * len(words), *words)
        if fault == "exception":
            body = struct.pack(">BB", function | 0x80, 4)
        if fault == "other_transaction":
            tid += 7
        if fault == "no_transaction":
            tid = 0
        if fault == "other_unit":
            unit += 1
        frame = struct.pack(">HHHB", tid, 0, len(body) + 1, unit) + body
        if fault == "cut":
            writer.write(frame[:-3])
            writer.close()
            return
        writer.write(b"\xff" * 40 if fault == "garbage" else frame)


@dataclass
class Broker:
    """A mosquitto of our own."""

    port: int
    folder: Path
    process: asyncio.subprocess.Process | None = None

    async def start(self, settings: Path | None = None) -> None:
        if settings is None:
            settings = self.folder / "mosquitto.conf"
            settings.write_text(
                f"listener {self.port} 127.0.0.1\nallow_anonymous true\n"
                "max_inflight_messages 1000\nmax_queued_messages 100000\n"
            )
        self.process = await asyncio.create_subprocess_exec(
            MOSQUITTO,
            "-c",
            str(settings),
            stderr=asyncio.subprocess.DEVNULL,
        )
        while self.process.returncode is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except ConnectionError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            return
        raise AssertionError("mosquitto did not start")

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            await self.process.wait()


@dataclass
class FakeHub:
    """Verifies, remembers every record, and acknowledges as the hub would.

    Attributes:
        hashes: Hash of each sequence; another hash for a known one is equivocation.
        arrivals: Sequences in the order in which they came, with repetitions.
    """

    public_key: bytes
    signer: SoftwareSigner
    muted: bool = False
    epoch: int = 7
    acked: int = 0
    hashes: dict[int, bytes] = field(default_factory=dict)
    records: dict[int, Record] = field(default_factory=dict)
    extras: dict[int, dict[str, Any]] = field(default_factory=dict)
    arrivals: list[int] = field(default_factory=list)
    equivocations: list[int] = field(default_factory=list)
    _lost: set[int] = field(default_factory=set)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _client: aiomqtt.Client | None = None

    @asynccontextmanager
    async def connect(self, port: int) -> AsyncIterator["FakeHub"]:
        client = aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5)
        async with client:
            self._client = client
            await client.subscribe(READINGS_FILTER, qos=1)
            task = asyncio.create_task(self._serve(client))
            try:
                yield self
            finally:
                task.cancel()
                (result,) = await asyncio.gather(task, return_exceptions=True)
            assert isinstance(result, asyncio.CancelledError), result

    async def _serve(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            meter_id, _ = parse_topic(str(message.topic))
            assert meter_id == METER_ID
            self.take(message.payload)
            if not self.muted:
                await self.acknowledge()
            async with self._changed:
                self._changed.notify_all()

    def take(self, message: bytes) -> None:
        signed = cose.decode(message)
        cose.verify(signed, Algorithm.ED25519, self.public_key)
        payload = Payload.decode(signed.payload)
        (record,) = payload.records
        sequence = record.sequence
        digest = record_hash(record, payload.extras)
        self.arrivals.append(sequence)
        if self.hashes.setdefault(sequence, digest) != digest:
            self.equivocations.append(sequence)
        self.records[sequence] = record
        if payload.extras:
            self.extras[sequence] = decode_map(payload.extras)
            for first, last in self.extras[sequence].get("dropped", []):
                self._lost.update(range(first, last + 1))
        while (verdict := self._next_verdict()) is not None:
            self.acked = verdict

    def _next_verdict(self) -> int | None:
        if self.acked + 1 in self.hashes or self.acked + 1 in self._lost:
            return self.acked + 1
        following = min((known for known in self.hashes if known > self.acked), default=None)
        if following is not None and self.records[following].flags & Flag.GAP:
            return following
        return None

    async def acknowledge(self, **changes: Any) -> None:
        ack = Ack(
            deployment=DEPLOYMENT,
            meter_id=METER_ID,
            epoch=self.epoch,
            sequence=self.acked,
            hash=self.hashes.get(self.acked, bytes(32)),
            time_ms=1_700_000_000_000 + len(self.arrivals),
        )
        await self.send(sign_ack(replace(ack, **changes), self.signer))

    async def send(self, message: bytes) -> None:
        assert self._client is not None
        await self._client.publish(ack_topic(METER_ID), message, qos=1, retain=True)

    async def until(self, condition: Callable[[], bool], timeout_s: float = 20) -> None:
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(condition)

    @property
    def settlements(self) -> list[Record]:
        return [r for _, r in sorted(self.records.items()) if r.is_settlement]


@dataclass
class Site:
    """A folder with key, settings and spool of one meter, and the commands on it."""

    folder: Path
    meter_port: int
    broker_port: int
    hub_key: bytes
    interval_s: int = 1
    read_every_ms: int = 200
    profile: str = "schneider-iem3155"
    limits_w: int = 10_000

    @property
    def config(self) -> Path:
        return self.folder / "edge.toml"

    def write(self) -> None:
        self.config.write_text(f"""
clock = "trusted"
[[meter]]
id = "{METER_ID.hex()}"
profile = "{self.profile}"
deployment = "{DEPLOYMENT.hex()}"
settlement_interval_s = {self.interval_s}
read_every_ms = {self.read_every_ms}
key = "meter.key"
ack_key = "{self.hub_key.hex()}"
[meter.bus]
kind = "tcp"
host = "127.0.0.1"
port = {self.meter_port}
timeout_ms = 1000
[meter.limits]
export_w = {self.limits_w}
import_w = {self.limits_w}
[meter.spool]
path = "spool.db"
[meter.broker]
host = "127.0.0.1"
port = {self.broker_port}
""")

    async def command(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command to its end; exit code, standard output and error."""
        process = await self.start(*arguments, stdout=asyncio.subprocess.PIPE)
        output, errors = await process.communicate()
        return process.returncode or 0, output.decode(), errors.decode()

    async def start(
        self, *arguments: str, stdout: int = asyncio.subprocess.DEVNULL
    ) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "gridtokenx_edge",
            *arguments,
            "--config",
            str(self.config),
            stdout=stdout,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONWARNINGS": "error"},
        )


@pytest.fixture
def profile() -> Profile:
    return load_profile("schneider-iem3155", Path())


@pytest.fixture
async def meter(profile: Profile) -> AsyncIterator[FakeMeter]:
    fake = FakeMeter(profile)
    fake.energy(20_000_000_000, 30_000_000_000)
    fake.show(Quantity.VOLTAGE, 230_000)
    async with fake.serve():
        yield fake


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    own = Broker(free_port(), tmp_path)
    await own.start()
    yield own
    await own.stop()


@pytest.fixture
def signer() -> SoftwareSigner:
    return SoftwareSigner(ed25519.Ed25519PrivateKey.from_private_bytes(bytes([1] * 32)))


@pytest.fixture
def hub_signer() -> SoftwareSigner:
    return SoftwareSigner(ed25519.Ed25519PrivateKey.from_private_bytes(bytes([2] * 32)))


@pytest.fixture
def hub(signer: SoftwareSigner, hub_signer: SoftwareSigner) -> FakeHub:
    return FakeHub(signer.public_key, hub_signer)


@pytest.fixture
def meter_config(tmp_path: Path, profile: Profile, hub_signer: SoftwareSigner) -> MeterConfig:
    return MeterConfig(
        id=METER_ID,
        profile=profile,
        deployment=DEPLOYMENT,
        settlement_interval_s=900,
        read_every_ms=1000,
        key=tmp_path / "meter.key",
        ack_key=hub_signer.public_key,
        ack_algorithm=Algorithm.ED25519,
        bus=BusConfig("127.0.0.1", 1, 1, 200),
        limits=LimitsConfig(10_000, 10_000),
        spool=SpoolConfig(tmp_path / "spool.db", 1 << 20, 30),
        broker=BrokerConfig("127.0.0.1", 1, None),
    )


@pytest.fixture
def make_site(tmp_path: Path, meter: FakeMeter, hub: FakeHub) -> Callable[..., Awaitable[Site]]:
    """Makes a site with key and baseline; the hub learns the key."""

    async def make(broker_port: int = 1, *, baseline: bool = True, **settings: Any) -> Site:
        site = Site(tmp_path, meter.port, broker_port, hub.signer.public_key, **settings)
        site.write()
        hub.public_key = create_signing_key(tmp_path / "meter.key", Algorithm.ED25519).public_key
        if baseline:
            code, _, errors = await site.command("baseline")
            assert code == 0, errors
        return site

    return make


@pytest.fixture
def unused_tcp_port() -> int:
    return free_port()


@pytest.fixture
def append_baseline(meter_config: MeterConfig, signer: SoftwareSigner) -> Callable[[Spool], None]:
    def append(spool: Spool) -> None:
        reading = MeterReading(0, 0, 0, 0, 0, 0, {})
        sample = Sample(reading, 1_700_000_000_000, ClockStatus.SYNCHRONISED)
        baseline, state = Composer(meter_config, signer).baseline(sample)
        spool.append((baseline,), state)

    return append
