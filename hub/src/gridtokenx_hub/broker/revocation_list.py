"""Which certificates are no longer good (a certificate revocation list, RFC 5280, 5)."""

import datetime as dt
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

VALID_FOR = dt.timedelta(days=3650)
"""As long as the authority: a list that expires would lock out every device at once."""
CLOCK_SKEW = dt.timedelta(hours=1)

Revoked = tuple[int, dt.datetime]
"""A certificate's serial number, and since when it is revoked."""


def revocation_list(
    issuer: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
    revoked: Iterable[Revoked],
    now: dt.datetime,
) -> bytes:
    """Return the signed list (PEM) of these certificates, all that `issuer` has revoked."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(now - CLOCK_SKEW)
        .next_update(now + VALID_FOR)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
        )
        .add_extension(x509.CRLNumber(int(now.timestamp() * 1000)), critical=False)
    )
    for serial_number, since in revoked:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder()
            .serial_number(serial_number)
            .revocation_date(since)
            .build()
        )
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def lists_the_same(path: Path, key: ec.EllipticCurvePrivateKey, revoked: Iterable[Revoked]) -> bool:
    """Return whether the list in this file is signed by `key` and names the same certificates."""
    try:
        found = x509.load_pem_x509_crl(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return False
    serial_numbers = {certificate.serial_number for certificate in found}
    wanted = {serial_number for serial_number, _ in revoked}
    return serial_numbers == wanted and found.is_signature_valid(key.public_key())
