"""Devices beside meters: they sign, keep what is not acknowledged, and send it again."""

import asyncio
import base64
import contextlib
import os
import random
from dataclasses import dataclass
from pathlib import Path

import aiomqtt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID
from tests.hub.ingest.devices import Meter, now_ms

from gridtokenx_protocol.ack import open_ack
from gridtokenx_protocol.cbor import encode_map
from gridtokenx_protocol.errors import ProtocolError
from gridtokenx_protocol.keys import Algorithm, SoftwareSigner
from gridtokenx_protocol.payload import record_hash
from gridtokenx_protocol.record import ClockStatus, Flag, Record
from gridtokenx_protocol.topics import ack_topic

ORDINARY = int(ClockStatus.SYNCHRONISED)
SETTLEMENT = ORDINARY | int(Flag.SETTLEMENT)
INTERVAL_MS = 1_000
MESSAGE_EVERY_S = 0.05
MOST_RECORDS = 4
NOTED = 0.2
"""How many messages carry extras."""
WATT_HOUR = 1_000
SILENCE_S = 5
"""After this without an ack that goes on, all that waits for one is sent again."""


def mqtt_client(port: int, identity: str, tls_files: tuple[str, str, str]) -> aiomqtt.Client:
    """A connection to the broker, by authority, certificate and key."""
    return aiomqtt.Client(
        "127.0.0.1",
        port,
        identifier=identity,
        protocol=aiomqtt.ProtocolVersion.V5,
        tls_params=aiomqtt.TLSParameters(*tls_files),
        timeout=10,
    )


@dataclass(frozen=True)
class Deployment:
    """What a device is told when it is installed.

    Attributes:
        id: 4 bytes.
        ack_key: the key by which the hub signs acks.
    """

    id: bytes
    ack_key: bytes


