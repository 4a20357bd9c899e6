"""Keys of the device.

A signing key is used through ``gridtokenx_protocol.keys.Signer``: whatever can sign, such as a
chip, can stand in for the file.
"""

from gridtokenx_edge.keystore.files import create_private_file, read_private_file
from gridtokenx_edge.keystore.signing_key import create_signing_key, load_signer

__all__ = ["create_private_file", "create_signing_key", "load_signer", "read_private_file"]
