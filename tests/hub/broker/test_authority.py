"""The certificate authority signs a device's own request and nothing else."""

import datetime as dt
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gridtokenx_hub.broker.authority import CertificateAuthority, CertificateRequestError

METER = bytes(range(16))
NOW = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)


@pytest.fixture
def authority(tmp_path: Path) -> CertificateAuthority:
    return CertificateAuthority(tmp_path, lambda: NOW)


def request(common_name: str) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    built = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return built.public_bytes(serialization.Encoding.PEM).decode()


def test_a_device_gets_a_certificate_that_names_its_meter(authority: CertificateAuthority) -> None:
    pem, authority_pem = authority.issue_device_certificate(request(METER.hex()), METER)
    certificate = x509.load_pem_x509_certificate(pem.encode())
    issuer = x509.load_pem_x509_certificate(authority_pem.encode())
    certificate.verify_directly_issued_by(issuer)
    assert certificate.subject.rfc4514_string() == f"CN={METER.hex()}"
    assert certificate.not_valid_before_utc < NOW < certificate.not_valid_after_utc


def test_a_request_for_another_name_is_refused(authority: CertificateAuthority) -> None:
    with pytest.raises(CertificateRequestError, match="CN=hub"):
        authority.issue_device_certificate(request("hub"), METER)


def test_a_request_with_a_broken_signature_is_refused(authority: CertificateAuthority) -> None:
    der = bytearray(
        x509.load_pem_x509_csr(request(METER.hex()).encode()).public_bytes(
            serialization.Encoding.DER
        )
    )
    der[-1] ^= 1
    broken = x509.load_der_x509_csr(bytes(der)).public_bytes(serialization.Encoding.PEM).decode()
    with pytest.raises(CertificateRequestError, match="own key"):
        authority.issue_device_certificate(broken, METER)


@pytest.mark.parametrize("text", ["", "garbage", "-----BEGIN CERTIFICATE REQUEST-----\nAA==\n"])
def test_what_is_no_request_is_refused(authority: CertificateAuthority, text: str) -> None:
    with pytest.raises(CertificateRequestError, match="cannot be read"):
        authority.issue_device_certificate(text, METER)


def test_the_authority_and_its_certificates_survive_a_restart(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    before = authority.hub_files().certificate.read_bytes()
    again = CertificateAuthority(tmp_path, lambda: NOW)
    assert again.certificate_pem == authority.certificate_pem
    assert again.hub_files().certificate.read_bytes() == before


def test_private_keys_can_be_read_by_their_owner_alone(authority: CertificateAuthority) -> None:
    for path in (authority.hub_files().key, authority.broker_files().key):
        assert path.stat().st_mode & 0o077 == 0
