"""Everything that a meter or its cable can do wrong, when a script says so."""

from gridtokenx_firmware_sim.faults.fault import KINDS, Fault
from gridtokenx_firmware_sim.faults.load import load_faults
from gridtokenx_firmware_sim.faults.registers import RegisterFaults
from gridtokenx_firmware_sim.faults.script import FaultScript

__all__ = ["KINDS", "Fault", "FaultScript", "RegisterFaults", "load_faults"]
