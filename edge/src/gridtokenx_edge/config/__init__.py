"""The agent's settings: TOML in, frozen dataclasses out, every mistake named."""

from gridtokenx_edge.config.load import check_files, load_config
from gridtokenx_edge.config.model import (
    AgentConfig,
    BrokerConfig,
    BusConfig,
    LimitsConfig,
    MeterConfig,
    SerialLine,
    SpoolConfig,
    TcpLine,
    TlsConfig,
)

__all__ = [
    "AgentConfig",
    "BrokerConfig",
    "BusConfig",
    "LimitsConfig",
    "MeterConfig",
    "SerialLine",
    "SpoolConfig",
    "TcpLine",
    "TlsConfig",
    "check_files",
    "load_config",
]
