"""Register maps of two meters, written by hand: what the profile files must come to."""

import struct

from gridtokenx_firmware_sim.meter import Measurement
from gridtokenx_firmware_sim.models import Registers

EASTRON_COUNTS_PER_KWH = 64


def _float32(value: float) -> bytes:
    return struct.pack(">f", value)


def _text(text: str) -> bytes:
    return text.encode().ljust(40, b"\0")


def schneider_identity(serial: int) -> Registers:
    return {
        29: _text("Energy Meter"),
        49: _text("iEM3155"),
        69: _text("Schneider Electric"),
        129: struct.pack(">I", serial),
    }


def schneider_values(now: Measurement) -> Registers:
    """DOCA0005EN, Modbus register list: numbers there are one above the wire's."""
    currents, voltages = now.phase_current_a, now.voltage_v
    phases = range(3)
    return {
        **{2999 + 2 * phase: _float32(currents[phase]) for phase in phases},
        3009: _float32(sum(currents) / 3),
        **{3027 + 2 * phase: _float32(voltages[phase]) for phase in phases},
        3035: _float32(sum(voltages) / 3),
        **{3053 + 2 * phase: _float32(now.phase_power_w / 1_000) for phase in phases},
        3059: _float32(now.power_w / 1_000),
        3109: _float32(now.frequency_hz),
        3203: struct.pack(">q", now.imported_counts),
        3207: struct.pack(">q", now.exported_counts),
    }


def eastron_identity(serial: int) -> Registers:
    return {0xFC00: struct.pack(">I", serial)}


def eastron_values(now: Measurement) -> Registers:
    """Eastron SDM630 Modbus protocol, input registers."""
    currents, voltages = now.phase_current_a, now.voltage_v
    phases = range(3)
    return {
        **{0x0000 + 2 * phase: _float32(voltages[phase]) for phase in phases},
        **{0x0006 + 2 * phase: _float32(currents[phase]) for phase in phases},
        **{0x000C + 2 * phase: _float32(now.phase_power_w) for phase in phases},
        0x002A: _float32(sum(voltages) / 3),
        0x002E: _float32(sum(currents) / 3),
        0x0030: _float32(sum(currents)),
        0x0034: _float32(now.power_w),
        0x0046: _float32(now.frequency_hz),
        0x0048: _float32(now.imported_counts / EASTRON_COUNTS_PER_KWH),
        0x004A: _float32(now.exported_counts / EASTRON_COUNTS_PER_KWH),
    }
