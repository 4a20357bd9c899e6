"""Every mistake in the settings names file, key and remedy."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gridtokenx_edge.config import AgentConfig, check_files, load_config
from gridtokenx_edge.errors import ConfigError
from gridtokenx_edge.keystore import create_signing_key
from gridtokenx_protocol.keys import Algorithm, SoftwareSigner

GOOD = """
clock = "system"

[[meter]]
id = "000102030405060708090a0b0c0d0e0f"
profile = "eastron-sdm630"
deployment = "a1b2c3d4"
settlement_interval_s = 900
read_every_ms = 1000
key = "meter.key"
ack_key = "KEY"
ack_algorithm = "ed25519"

[meter.bus]
kind = "tcp"
host = "192.0.2.7"
port = 502
unit = 3
timeout_ms = 800

[meter.limits]
export_w = 5000
import_w = 15000

[meter.spool]
path = "spool.db"
max_bytes = 1000000
keep_days = 30

[meter.broker]
host = "hub.example"
port = 8883

[meter.broker.tls]
ca = "ca.pem"
certificate = "meter.pem"
key = "tls.key"
"""


Load = Callable[[str], AgentConfig]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def write_and_load(text: str) -> AgentConfig:
        file = tmp_path / "edge.toml"
        file.write_text(text)
        return load_config(file)

    return write_and_load


@pytest.fixture
def good(hub_signer: SoftwareSigner) -> str:
    return GOOD.replace("KEY", hub_signer.public_key.hex())


def test_reads_everything(good: str, tmp_path: Path) -> None:
    file = tmp_path / "edge.toml"
    file.write_text(good)
    config = load_config(file)
    (meter,) = config.meters
    assert not config.clock_trusted
    assert meter.id == bytes(range(16))
    assert meter.key == tmp_path / "meter.key"
    assert meter.profile.model.startswith("SDM630")
    assert meter.bus.unit == 3
    assert meter.limits.import_w == 15_000
    assert meter.spool.max_bytes == 1_000_000
    assert meter.broker.tls is not None
    assert meter.broker.tls.certificate == tmp_path / "meter.pem"
    assert meter.ack_algorithm is Algorithm.ED25519


@pytest.mark.parametrize(
    ("old", "new", "key", "remedy"),
    [
        ("deployment =", "deploymint =", "deployment", "missing; add it"),
        ('clock = "system"', 'clock = "sytem"', "clock", "one of system, trusted"),
        ("read_every_ms = 1000", "read_every_ms = 10", "read_every_ms", "from 50 to 900000"),
        ("read_every_ms = 1000", "read_every_ms = 1.5", "read_every_ms", "a whole number"),
        ("read_every_ms = 1000", "read_every_ms = true", "read_every_ms", "a whole number"),
        ("interval_s = 900", "interval_s = 901", "settlement_interval_s", "divides 86400"),
        ('id = "00', 'id = "', "meter[0].id", "32 hex digits"),
        ('id = "00', 'id = "zz', "meter[0].id", "32 hex digits"),
        ('key = "meter.key"', "key = 1", "meter[0].key", "text in quotes"),
        ('key = "meter.key"', 'key = ""', "meter[0].key", "text in quotes"),
        ("eastron-sdm630", "eastron-sdm631", "profile", "schneider-iem3155"),
        ("eastron-sdm630", "own.toml", "own.toml", "readable TOML file"),
        ('kind = "tcp"', 'kind = "udp"', "meter[0].bus.kind", "one of tcp"),
        ("unit = 3", "unit = 248", "meter[0].bus.unit", "from 1 to 247"),
        ("unit = 3", "unti = 3", "meter[0].bus.unti", "unknown key"),
        ("export_w = 5000", "export_w = 0", "limits.export_w", "from 1 to"),
        ("max_bytes = 1000000", "max_bytes = 1", "spool.max_bytes", "from 65536"),
        ("[meter.broker.tls]", "[meter.broker.tsl]", "meter[0].broker.tls", "with TLS only"),
        ("[meter.limits]", "[meter.limit]", "meter[0].limits", "missing"),
        ("[[meter]]", "[meter]", "meter", "[[meter]]"),
        ("[[meter]]", "meter = 1\n[[x]]", "edge.toml", "not TOML"),
        ('ack_key = "', 'ack_key = "00', "ack_key", "64 hex digits"),
        ('"ed25519"', '"rsa"', "ack_algorithm", "one of ed25519, p256"),
    ],
)
def test_names_every_mistake(
    good: str, tmp_path: Path, old: str, new: str, key: str, remedy: str
) -> None:
    file = tmp_path / "edge.toml"
    assert old in good
    file.write_text(good.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    assert key in str(caught.value)
    assert remedy in str(caught.value)
    assert str(tmp_path) in str(caught.value) or "profile" in key


def test_small_order_ack_key_is_refused(good: str, hub_signer: SoftwareSigner, load: Load) -> None:
    with pytest.raises(ConfigError, match=r"ack_key.*small order"):
        load(good.replace(hub_signer.public_key.hex(), "01" + "00" * 31))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_loopback_needs_no_tls(good: str, host: str, load: Load) -> None:
    plain = good[: good.index("[meter.broker.tls]")].replace("hub.example", host)
    assert load(plain).meters[0].broker.tls is None


def test_meters_share_nothing(good: str, load: Load) -> None:
    second = good[good.index("[[meter]]") :]
    with pytest.raises(ConfigError, match=r"meter\.id: .* used by two meters"):
        load(good + second)
    other_id = second.replace("000102", "ff0102")
    with pytest.raises(ConfigError, match=r"meter\.key: .* used by two meters"):
        load(good + other_id)
    with pytest.raises(ConfigError, match=r"meter\.spool\.path: .* used by two meters"):
        load(good + other_id.replace("meter.key", "other.key"))


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_config(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b'clock = "\xff"')
    with pytest.raises(ConfigError, match="not TOML"):
        load_config(tmp_path / "latin.toml")


def test_missing_named_files_say_how_to_make_them(good: str, tmp_path: Path) -> None:
    file = tmp_path / "edge.toml"
    file.write_text(good)
    config = load_config(file)
    with pytest.raises(ConfigError, match=r"meter\.key.*gtx-edge keys create"):
        check_files(config)
    create_signing_key(tmp_path / "meter.key", Algorithm.ED25519)
    for name in ("ca.pem", "meter.pem", "tls.key"):
        with pytest.raises(ConfigError, match=name):
            check_files(config)
        (tmp_path / name).touch()
    check_files(config)
