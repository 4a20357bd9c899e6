"""The table ``[meter.bus]``: how a meter is reached."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from gridtokenx_edge.config.model import BusConfig, Line, SerialLine, TcpLine
from gridtokenx_edge.errors import ConfigError
from gridtokenx_edge.toml_table import TomlTable

_BAUDS: Final = (1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200)


def load_bus(table: TomlTable) -> BusConfig:
    """Read the table; ``kind`` says which keys it has.

    Raises:
        ConfigError: Names the file, the key and the remedy.
    """
    kind = table.choice("kind", ("tcp", "rtu", "rtu-over-tcp"), default="tcp")
    bus = BusConfig(
        line=_serial_line(table) if kind == "rtu" else _tcp_line(table, rtu=kind != "tcp"),
        unit=table.integer("unit", 1, 247, default=1),
        timeout_ms=table.integer("timeout_ms", 50, 60_000, default=1000),
    )
    table.finish()
    return bus


def refuse_unlike_lines(file: Path, lines: Iterable[Line]) -> None:
    """Meters on one bus must describe it alike.

    Raises:
        ConfigError: Two do not.
    """
    known: dict[str, Line] = {}
    for line in lines:
        if known.setdefault(line.place, line) != line:
            raise ConfigError(
                f"{file}: meter.bus: {line.place} is described in two ways; write the same in"
                " [meter.bus] of every meter on it, but for unit and timeout_ms"
            )


def _tcp_line(table: TomlTable, *, rtu: bool) -> TcpLine:
    return TcpLine(
        host=table.text("host"), port=table.integer("port", 1, 65535, default=502), rtu=rtu
    )


def _serial_line(table: TomlTable) -> SerialLine:
    baud = table.integer("baud", _BAUDS[0], _BAUDS[-1])
    if baud not in _BAUDS:
        raise table.error("baud", f"write one of {', '.join(map(str, _BAUDS))}")
    return SerialLine(
        device=table.path("device"),
        baud=baud,
        parity=table.choice("parity", ("none", "even", "odd")),
        stop_bits=table.integer("stop_bits", 1, 2, default=1),
    )
