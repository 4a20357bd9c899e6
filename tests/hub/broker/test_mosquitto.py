"""The real mosquitto with our files lets each device speak on its own topics alone."""

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import aiomqtt
import pytest
from cryptography import x509
from mqtt_devices import OTHER, OWN, device_files

from demo.processes import free_port
from gridtokenx_hub.broker.authority import CertificateAuthority
from gridtokenx_hub.broker.process import BrokerMissing, listening, plan_broker
from gridtokenx_hub.broker.settings import TlsFiles


def client(port: int, files: TlsFiles | None, authority: CertificateAuthority) -> aiomqtt.Client:
    context = ssl.create_default_context(cafile=str(authority.certificate_path))
    if files is not None:
        context.load_cert_chain(files.certificate, files.key)
    return aiomqtt.Client(
        "127.0.0.1", port, tls_context=context, protocol=aiomqtt.ProtocolVersion.V5, timeout=2
    )


class Broker:
    def __init__(self, port: int, hub: TlsFiles, authority: CertificateAuthority) -> None:
        self.port = port
        self.hub = hub
        self.authority = authority

    def connect(self, files: TlsFiles | None) -> aiomqtt.Client:
        return client(self.port, files, self.authority)


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    authority = CertificateAuthority(tmp_path / "ca", lambda: dt.datetime.now(dt.UTC))
    port = free_port()
    plan = plan_broker("mosquitto", tmp_path / "broker", port, authority)
    process = await asyncio.create_subprocess_exec(*plan.command)
    await listening(port, asyncio.ensure_future(process.wait()))
    assert plan.hub.tls is not None
    yield Broker(port, plan.hub.tls, authority)
    process.terminate()
    await process.wait()


async def test_a_reading_and_its_acknowledgement_pass(broker: Broker, tmp_path: Path) -> None:
    files = device_files(tmp_path / "own", broker.authority, OWN)
    async with broker.connect(files) as device, broker.connect(broker.hub) as hub:
        await hub.subscribe("gtx/v1/+/readings", qos=1)
        await device.subscribe(f"gtx/v1/{OWN.hex()}/ack", qos=1)
        await device.publish(f"gtx/v1/{OWN.hex()}/readings", b"reading", qos=1)
        async with asyncio.timeout(5):
            assert (await anext(hub.messages)).payload == b"reading"
        await hub.publish(f"gtx/v1/{OWN.hex()}/ack", b"ack", qos=1, retain=True)
        async with asyncio.timeout(5):
            assert (await anext(device.messages)).payload == b"ack"


@pytest.mark.parametrize("topic", [f"gtx/v1/{OTHER.hex()}/readings", f"gtx/v1/{OWN.hex()}/ack"])
async def test_a_device_cannot_write_what_is_not_its_own(
    broker: Broker, tmp_path: Path, topic: str
) -> None:
    files = device_files(tmp_path / "own", broker.authority, OWN)
    async with broker.connect(files) as device, broker.connect(broker.hub) as hub:
        await hub.subscribe("gtx/v1/+/readings", qos=1)
        await device.publish(topic, b"forged", qos=1)
        await device.publish(f"gtx/v1/{OWN.hex()}/readings", b"honest", qos=1)
        async with asyncio.timeout(5):
            assert (await anext(hub.messages)).payload == b"honest"


async def test_a_device_cannot_listen_to_another(broker: Broker, tmp_path: Path) -> None:
    own = device_files(tmp_path / "own", broker.authority, OWN)
    other = device_files(tmp_path / "other", broker.authority, OTHER)
    async with (
        broker.connect(own) as device,
        broker.connect(other) as spy,
        broker.connect(broker.hub) as hub,
    ):
        await device.subscribe(f"gtx/v1/{OWN.hex()}/ack", qos=1)
        await spy.subscribe("gtx/v1/#", qos=1)
        await spy.subscribe(f"gtx/v1/{OTHER.hex()}/ack", qos=1)
        await hub.publish(f"gtx/v1/{OWN.hex()}/ack", b"private", qos=1)
        await hub.publish(f"gtx/v1/{OTHER.hex()}/ack", b"yours", qos=1)
        async with asyncio.timeout(5):
            assert (await anext(spy.messages)).payload == b"yours"


async def test_nobody_enters_without_a_certificate(broker: Broker) -> None:
    with pytest.raises(aiomqtt.MqttError):
        async with broker.connect(None):
            pass


async def test_a_certificate_of_another_authority_is_refused(
    broker: Broker, tmp_path: Path
) -> None:
    foreign = CertificateAuthority(tmp_path / "foreign", lambda: dt.datetime.now(dt.UTC))
    files = device_files(tmp_path / "own", foreign, OWN)
    with pytest.raises(aiomqtt.MqttError):
        async with broker.connect(files):
            pass


@pytest.mark.parametrize("name", ["hub.example", "192.0.2.7"])
def test_devices_elsewhere_reach_it_by_its_name(tmp_path: Path, name: str) -> None:
    authority = CertificateAuthority(tmp_path / "ca", lambda: dt.datetime.now(dt.UTC))
    plan = plan_broker("mosquitto", tmp_path / "broker", 8883, authority)
    assert "listener 8883 127.0.0.1\n" in (tmp_path / "broker/mosquitto.conf").read_text()
    assert name not in names_in_certificate(authority)
    known = authority.broker_files().certificate.read_bytes()
    assert authority.broker_files().certificate.read_bytes() == known, "made once"

    plan = plan_broker("mosquitto", tmp_path / "broker", 8883, authority, name)
    assert "listener 8883 0.0.0.0\n" in (tmp_path / "broker/mosquitto.conf").read_text()
    assert names_in_certificate(authority, name) == {"localhost", "127.0.0.1", name}
    assert (plan.hub.host, plan.hub.name) == ("127.0.0.1", name)


def names_in_certificate(authority: CertificateAuthority, name: str | None = None) -> set[str]:
    files = authority.broker_files(name)
    certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return {str(each.value) for each in extension.value}


def test_a_broker_without_certificates_has_no_name(tmp_path: Path) -> None:
    authority = CertificateAuthority(tmp_path / "ca", lambda: dt.datetime.now(dt.UTC))
    with pytest.raises(BrokerMissing, match="leave name out"):
        plan_broker("rumqttd", tmp_path / "broker", 8883, authority, "hub.example")
