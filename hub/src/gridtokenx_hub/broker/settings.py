"""How a client reaches the broker."""

import ssl
from dataclasses import dataclass
from pathlib import Path

LOOPBACK = "127.0.0.1"
EVERYWHERE = "0.0.0.0"  # noqa: S104 - for a broker that was given a name to be reached by


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files of a mutual TLS client: the authority it trusts, its certificate and its key."""

    ca: Path
    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """Address of the broker; without `tls` only a broker on loopback is reached.

    `name` is how devices reach it, wherever they are.
    """

    host: str
    port: int
    tls: TlsFiles | None
    name: str = LOOPBACK


def tls_context(files: TlsFiles) -> ssl.SSLContext:
    """Return the context of a client: TLS 1.2 or newer, both sides shown by certificates."""
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(files.ca))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(files.certificate, files.key)
    return context