class Device:
    """Signs readings as fast as it is let, and remembers every one of them.

    Attributes:
        hashes: of each record with its extras, by sequence.
        acked: up to where the hub has acknowledged; the baseline's verdict is the chain's.
        settlement: the last settlement reading; before there is one, the baseline.
    """

    def __init__(self, deployment: Deployment, chance: random.Random) -> None:
        self._deployment = deployment
        self._chance = chance
        self._meter = Meter(os.urandom(16), SoftwareSigner(Ed25519PrivateKey.generate()))
        self.hashes: dict[int, bytes] = {}
        self.acked = 1
        self.epoch: int | None = None
        self._heard = asyncio.Event()
        self._heard_at = 0.0
        self.settlement = self._record(now_ms(), ORDINARY)
        self._baseline_ms = self.settlement.time_ms
        self._sign(self.settlement)

    @property
    def meter_id(self) -> bytes:
        return self._meter.meter_id

    @property
    def public_key(self) -> bytes:
        return self._meter.signer.public_key

    @property
    def baseline_text(self) -> str:
        """The message that registers it, in base64."""
        return base64.b64encode(self._meter.messages[1]).decode()

    @property
    def sequence(self) -> int:
        """Of the last reading."""
        return self._meter.sequence

    @property
    def is_due(self) -> bool:
        """Whether its settlement reading is an interval younger than its baseline, or more."""
        return self.settlement.time_ms >= self._baseline_ms + INTERVAL_MS

    @property
    def surplus_mwh(self) -> int:
        """What may be minted for it in all."""
        return self.settlement.surplus_mwh

    def make_tls(self, folder: Path) -> str:
        """Make a TLS key in `folder`; return the request for its certificate."""
        folder.mkdir()
        self._folder = folder
        key = ec.generate_private_key(ec.SECP256R1())
        (folder / "tls.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.meter_id.hex())])
        request = x509.CertificateSigningRequestBuilder().subject_name(name)
        signed = request.sign(key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM).decode()

    def certify(self, certificate_pem: str, ca_pem: str) -> None:
        """Keep the certificate."""
        (self._folder / "tls.pem").write_text(certificate_pem)
        (self._folder / "ca.pem").write_text(ca_pem)

    @property
    def tls_files(self) -> tuple[str, str, str]:
        """Paths of the authority's certificate, and of its own certificate and key."""
        return (
            str(self._folder / "ca.pem"),
            str(self._folder / "tls.pem"),
            str(self._folder / "tls.key"),
        )

    @property
    def last_message(self) -> bytes:
        """What it has signed last."""
        return self._meter.messages[max(self._meter.messages)]

    def client(self, port: int) -> aiomqtt.Client:
        """A connection of this device's to the broker."""
        return mqtt_client(port, self.meter_id.hex(), self.tls_files)

    async def run(self, port: int, stop: asyncio.Event) -> None:
        """Read, sign and send until `stop`, and then until all is acknowledged."""
        task = asyncio.current_task()
        assert task is not None
        while not self._is_done(stop):
            with contextlib.suppress(aiomqtt.MqttError):
                async with self.client(port) as client:
                    await self._connected(client, stop)
            if task.cancelling():
                raise asyncio.CancelledError  # an error on the way out hid it
            await asyncio.sleep(MESSAGE_EVERY_S)

    def _is_done(self, stop: asyncio.Event) -> bool:
        return stop.is_set() and self.acked >= self.sequence

    async def _connected(self, client: aiomqtt.Client, stop: asyncio.Event) -> None:
        await client.subscribe(ack_topic(self.meter_id), qos=1)
        listening = asyncio.create_task(self._listen(client))
        try:
            await self._send_again(client)
            loop = asyncio.get_running_loop()
            while not self._is_done(stop) and not listening.done():
                if not stop.is_set():
                    await self._publish(client, self._next_message())
                self._heard.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(MESSAGE_EVERY_S):
                        await self._heard.wait()
                if loop.time() - self._heard_at > SILENCE_S and self.acked < self.sequence:
                    await self._send_again(client)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            try:
                ack = open_ack(message.payload, Algorithm.ED25519, self._deployment.ack_key)
            except ProtocolError:
                continue  # it proves nothing
            assert ack.meter_id == self.meter_id
            self._heard_at = asyncio.get_running_loop().time()
            if ack.epoch != self.epoch:
                # another hub, or one from a backup: it counts from where it is
                self.epoch, self.acked = ack.epoch, ack.sequence
            self.acked = max(self.acked, ack.sequence)
            self._heard.set()

    async def _send_again(self, client: aiomqtt.Client) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        for first, message in sorted(self._meter.messages.items()):
            if first + MOST_RECORDS > self.acked:
                await self._publish(client, message)

    async def _publish(self, client: aiomqtt.Client, message: bytes) -> None:
        await client.publish(self._meter.topic, message, qos=1)

    def _next_message(self) -> bytes:
        boundary_ms = now_ms() // INTERVAL_MS * INTERVAL_MS
        if boundary_ms > self.settlement.time_ms:
            self.settlement = self._record(boundary_ms, SETTLEMENT)
            return self._sign(self.settlement)
        count = self._chance.randint(1, MOST_RECORDS)
        records = [self._record(now_ms(), ORDINARY) for _ in range(count)]
        note = encode_map({"note": self._chance.randbytes(4).hex()})
        return self._sign(*records, extras=note if self._chance.random() < NOTED else None)

    def _record(self, time_ms: int, flags: int) -> Record:
        return self._meter.record(
            deployment=self._deployment.id,
            time_ms=time_ms,
            surplus_mwh=self.sequence * WATT_HOUR,  # each record produces that much
            flags=flags,
        )

    def _sign(self, *records: Record, extras: bytes | None = None) -> bytes:
        for record in records:
            self.hashes[record.sequence] = record_hash(record)
        self.hashes[records[-1].sequence] = record_hash(records[-1], extras)
        return self._meter.message(*records, extras=extras)
