"""Does all that the design promises hold? One program asks database and chain, and says so."""

from gridtokenx_hub.audit.audit import Report, audit
from gridtokenx_hub.audit.bridge_state import BridgeReader
from gridtokenx_hub.audit.findings import Check, Difference

__all__ = ["BridgeReader", "Check", "Difference", "Report", "audit"]
