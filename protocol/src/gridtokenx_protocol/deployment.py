"""Which chain and registry a reading is for."""

import hashlib

from gridtokenx_protocol.errors import Malformed
from gridtokenx_protocol.record import DEPLOYMENT_SIZE


def deployment_id(genesis_hash: bytes, registry_program: bytes) -> bytes:
    """First 4 bytes of SHA-256(genesis hash ‖ registry program id), 32 bytes each.

    Raises:
        Malformed: One of them has another size.
    """
    if len(genesis_hash) != 32 or len(registry_program) != 32:
        raise Malformed("a genesis hash and a program id have 32 bytes each")
    return hashlib.sha256(genesis_hash + registry_program).digest()[:DEPLOYMENT_SIZE]
