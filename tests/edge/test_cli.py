"""The commands, in process; each answers in JSON, or in one line what to do."""

import json
import sqlite3
import stat
from base64 import b64decode
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from tests.edge.fake_hub import FakeHub
from tests.edge.fake_meter import FakeMeter
from tests.edge.site import MakeSite

from gridtokenx_edge.cli import main
from gridtokenx_protocol import cose
from gridtokenx_protocol.keys import Algorithm, key_id
from gridtokenx_protocol.payload import Payload

METER_ID = bytes(range(16)).hex()


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize("algorithm", ["ed25519", "p256"])
def test_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str], algorithm: str) -> None:
    path = tmp_path / "meter.key"
    code, created, _ = run(capsys, "keys", "create", "--out", str(path), "--algorithm", algorithm)
    assert code == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    code, shown, _ = run(capsys, "keys", "show", "--key", str(path))
    assert code == 0
    assert shown == created
    key = json.loads(shown)
    assert key["algorithm"] == algorithm
    assert key["key_id"] == key_id(bytes.fromhex(key["public_key"])).hex()
    assert "PRIVATE" not in created
    code, _, errors = run(capsys, "keys", "create", "--out", str(path))
    assert code == 1
    assert errors == f"gtx-edge: {path} exists; keep it, or choose another path\n"


def test_csr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = tmp_path / "tls.key"
    code, pem, _ = run(capsys, "csr", "--meter-id", METER_ID, "--out", str(key))
    assert code == 0
    request = x509.load_pem_x509_csr(pem.encode())
    assert request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == METER_ID
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    for wrong in (["--meter-id", "zz", "--out", str(key)], ["--meter-id", METER_ID], []):
        code, _, errors = run(capsys, "csr", *wrong)
        assert code == 1
        assert errors.startswith("gtx-edge: ")


async def test_baseline_is_printed_again(make_site: MakeSite, hub: FakeHub) -> None:
    site = await make_site(baseline=False)
    code, first, errors = await site.command("baseline")
    assert code == 0, errors
    answer = json.loads(first)
    assert answer["meter_id"] == METER_ID
    assert answer["algorithm"] == "ed25519"
    assert bytes.fromhex(answer["public_key"]) == hub.public_key
    signed = cose.decode(b64decode(answer["baseline"]))
    cose.verify(signed, Algorithm.ED25519, hub.public_key)
    (record,) = Payload.decode(signed.payload).records
    assert (record.sequence, record.flags, record.surplus_mwh) == (1, 3, 0)
    assert len(cose.decode(b64decode(answer["baseline"])).signed_bytes()) == 139
    _, second, _ = await site.command("baseline")
    assert second == first


async def test_read_check_and_spool(make_site: MakeSite, meter: FakeMeter) -> None:
    site = await make_site()
    code, output, _ = await site.command("read")
    assert code == 0
    assert "produced_mwh     20000000000\n" in output
    code, output, _ = await site.command("read", "--json")
    reading = json.loads(output)
    assert reading["produced_mwh"] == 20_000_000_000
    assert reading["registers"]["produced"] == (20_000_000).to_bytes(8, "big").hex()
    code, output, _ = await site.command("spool", "stats")
    assert json.loads(output)["readings"] == 1
    code, output, _ = await site.command("spool", "verify")
    assert code == 0
    assert json.loads(output)["ok"]
    assert json.loads((await site.command("keys", "show"))[1])["algorithm"] == "ed25519"
    meter.fault = "exception"
    code, _, errors = await site.command("read")
    assert code == 1
    assert "device_failure" in errors


async def test_a_broken_spool_fails_verification(make_site: MakeSite) -> None:
    site = await make_site()
    with sqlite3.connect(site.folder / "spool.db") as connection:
        connection.execute("UPDATE reading SET hash = zeroblob(32)")
    connection.close()
    code, output, _ = await site.command("spool", "verify")
    assert code == 1
    assert not json.loads(output)["ok"]


async def test_which_meter_must_be_clear(make_site: MakeSite) -> None:
    site = await make_site(baseline=False)
    code, _, errors = await site.command("read", "--meter", "ff" * 16)
    assert code == 1
    assert METER_ID in errors


def test_mistakes_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "edge.toml"
    for text in ("", "[[meter]]", "= 1", 'clock = "x"'):
        file.write_text(text)
        for command in ("run", "check-config", "baseline", "read"):
            code, _, errors = run(capsys, command, "--config", str(file))
            assert code == 1
            assert errors.count("\n") == 1
            assert errors.startswith(f"gtx-edge: {file}: ")
