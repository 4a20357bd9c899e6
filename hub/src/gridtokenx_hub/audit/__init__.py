"""Does all that the design promises hold? One program asks database and chain, and says so."""

from gridtokenx_hub.audit.audit import Report, audit
from gridtokenx_hub.audit.findings import Check, Difference

__all__ = ["Check", "Difference", "Report", "audit"]
