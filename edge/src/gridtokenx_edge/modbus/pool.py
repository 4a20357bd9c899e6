"""The buses of an agent."""

from gridtokenx_edge.config.model import BusConfig, Line, SerialLine
from gridtokenx_edge.modbus.bus import Bus
from gridtokenx_edge.modbus.links import SerialLink, TcpLink
from gridtokenx_edge.modbus.rtu import RtuBus
from gridtokenx_edge.modbus.tcp import ModbusTcpBus


class BusPool:
    """One bus for each line, shared by the meters on it."""

    def __init__(self) -> None:
        self._buses: dict[Line, Bus] = {}

    def bus(self, config: BusConfig) -> Bus:
        """The bus that a meter is on."""
        if config.line not in self._buses:
            self._buses[config.line] = _bus(config.line)
        return self._buses[config.line]

    def close(self) -> None:
        """Close all connections."""
        for bus in self._buses.values():
            bus.close()


def _bus(line: Line) -> Bus:
    if isinstance(line, SerialLine):
        return RtuBus(str(line.device), SerialLink(line), line.character_s)
    if line.rtu:
        return RtuBus(line.place, TcpLink(line), 0)
    return ModbusTcpBus(line.place, TcpLink(line))
