"""Reading registers over Modbus, one request at a time on each bus."""

from gridtokenx_edge.modbus.back_off import BackOff
from gridtokenx_edge.modbus.bus import Bus
from gridtokenx_edge.modbus.device import ModbusDevice
from gridtokenx_edge.modbus.pool import BusPool

__all__ = ["BackOff", "Bus", "BusPool", "ModbusDevice"]
