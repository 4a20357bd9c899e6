"""The certificate authority that tells the broker who a device is (X.509, RFC 5280)."""

import datetime as dt
import ipaddress
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gridtokenx_hub.broker.files import replace_file
from gridtokenx_hub.broker.revocation_list import Revoked, lists_the_same, revocation_list
from gridtokenx_hub.broker.settings import TlsFiles

HUB_IDENTITY = "hub"
AUTHORITY_DAYS = 3650
CERTIFICATE_DAYS = 397
CLOCK_SKEW = dt.timedelta(hours=1)


class CertificateRequestError(ValueError):
    """A certificate request that must not be signed; the message says why."""


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _subject_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _names_in(path: Path) -> x509.SubjectAlternativeName:
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _pem_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


class CertificateAuthority:
    """Signs the certificates of the broker, the hub and the devices; its files live in `folder`.

    Args:
        folder: holds `ca.pem`, `ca.key`, `crl.pem` and the certificates of broker and hub.
        clock: the present instant, timezone-aware.
    """

    def __init__(self, folder: Path, clock: Callable[[], dt.datetime]) -> None:
        self._folder = folder
        self._clock = clock
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.certificate_path = folder / "ca.pem"
        self.revocation_list_path = folder / "crl.pem"
        self._key = self._load_or_create()
        if not self.revocation_list_path.exists():
            self.write_revocation_list(())

    @property
    def certificate_pem(self) -> str:
        """The authority's own certificate, which every client trusts."""
        return self.certificate_path.read_text()

    def broker_files(self, name: str | None = None) -> TlsFiles:
        """Return the broker's certificate for loopback names and this one.

        It is made when absent, and again when it does not bear the name.
        """
        names = x509.SubjectAlternativeName(
            [_subject_name(each) for each in ("localhost", "127.0.0.1", *([name] if name else []))]
        )
        path = self._folder / "broker.pem"
        if path.exists() and _names_in(path) != names:
            path.unlink()
        return self._local_files(
            "broker", [names, x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])]
        )

    def hub_files(self) -> TlsFiles:
        """Return the hub's client certificate, made when absent."""
        return self._local_files(
            HUB_IDENTITY, [x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])]
        )

    def issue_device_certificate(self, csr_pem: str, meter_id: bytes) -> tuple[str, str]:
        """Sign a device's request (PKCS#10, RFC 2986); its private key never leaves the device.

        Args:
            csr_pem: the request; its common name must be the meter id in 32 hex digits.
            meter_id: the 16-byte id of the registered meter.

        Returns:
            The certificate and the authority's certificate, both PEM.

        Raises:
            CertificateRequestError: unreadable, badly signed, or for another name.
        """
        try:
            request = x509.load_pem_x509_csr(csr_pem.encode())
            genuine = request.is_signature_valid
        except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
            raise CertificateRequestError(f"the request cannot be read: {error}") from error
        if not genuine:
            raise CertificateRequestError("the request is not signed by its own key")
        if request.subject != _name(meter_id.hex()):
            raise CertificateRequestError(
                f"the request is for {request.subject.rfc4514_string()}, "
                f"not for CN={meter_id.hex()} alone"
            )
        key = request.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise CertificateRequestError("the request's key must be an elliptic-curve key")
        certificate = self._sign(
            key, meter_id.hex(), [x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])]
        )
        return certificate.public_bytes(serialization.Encoding.PEM).decode(), self.certificate_pem

    def write_revocation_list(self, revoked: Iterable[Revoked]) -> None:
        """Write the list of all certificates that are revoked, unless it says the same already."""
        wanted = list(revoked)
        if lists_the_same(self.revocation_list_path, self._key, wanted):
            return
        issuer = x509.load_pem_x509_certificate(self.certificate_path.read_bytes())
        content = revocation_list(issuer, self._key, wanted, self._clock())
        replace_file(self.revocation_list_path, content)

    def _load_or_create(self) -> ec.EllipticCurvePrivateKey:
        key_path = self._folder / "ca.key"
        if key_path.exists() and self.certificate_path.exists():
            key = serialization.load_pem_private_key(key_path.read_bytes(), password=None)
            if not isinstance(key, ec.EllipticCurvePrivateKey):
                raise CertificateRequestError(f"{key_path} is not an elliptic-curve key")
            return key
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("GridTokenX device authority")
        certificate = (
            self._builder(name, key.public_key(), AUTHORITY_DAYS)
            .issuer_name(name)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        _write_private(key_path, _pem_key(key))
        self.certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return key

    def _local_files(self, identity: str, extensions: list[x509.ExtensionType]) -> TlsFiles:
        certificate_path = self._folder / f"{identity}.pem"
        key_path = self._folder / f"{identity}.key"
        if not (certificate_path.exists() and key_path.exists()):
            key = ec.generate_private_key(ec.SECP256R1())
            certificate = self._sign(key.public_key(), identity, extensions)
            _write_private(key_path, _pem_key(key))
            certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return TlsFiles(ca=self.certificate_path, certificate=certificate_path, key=key_path)

    def _sign(
        self,
        key: ec.EllipticCurvePublicKey,
        identity: str,
        extensions: list[x509.ExtensionType],
    ) -> x509.Certificate:
        issuer = x509.load_pem_x509_certificate(self.certificate_path.read_bytes()).subject
        builder = (
            self._builder(_name(identity), key, CERTIFICATE_DAYS)
            .issuer_name(issuer)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(self._key, hashes.SHA256())

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, days: int
    ) -> x509.CertificateBuilder:
        now = self._clock()
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - CLOCK_SKEW)
            .not_valid_after(now + dt.timedelta(days=days))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
