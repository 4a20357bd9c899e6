"""Settings that are read, changed and written again stay what they are."""

import stat
import tomllib
from pathlib import Path

import pytest

from gridtokenx_provisioning.errors import FolderError
from gridtokenx_provisioning.settings import read_settings, write_settings

TEXT = """
clock = "system"          # comments are not kept
health = { port = 9464 }

[[meter]]
id = "000102030405060708090a0b0c0d0e0f"
profile = 'C:\\meters\\"own".toml'
serial = "นาฬิกา\\t4711"
read_every_ms = 1000
trusted = true
limits = { export_w = 5000, import_w = 15000 }
[meter.broker]
host = "hub.example"
[meter.broker.tls]
ca = "ca.pem"
[[meter.bus]]
units = [1, 2]

[[meter]]
id = "010102030405060708090a0b0c0d0e0f"
[meter.broker]
host = "::1"
"""


def test_all_that_was_there_is_there(tmp_path: Path) -> None:
    file = tmp_path / "edge.toml"
    file.write_text(TEXT)
    settings = read_settings(file)
    settings["meter"][0]["serial"] = 'new\n"\\'
    write_settings(file, settings)
    expected = tomllib.loads(TEXT)
    expected["meter"][0]["serial"] = 'new\n"\\'
    assert tomllib.loads(file.read_text()) == expected
    assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0


@pytest.mark.parametrize("content", [None, b"\xff", b"no toml"])
def test_what_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "edge.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(FolderError, match=r"edge\.toml"):
        read_settings(file)
