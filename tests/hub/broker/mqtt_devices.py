"""Devices with certificates, for tests of the broker."""

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gridtokenx_hub.broker.authority import CertificateAuthority
from gridtokenx_hub.broker.settings import TlsFiles

OWN, OTHER = bytes([1]) * 16, bytes([2]) * 16


def device_files(folder: Path, authority: CertificateAuthority, meter_id: bytes) -> TlsFiles:
    folder.mkdir(exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, meter_id.hex())])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    pem, ca = authority.issue_device_certificate(
        request.public_bytes(serialization.Encoding.PEM).decode(), meter_id
    )
    files = TlsFiles(folder / "ca.pem", folder / "device.pem", folder / "device.key")
    files.ca.write_text(ca)
    files.certificate.write_text(pem)
    files.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files
