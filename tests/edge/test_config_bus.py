"""The table [meter.bus]: three kinds of bus, and meters that share one."""

from pathlib import Path

import pytest
from tests.edge.test_config import GOOD

from gridtokenx_edge.config import SerialLine, TcpLine, load_config
from gridtokenx_edge.errors import ConfigError
from gridtokenx_protocol.keys import SoftwareSigner

RTU = """
kind = "rtu"
device = "by-id/adapter"
baud = 9600
parity = "even"
unit = 3
timeout_ms = 800
"""


@pytest.fixture
def parts(hub_signer: SoftwareSigner) -> tuple[str, str]:
    """The settings before the table of the bus, and after it."""
    good = GOOD.replace("KEY", hub_signer.public_key.hex())
    before, rest = good.split("[meter.bus]\n")
    return f"{before}[meter.bus]\n", rest[rest.index("[meter.limits]") :]


def load(tmp_path: Path, parts: tuple[str, str], *buses: str) -> list[TcpLine | SerialLine]:
    """The lines of as many meters as there are buses."""
    before, after = parts
    text = before + buses[0] + after
    for number, bus in enumerate(buses[1:], 1):
        other = before[before.index("[[meter]]") :].replace("000102", f"{number:02x}0102")
        other = other.replace("meter.key", f"{number}.key")
        text += other + bus + after.replace("spool.db", f"{number}.db")
    (tmp_path / "edge.toml").write_text(text)
    return [meter.bus.line for meter in load_config(tmp_path / "edge.toml").meters]


def test_a_serial_line(tmp_path: Path, parts: tuple[str, str]) -> None:
    (line,) = load(tmp_path, parts, RTU)
    assert line == SerialLine(tmp_path / "by-id/adapter", 9600, "even", 1)
    assert line.character_s == 11 / 9600


def test_serial_frames_over_tcp(tmp_path: Path, parts: tuple[str, str]) -> None:
    (line,) = load(tmp_path, parts, 'kind = "rtu-over-tcp"\nhost = "192.0.2.7"\nport = 4001\n')
    assert line == TcpLine("192.0.2.7", 4001, rtu=True)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"rtu"', '"serial"', "bus.kind: write one of tcp, rtu, rtu-over-tcp"),
        ("device =", "port =", "bus.device: missing"),
        ("baud = 9600", "baud = 9601", "bus.baud: write one of 1200, 2400"),
        ("baud = 9600\n", "", "bus.baud: missing"),
        ('"even"', '"mark"', "bus.parity: write one of none, even, odd"),
        ("unit = 3", "unit = 0", "bus.unit: write a whole number from 1 to 247"),
        ("unit = 3", "stop_bits = 3", "bus.stop_bits: write a whole number from 1 to 2"),
        ("unit = 3", 'host = "192.0.2.7"', "bus.host: unknown key"),
        ("timeout_ms = 800", "timeout_ms = 1", "bus.timeout_ms: write a whole number from 50"),
    ],
)
def test_mistakes_are_named(
    tmp_path: Path, parts: tuple[str, str], old: str, new: str, message: str
) -> None:
    assert old in RTU
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, parts, RTU.replace(old, new))


def test_meters_on_one_bus_agree(tmp_path: Path, parts: tuple[str, str]) -> None:
    lines = load(tmp_path, parts, RTU, RTU.replace("unit = 3", "unit = 4").replace("800", "900"))
    assert lines[0] == lines[1]
    load(tmp_path, parts, RTU, RTU.replace("adapter", "other").replace("9600", "1200"))


@pytest.mark.parametrize(
    ("old", "new"),
    [("9600", "19200"), ('"even"', '"odd"'), ("unit = 3", "stop_bits = 2")],
)
def test_meters_on_one_bus_that_do_not_agree(
    tmp_path: Path, parts: tuple[str, str], old: str, new: str
) -> None:
    with pytest.raises(ConfigError, match=r"adapter is described in two ways; write the same"):
        load(tmp_path, parts, RTU, RTU.replace(old, new))


def test_two_names_of_one_adapter(tmp_path: Path, parts: tuple[str, str]) -> None:
    (tmp_path / "by-id").mkdir()
    (tmp_path / "ttyUSB0").touch()
    (tmp_path / "by-id" / "adapter").symlink_to("../ttyUSB0")
    with pytest.raises(ConfigError, match="ttyUSB0 is described in two ways"):
        load(tmp_path, parts, RTU, RTU.replace("by-id/adapter", "ttyUSB0"))


def test_one_gateway_speaks_one_protocol(tmp_path: Path, parts: tuple[str, str]) -> None:
    tcp = 'host = "192.0.2.7"\n'
    with pytest.raises(ConfigError, match=r"192\.0\.2\.7:502 is described in two ways"):
        load(tmp_path, parts, tcp, f'kind = "rtu-over-tcp"\n{tcp}')
