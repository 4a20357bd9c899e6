"""Key files: for their owner alone, never overwritten, never shown."""

import os
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from gridtokenx_edge.errors import KeyFileError
from gridtokenx_edge.keystore import create_private_file, create_signing_key, load_signer
from gridtokenx_edge.keystore.tls import certificate_request
from gridtokenx_protocol import cose
from gridtokenx_protocol.keys import Algorithm


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_key_signs_after_it_was_loaded(tmp_path: Path, algorithm: Algorithm) -> None:
    path = tmp_path / "meter.key"
    created = create_signing_key(path, algorithm)
    loaded = load_signer(path)
    assert loaded.public_key == created.public_key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    message = cose.sign(b"payload", loaded)
    cose.verify(cose.decode(message), algorithm, created.public_key)


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "meter.key"
    public_key = create_signing_key(path, Algorithm.ED25519).public_key
    with pytest.raises(KeyFileError, match="exists"):
        create_signing_key(path, Algorithm.ED25519)
    assert load_signer(path).public_key == public_key


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620])
def test_a_key_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "meter.key"
    create_signing_key(path, Algorithm.ED25519)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match="chmod 600"):
        load_signer(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_another_users_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "meter.key"
    create_signing_key(path, Algorithm.ED25519)
    os.chown(path, 12345, -1)
    with pytest.raises(KeyFileError, match="belongs to another user"):
        load_signer(path)


def test_missing_damaged_and_other_keys(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="gtx-edge keys create"):
        load_signer(tmp_path / "none.key")
    create_private_file(tmp_path / "text.key", b"secret that must not be repeated")
    with pytest.raises(KeyFileError, match="no PEM private key") as caught:
        load_signer(tmp_path / "text.key")
    assert "secret" not in str(caught.value)
    for name, key in (
        ("rsa", rsa.generate_private_key(65537, 2048)),
        ("p384", ec.generate_private_key(ec.SECP384R1())),
    ):
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        create_private_file(tmp_path / name, pem)
        with pytest.raises(KeyFileError, match="another kind"):
            load_signer(tmp_path / name)


def test_a_certificate_request_names_the_meter_and_keeps_its_key(tmp_path: Path) -> None:
    path, meter_id = tmp_path / "tls.key", bytes(range(16))
    first = x509.load_pem_x509_csr(certificate_request(path, meter_id))
    second = x509.load_pem_x509_csr(certificate_request(path, meter_id))
    assert first.is_signature_valid
    (name,) = first.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert name.value == meter_id.hex()
    assert first.public_key() == second.public_key()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    load_pem_private_key(path.read_bytes(), None)
    path.write_text("no key")
    with pytest.raises(KeyFileError, match="no PEM"):
        certificate_request(path, meter_id)
