"""The key of a meter's TLS connection: always a file, whatever holds the signing key."""

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from gridtokenx_edge.errors import KeyFileError
from gridtokenx_edge.keystore.files import create_private_file, read_private_file


def certificate_request(path: Path, meter_id: bytes) -> bytes:
    """A PEM certificate request for a meter; its key is made if there is none.

    The common name is the meter id in 32 hex digits: the broker binds topics to it.

    Raises:
        KeyFileError: The key file cannot be written or used.
    """
    key = _key(path)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, meter_id.hex())])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return request.public_bytes(Encoding.PEM)


def _key(path: Path) -> ec.EllipticCurvePrivateKey:
    if not path.exists():
        fresh = ec.generate_private_key(ec.SECP256R1())
        pem = fresh.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        create_private_file(path, pem)
        return fresh
    try:
        key = load_pem_private_key(read_private_file(path), password=None)
    except (ValueError, TypeError):
        # nothing of the content is repeated: it may be a damaged key
        raise KeyFileError(f"{path} holds no PEM private key; choose another file") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise KeyFileError(f"{path} holds another kind of key; choose another file")
    return key
