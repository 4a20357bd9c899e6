"""What an agent is told, checked and frozen."""

import os
from dataclasses import dataclass
from pathlib import Path

from gridtokenx_edge.meters.profile import Profile
from gridtokenx_protocol.keys import Algorithm


@dataclass(frozen=True, slots=True)
class TcpLine:
    """A meter or gateway in the network.

    Attributes:
        host: Name or address.
        port: TCP port.
        rtu: Serial frames are sent as they are, instead of Modbus TCP.
    """

    host: str
    port: int
    rtu: bool = False

    @property
    def place(self) -> str:
        """Where it is: whatever has the same place is the same line."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class SerialLine:
    """A serial port, with eight data bits.

    Attributes:
        device: Such as /dev/serial/by-id/…, which stays when adapters change places.
        baud: Bits per second.
        parity: none, even or odd.
        stop_bits: 1 or 2.
    """

    device: Path
    baud: int
    parity: str
    stop_bits: int

    @property
    def place(self) -> str:
        """See ``TcpLine``; several names may lead to one device."""
        return os.path.realpath(self.device)

    @property
    def character_s(self) -> float:
        """How long a character is on the line: start, data, parity and stop bits."""
        return (9 + (self.parity != "none") + self.stop_bits) / self.baud


Line = TcpLine | SerialLine


@dataclass(frozen=True, slots=True)
class BusConfig:
    """How a meter is reached.

    Attributes:
        line: What it shares with the other meters on its bus.
        unit: Its address there.
        timeout_ms: How long it may think before it answers.
    """

    line: Line
    unit: int
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class LimitsConfig:
    """Rated power of the connection point in W, as registered on chain."""

    export_w: int
    import_w: int


@dataclass(frozen=True, slots=True)
class SpoolConfig:
    """Where readings wait for their ack, at most how many bytes, and how long after it."""

    path: Path
    max_bytes: int
    keep_days: int


@dataclass(frozen=True, slots=True)
class TlsConfig:
    """PEM files of the connection to the broker."""

    ca: Path
    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class BrokerConfig:
    """The MQTT broker; without TLS only on this machine."""

    host: str
    port: int
    tls: TlsConfig | None


@dataclass(frozen=True, slots=True)
class MeterConfig:
    """One meter: a key, a spool, a connection and a hash chain of its own.

    Attributes:
        id: 16 bytes.
        profile: Which registers mean what.
        deployment: 4 bytes; names the chain and registry that readings are for.
        settlement_interval_s: Length of a settlement interval; divides a day.
        read_every_ms: Period of reading; at most one settlement interval.
        key: File of the signing key.
        ack_key: The hub's public key, pinned.
        ack_algorithm: Its kind.
    """

    id: bytes
    profile: Profile
    deployment: bytes
    settlement_interval_s: int
    read_every_ms: int
    key: Path
    ack_key: bytes
    ack_algorithm: Algorithm
    bus: BusConfig
    limits: LimitsConfig
    spool: SpoolConfig
    broker: BrokerConfig


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """The meters of an agent.

    Attributes:
        file: Where this was read.
        clock_trusted: The operator vouches for the clock, the kernel is not asked.
        health_port: Where this machine may ask for figures; None for nowhere.
        meters: At least one.
    """

    file: Path
    clock_trusted: bool
    health_port: int | None
    meters: tuple[MeterConfig, ...]
