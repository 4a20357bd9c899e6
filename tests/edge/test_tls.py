"""Delivery over mutual TLS: who may speak, and to whom."""

import asyncio
import datetime as dt
import getpass
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from tests.edge.broker import Broker
from tests.edge.fake_hub import FakeHub
from tests.edge.sender import make_uplink

from gridtokenx_edge.agent.stopping import stop_tasks
from gridtokenx_edge.config import BrokerConfig, MeterConfig, TlsConfig
from gridtokenx_edge.errors import ConfigError
from gridtokenx_edge.keystore.tls import certificate_request
from gridtokenx_edge.spool import Spool, SpoolThread
from gridtokenx_edge.uplink import UplinkTiming
from gridtokenx_edge.uplink.connection import tls_context
from gridtokenx_protocol.keys import SoftwareSigner

TIMING = UplinkTiming(retained_ack_s=0.2, first_pause_s=0.1, answer_within_s=2)


class Authority:
    """A certificate authority for one test."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.file = folder / f"{name}.pem"
        certificate = self._builder(self.name, self.key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        self._write(certificate, self.file)

    def server(self, name: str) -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
        builder = self._builder(subject, key.public_key()).add_extension(names, critical=False)
        file, key_file = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        self._write(builder, file)
        key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return file, key_file

    def sign(self, request_pem: bytes, file: Path) -> None:
        request = x509.load_pem_x509_csr(request_pem)
        key = request.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        self._write(self._builder(request.subject, key), file)

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey
    ) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(hours=1))
        )

    def _write(self, builder: x509.CertificateBuilder, file: Path) -> None:
        file.write_bytes(builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ca")


@pytest.fixture
async def tls_broker(broker: Broker, authority: Authority, unused_tcp_port: int) -> Any:
    """The broker with a second listener for devices, bound to their topics."""
    certificate, key = authority.server("localhost")
    acl = broker.folder / "acl"
    acl.write_text("pattern write gtx/v1/%u/readings\npattern read gtx/v1/%u/ack\n")
    await broker.stop()
    settings = broker.folder / "tls.conf"
    settings.write_text(
        f"user {getpass.getuser()}\nper_listener_settings true\n"
        f"listener {broker.port} 127.0.0.1\nallow_anonymous true\n"
        f"listener {unused_tcp_port} 127.0.0.1\nrequire_certificate true\n"
        f"use_identity_as_username true\nacl_file {acl}\ncafile {authority.file}\n"
        f"certfile {certificate}\nkeyfile {key}\n"
    )
    await broker.start(settings)
    return unused_tcp_port


@pytest.fixture
async def spool(meter_config: MeterConfig) -> AsyncIterator[tuple[Spool, SpoolThread]]:
    thread = SpoolThread()
    opened = await thread.call(Spool.open, meter_config.spool)
    yield opened, thread
    await thread.call(opened.close)
    thread.close()


def config_of(meter_config: MeterConfig, port: int, tls: TlsConfig) -> MeterConfig:
    return replace(meter_config, broker=BrokerConfig("localhost", port, tls))


async def test_delivers_with_its_certificate(
    meter_config: MeterConfig,
    authority: Authority,
    broker: Broker,
    tls_broker: int,
    hub: FakeHub,
    append_baseline: Any,
    signer: SoftwareSigner,
    spool: tuple[Spool, SpoolThread],
    tmp_path: Path,
) -> None:
    key, certificate = tmp_path / "tls.key", tmp_path / "meter.pem"
    authority.sign(certificate_request(key, meter_config.id), certificate)
    config = config_of(meter_config, tls_broker, TlsConfig(authority.file, certificate, key))
    await spool[1].call(append_baseline, spool[0])
    uplink = make_uplink(config, *spool, signer, TIMING)
    async with hub.connect(broker.port):
        task = asyncio.create_task(uplink.run())
        await hub.until(lambda: hub.acked == 1)
        async with asyncio.timeout(5):
            while spool[0].acked_sequence < 1:  # noqa: ASYNC110 - the state is another thread's
                await asyncio.sleep(0.01)
        await stop_tasks([task])


# paho leaves the socket of a failed handshake to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_broker_of_another_authority_is_refused(
    meter_config: MeterConfig,
    authority: Authority,
    tls_broker: int,
    append_baseline: Any,
    signer: SoftwareSigner,
    spool: tuple[Spool, SpoolThread],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    key, certificate = tmp_path / "tls.key", tmp_path / "meter.pem"
    authority.sign(certificate_request(key, meter_config.id), certificate)
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other", "ca")
    config = config_of(meter_config, tls_broker, TlsConfig(other.file, certificate, key))
    await spool[1].call(append_baseline, spool[0])
    uplink = make_uplink(config, *spool, signer, TIMING)
    with caplog.at_level(logging.WARNING):
        task = asyncio.create_task(uplink.run())
        await asyncio.wait_for(uplink.ack_known.wait(), 5)
        await stop_tasks([task])
    assert "broker_lost" in caplog.messages
    assert "CERTIFICATE_VERIFY_FAILED" in str(caplog.records[0].__dict__["fields"])


def test_files_that_do_not_belong_together_say_so(authority: Authority, tmp_path: Path) -> None:
    key, certificate = tmp_path / "tls.key", tmp_path / "meter.pem"
    authority.sign(certificate_request(key, bytes(16)), certificate)
    certificate_request(tmp_path / "other.key", bytes(16))
    with pytest.raises(ConfigError, match="belong together"):
        tls_context(TlsConfig(authority.file, certificate, tmp_path / "other.key"))
    tls_context(TlsConfig(authority.file, certificate, key))
