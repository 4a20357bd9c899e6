"""Faults in what a meter shows."""

from collections.abc import Collection
from dataclasses import replace

from gridtokenx_firmware_sim.device import MeterDevice
from gridtokenx_firmware_sim.faults.fault import Fault
from gridtokenx_firmware_sim.meter import Measurement
from gridtokenx_firmware_sim.models import Registers


class RegisterFaults:
    """What the registers of one meter show while things go wrong with it."""

    def __init__(self, device: MeterDevice) -> None:
        self._device = device
        self._since: dict[Fault, Measurement] = {}

    def registers(self, faults: Collection[Fault]) -> Registers:
        """The registers, distorted by the faults of this moment."""
        serial, measurement = self._device.serial, self._device.measurement
        for gone in self._since.keys() - set(faults):
            del self._since[gone]
        if measurement:
            for fault in faults:
                first = self._since.setdefault(fault, measurement)
                measurement = _distorted(fault, first, measurement)
        kinds = {fault.kind for fault in faults}
        if "exchanged" in kinds:
            serial += 1
        registers = self._device.registers(serial, measurement)
        if "swapped_words" in kinds:
            return {address: _swapped(raw) for address, raw in registers.items()}
        return registers


def _distorted(fault: Fault, first: Measurement, now: Measurement) -> Measurement:
    exported, imported = first.exported_counts, first.imported_counts
    if fault.kind == "frozen":
        return first
    if fault.kind == "zero":
        return replace(now, exported_counts=0, imported_counts=0)
    if fault.kind == "roll_over":
        lost_exported, lost_imported = exported, imported
    elif fault.kind == "exchanged":
        lost_exported = exported - exported * fault.percent // 100
        lost_imported = imported - imported * fault.percent // 100
    else:
        return now
    return replace(
        now,
        exported_counts=now.exported_counts - lost_exported,
        imported_counts=now.imported_counts - lost_imported,
    )


def _swapped(raw: bytes) -> bytes:
    return b"".join(raw[start : start + 2] for start in range(len(raw) - 2, -1, -2))
