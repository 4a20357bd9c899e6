"""What ``check-config`` tries, part by part."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from gridtokenx_edge.cli.common import describe_key
from gridtokenx_edge.clock import SYSTEM_CLOCK, StatusProbe
from gridtokenx_edge.config import AgentConfig, MeterConfig, check_files
from gridtokenx_edge.errors import ConfigError, EdgeError, MeterUnreachable
from gridtokenx_edge.guards import IdentityGuard
from gridtokenx_edge.keystore import load_signer
from gridtokenx_edge.meters import decode
from gridtokenx_edge.modbus import BusPool, ModbusDevice
from gridtokenx_edge.uplink.connection import tls_context, try_broker
from gridtokenx_protocol.record import ClockStatus


@dataclass(frozen=True, slots=True)
class Check:
    """One part, and how it stands.

    Attributes:
        name: Of the part.
        result: What was found.
        problem: What is wrong and what to do; None when all is well.
    """

    name: str
    result: str
    problem: str | None = None


def check_files_of(config: AgentConfig, meter: MeterConfig) -> list[Check]:
    """The files that a meter's settings name, its key among them."""
    return [
        _tried("files", lambda: _files(replace(config, meters=(meter,)), meter)),
        _tried("key", lambda: _key(meter)),
    ]


async def check_parts_of(meter: MeterConfig, probe: StatusProbe) -> list[Check]:
    """Clock, port, meter and broker. Nothing is signed, written to a meter or published."""
    return [
        _tried("clock", lambda: _clock(probe)),
        *await _port_and_meter(meter),
        await _broker(meter),
    ]


def _tried(name: str, attempt: Callable[[], str]) -> Check:
    try:
        return Check(name, attempt())
    except EdgeError as error:
        return Check(name, "", str(error))


def _files(config: AgentConfig, meter: MeterConfig) -> str:
    check_files(config)
    folder = meter.spool.path.parent
    if not folder.is_dir():
        raise ConfigError(f"meter.spool.path: there is no folder {folder}; make it")
    if meter.broker.tls is not None:
        tls_context(meter.broker.tls)
    return "all there"


def _key(meter: MeterConfig) -> str:
    key = describe_key(load_signer(meter.key))
    return f"{key['algorithm']}, key id {key['key_id']}"


def _clock(probe: StatusProbe) -> str:
    status = probe()
    if status is not ClockStatus.SYNCHRONISED:
        raise ConfigError(
            f'{status.name.lower()}; start a time service, or set clock = "trusted" where the host'
            " keeps the time: without it nothing is settled"
        )
    return "synchronised"


async def _port_and_meter(meter: MeterConfig) -> list[Check]:
    buses = BusPool()
    device = ModbusDevice(buses.bus(meter.bus), meter.bus, meter.profile, SYSTEM_CLOCK)
    port = Check("port", f"{meter.bus.line.place} is open")
    try:
        registers = await device.read()
        await IdentityGuard(meter.serial, device, SYSTEM_CLOCK).check()
        reading = decode(meter.profile, registers)
    except MeterUnreachable as error:
        if error.reason == "no_connection":
            return [
                Check("port", "", f"{error}; a running agent has a serial port for itself"),
                Check("meter", "", "not tried: its port is not open"),
            ]
        return [port, Check("meter", "", str(error))]
    except EdgeError as error:
        return [port, Check("meter", "", str(error))]
    finally:
        buses.close()
    counters = f"produced {reading.produced_mwh} mWh, consumed {reading.consumed_mwh} mWh"
    return [port, Check("meter", f"{meter.profile.name}: {counters}")]


async def _broker(meter: MeterConfig) -> Check:
    place = f"{meter.broker.host}:{meter.broker.port}"
    try:
        await try_broker(meter)
    except EdgeError as error:
        return Check("broker", "", str(error))
    return Check("broker", f"{place} lets this meter in")
