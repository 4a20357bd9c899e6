"""Reading registers over Modbus, one request at a time on each bus."""

from gridtokenx_edge.modbus.back_off import BackOff
from gridtokenx_edge.modbus.device import ModbusDevice
from gridtokenx_edge.modbus.tcp import BusPool, ModbusTcpBus

__all__ = ["BackOff", "BusPool", "ModbusDevice", "ModbusTcpBus"]
