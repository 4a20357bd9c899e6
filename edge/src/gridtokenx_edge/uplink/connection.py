"""The MQTT 5 client of a meter."""

import asyncio
import math
import ssl
from typing import Final

import aiomqtt

from gridtokenx_edge.config.model import MeterConfig, TlsConfig
from gridtokenx_edge.errors import BrokerUnreachable, ConfigError
from gridtokenx_edge.uplink.timing import UplinkTiming
from gridtokenx_edge.uplink.window import WINDOW

_TRY_FOR_S: Final = 10.0


def make_client(config: MeterConfig, timing: UplinkTiming, will: aiomqtt.Will) -> aiomqtt.Client:
    """A client that connects with a clean session: what is under way is kept in the spool.

    Its identifier is the meter id, so that a second agent with this meter's certificate is
    noticed: the broker lets only one of them stay.

    Raises:
        ConfigError: A TLS file cannot be used.
    """
    broker = config.broker
    client = aiomqtt.Client(
        broker.host,
        broker.port,
        identifier=config.id.hex(),
        protocol=aiomqtt.ProtocolVersion.V5,
        clean_start=True,
        will=will,
        keepalive=timing.keep_alive_s,
        timeout=timing.answer_within_s,
        max_inflight_messages=WINDOW,
        tls_context=tls_context(broker.tls) if broker.tls else None,
    )
    client.pending_calls_threshold = math.inf  # type: ignore[assignment] # the window bounds them
    return client


async def try_broker(config: MeterConfig) -> None:
    """Connect and go again, under another name than the agent's, which is left in peace.

    Raises:
        BrokerUnreachable: No connection, or the broker refuses this meter.
        ConfigError: A TLS file cannot be used.
    """
    broker = config.broker
    client = aiomqtt.Client(
        broker.host,
        broker.port,
        identifier=f"{config.id.hex()}-check",
        protocol=aiomqtt.ProtocolVersion.V5,
        clean_start=True,
        timeout=_TRY_FOR_S,
        tls_context=tls_context(broker.tls) if broker.tls else None,
    )
    try:
        async with asyncio.timeout(2 * _TRY_FOR_S), client:
            pass
    except (aiomqtt.MqttError, TimeoutError) as error:
        raise BrokerUnreachable(
            f"{broker.host}:{broker.port}: {error or 'no answer'}; check host, port and"
            " certificate, and that the hub's broker runs"
        ) from error


def tls_context(files: TlsConfig) -> ssl.SSLContext:
    """TLS 1.2 or newer, the broker checked against its CA, the meter shown by its certificate.

    Raises:
        ConfigError: A file cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=files.ca)
        context.load_cert_chain(files.certificate, files.key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"broker.tls: {error}; check that ca, certificate and key are PEM files that belong"
            " together"
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
