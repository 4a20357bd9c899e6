"""From a TOML file to ``AgentConfig``."""

import ipaddress
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from gridtokenx_edge.config.bus import load_bus, refuse_unlike_lines
from gridtokenx_edge.config.model import (
    AgentConfig,
    BrokerConfig,
    LimitsConfig,
    MeterConfig,
    SpoolConfig,
    TlsConfig,
)
from gridtokenx_edge.errors import ConfigError
from gridtokenx_edge.meters.load import load_profile
from gridtokenx_edge.toml_table import TomlTable
from gridtokenx_protocol.errors import ProtocolError
from gridtokenx_protocol.keys import PUBLIC_KEY_SIZE, Algorithm, check_public_key

DAY_S: Final = 86_400
ALGORITHMS: Final = {"ed25519": Algorithm.ED25519, "p256": Algorithm.P256}
_MAX_POWER_W: Final = 1_000_000_000


def load_config(file: Path) -> AgentConfig:
    """Read and check the settings; the files that they name are checked by ``check_files``.

    Raises:
        ConfigError: Names the file, the key and the remedy.
    """
    root = TomlTable.load(file)
    clock = root.choice("clock", ("system", "trusted"), default="system")
    health_port = _health_port(root.table("health")) if "health" in root else None
    meters = tuple(_meter(table) for table in root.tables("meter"))
    root.finish()
    _refuse_shared(file, "id", (meter.id.hex() for meter in meters))
    _refuse_shared(file, "key", (str(meter.key) for meter in meters))
    _refuse_shared(file, "spool.path", (str(meter.spool.path) for meter in meters))
    refuse_unlike_lines(file, (meter.bus.line for meter in meters))
    return AgentConfig(
        file=file, clock_trusted=clock == "trusted", health_port=health_port, meters=meters
    )


def check_files(config: AgentConfig) -> None:
    """Check that the files that ``run`` needs are there.

    Raises:
        ConfigError: One is missing; says how to make it.
    """
    for meter in config.meters:
        _require(config, meter.key, "key", "make it with: gtx-edge keys create --out PATH")
        if meter.broker.tls is not None:
            tls = meter.broker.tls
            _require(config, tls.ca, "broker.tls.ca", "copy the hub's CA certificate there")
            _require(
                config,
                tls.certificate,
                "broker.tls.certificate",
                "hand the output of gtx-edge csr to the hub and save its certificate there",
            )
            _require(config, tls.key, "broker.tls.key", "make it with: gtx-edge csr")


def _health_port(table: TomlTable) -> int:
    port = table.integer("port", 1, 65535)
    table.finish()
    return port


def _meter(table: TomlTable) -> MeterConfig:
    algorithm = ALGORITHMS[table.choice("ack_algorithm", tuple(ALGORITHMS), default="ed25519")]
    interval_s = table.integer("settlement_interval_s", 1, DAY_S, default=900)
    if DAY_S % interval_s:
        raise table.error("settlement_interval_s", f"write a number that divides {DAY_S}")
    meter = MeterConfig(
        id=table.hexadecimal("id", 16),
        profile=load_profile(table.text("profile"), table.folder),
        deployment=table.hexadecimal("deployment", 4),
        settlement_interval_s=interval_s,
        read_every_ms=table.integer("read_every_ms", 50, interval_s * 1000, default=1000),
        key=table.path("key"),
        ack_key=_ack_key(table, algorithm),
        ack_algorithm=algorithm,
        bus=load_bus(table.table("bus")),
        limits=_limits(table.table("limits")),
        spool=_spool(table.table("spool")),
        broker=_broker(table.table("broker")),
    )
    table.finish()
    return meter


def _ack_key(table: TomlTable, algorithm: Algorithm) -> bytes:
    key = table.hexadecimal("ack_key", PUBLIC_KEY_SIZE[algorithm])
    try:
        check_public_key(algorithm, key)
    except ProtocolError as error:
        raise table.error("ack_key", f"{error}; copy it from the hub's /api/deployment") from error
    return key


def _limits(table: TomlTable) -> LimitsConfig:
    limits = LimitsConfig(
        export_w=table.integer("export_w", 1, _MAX_POWER_W),
        import_w=table.integer("import_w", 1, _MAX_POWER_W),
    )
    table.finish()
    return limits


def _spool(table: TomlTable) -> SpoolConfig:
    spool = SpoolConfig(
        path=table.path("path"),
        max_bytes=table.integer("max_bytes", 64 * 1024, 2**40, default=64 * 1024 * 1024),
        keep_days=table.integer("keep_days", 0, 3650, default=30),
    )
    table.finish()
    return spool


def _broker(table: TomlTable) -> BrokerConfig:
    host = table.text("host")
    tls = _tls(table.table("tls")) if "tls" in table else None
    if tls is None and not _is_loopback(host):
        raise table.error("tls", "missing; a broker on another machine is reached with TLS only")
    broker = BrokerConfig(
        host=host,
        port=table.integer("port", 1, 65535, default=8883 if tls else 1883),
        tls=tls,
    )
    table.finish()
    return broker


def _tls(table: TomlTable) -> TlsConfig:
    tls = TlsConfig(
        ca=table.path("ca"), certificate=table.path("certificate"), key=table.path("key")
    )
    table.finish()
    return tls


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refuse_shared(file: Path, key: str, values: Iterable[str]) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise ConfigError(f"{file}: meter.{key}: {value} is used by two meters; change one")
        seen.add(value)


def _require(config: AgentConfig, path: Path, key: str, remedy: str) -> None:
    if not path.is_file():
        raise ConfigError(f"{config.file}: meter.{key}: there is no file {path}; {remedy}")
