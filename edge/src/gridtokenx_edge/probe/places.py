"""Where to look: lines and unit addresses, as the user named them and no others."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gridtokenx_edge.config.model import Line, SerialLine
from gridtokenx_edge.errors import ConfigError
from gridtokenx_edge.toml_table import can_be_host

MOST_HOSTS: Final = 256
_LARGEST_UNIT: Final = 247


@dataclass(frozen=True, slots=True)
class Place:
    """A line, and the unit addresses to ask on it."""

    line: Line
    units: tuple[int, ...]


def hosts_of(text: str) -> list[str]:
    """Hosts from a name, an address, or a small subnet such as 192.168.1.0/28.

    Raises:
        ConfigError: Not a subnet, or one that is too large.
    """
    if "/" not in text:
        if not can_be_host(text):
            raise ConfigError(f"--host {text!r}: write a name, an address or a small subnet")
        return [text]
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        raise ConfigError(
            f"--host {text}: {error}; write a subnet such as 192.168.1.0/28"
        ) from error
    if network.num_addresses > MOST_HOSTS:
        raise ConfigError(f"--host {text}: more than {MOST_HOSTS} addresses; name a smaller subnet")
    return [str(host) for host in network.hosts()]


def units_of(text: str) -> tuple[int, ...]:
    """Unit addresses from text such as "1-4,17".

    Raises:
        ConfigError: Not numbers from 1 to 247.
    """
    units: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        ends = (first, last if dash else first)
        if not all(end.isascii() and end.isdigit() and len(end) <= 3 for end in ends):
            raise ConfigError(f"--units {text}: write numbers and ranges such as 1-4,17")
        units += range(int(ends[0]), int(ends[1]) + 1)
    if not units or not all(1 <= unit <= _LARGEST_UNIT for unit in units):
        raise ConfigError(f"--units {text}: write addresses from 1 to {_LARGEST_UNIT}")
    return tuple(dict.fromkeys(units))


def serial_lines(
    device: Path, bauds: list[int], parities: list[str], stop_bits: int
) -> list[SerialLine]:
    """One line for each speed and parity that a serial port is to be tried with."""
    return [SerialLine(device, baud, parity, stop_bits) for baud in bauds for parity in parities]
