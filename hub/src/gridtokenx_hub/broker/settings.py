"""How a client reaches the broker."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files of a mutual TLS client: the authority it trusts, its certificate and its key."""

    ca: Path
    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """Address of the broker; without `tls` only a broker on loopback is reached."""

    host: str
    port: int
    tls: TlsFiles | None
