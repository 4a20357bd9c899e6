"""How requests reach a meter: Modbus TCP, or serial frames over TCP or a serial line."""

from gridtokenx_firmware_sim.transport.reply import Answer, Reply
from gridtokenx_firmware_sim.transport.serial_line import SerialListener, listen_serial
from gridtokenx_firmware_sim.transport.tcp import TcpListener, listen_tcp

Listener = SerialListener | TcpListener

__all__ = ["Answer", "Listener", "Reply", "listen_serial", "listen_tcp"]
