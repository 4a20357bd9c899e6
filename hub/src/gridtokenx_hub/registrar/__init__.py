"""The registrar: the one process that has the key which registers meters, and the way to it.

It signs what a provisioning code allows, or a request of whoever holds a token, or the suspension
of a meter that signed two readings of one sequence, and nothing else: it makes the transaction anew
from the code or the proof and compares it with the one it is asked to sign.
"""

from gridtokenx_hub.registrar.errors import RegistrarRefused, RegistrarUnavailable
from gridtokenx_hub.registrar.evidence import Evidence, open_evidence
from gridtokenx_hub.registrar.mandate import PROVEN, DeviceKey, Limits, Mandate, Purpose
from gridtokenx_hub.registrar.requests import RegistrarClient
from gridtokenx_hub.registrar.transactions import (
    COMPUTE_UNITS,
    SUSPENSION_COMPUTE_UNITS,
    RegistrarTransactions,
)

__all__ = [
    "COMPUTE_UNITS",
    "PROVEN",
    "SUSPENSION_COMPUTE_UNITS",
    "DeviceKey",
    "Evidence",
    "Limits",
    "Mandate",
    "Purpose",
    "RegistrarClient",
    "RegistrarRefused",
    "RegistrarTransactions",
    "RegistrarUnavailable",
    "open_evidence",
]
