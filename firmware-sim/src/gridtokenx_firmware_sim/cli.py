"""The command ``gtx-meter-sim``."""

import argparse
import asyncio
import json
import math
import signal
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from gridtokenx_firmware_sim.day import DAY_MS, Day, Flow
from gridtokenx_firmware_sim.errors import SimulatorError
from gridtokenx_firmware_sim.faults import load_faults
from gridtokenx_firmware_sim.meter import Meter
from gridtokenx_firmware_sim.models import Model
from gridtokenx_firmware_sim.models_load import load_model, load_profile_file
from gridtokenx_firmware_sim.noise import GREATEST_PERCENT, Noise
from gridtokenx_firmware_sim.scenario import (
    HOUSES,
    NOISE_PERCENT,
    SCENARIOS,
    load_csv,
    load_scenario,
)
from gridtokenx_firmware_sim.server import MeterServer
from gridtokenx_firmware_sim.state import StateFile
from gridtokenx_firmware_sim.transport.serial_line import PARITIES

_TICK_S = 0.2
_USUAL_MODEL = "schneider-iem3155"
_GREATEST_UNIT = 247


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate a meter until SIGTERM or SIGINT; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        asyncio.run(_serve(options))
    except SimulatorError as error:
        print(f"gtx-meter-sim: {error}", file=sys.stderr)  # noqa: T201 - a command's own voice
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gtx-meter-sim",
        description="A Modbus meter that plays one day, over TCP or a serial line.",
    )
    model = parser.add_mutually_exclusive_group()
    model.add_argument("--model", help=f"a profile of gridtokenx-edge; {_USUAL_MODEL} unless said")
    model.add_argument("--profile", type=Path, help="a profile file of your own, for gtx-edge")
    played = parser.add_mutually_exclusive_group()
    played.add_argument("--scenario", choices=SCENARIOS, help="seed unless said")
    played.add_argument("--csv", type=Path, help="your own day: time,produced_w,consumed_w")
    parser.add_argument("--house", choices=HOUSES, default="a")
    _add_transport(parser)
    parser.add_argument("--faults", type=Path, metavar="FILE", help="script of what goes wrong")
    parser.add_argument(
        "--noise",
        type=_noise_percent,
        metavar="PERCENT",
        help="standard deviation of power; what the scenario says unless said",
    )
    parser.add_argument("--noise-seed", type=int, help="the serial number unless said")
    parser.add_argument("--speed", type=_speed, default=1.0, help="simulated seconds per second")
    parser.add_argument(
        "--state", type=Path, required=True, help="file that keeps the registers over a restart"
    )
    begins = parser.add_mutually_exclusive_group()
    begins.add_argument("--start-at", type=int, metavar="UNIX_MS", help="the day begins then")
    begins.add_argument("--hold", action="store_true", help="the day begins at SIGUSR1")
    parser.add_argument("--lifetime-wh-export", type=int, default=4_096_000, metavar="WH")
    parser.add_argument("--lifetime-wh-import", type=int, default=8_192_000, metavar="WH")
    return parser


def _add_transport(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=_integer(0, 65_535), default=0, help="0 takes a free one")
    line = parser.add_mutually_exclusive_group()
    line.add_argument("--serial", metavar="PATH", help="a serial port instead of TCP")
    line.add_argument("--pty", action="store_true", help="a pseudo-terminal at the pace of --baud")
    line.add_argument("--rtu-over-tcp", action="store_true", help="serial frames on the TCP port")
    parser.add_argument("--baud", type=_integer(300, 921_600), default=9_600)
    parser.add_argument("--parity", choices=sorted(PARITIES), default="none")
    parser.add_argument("--unit", type=_integer(1, 247), default=1, help="Modbus unit address")
    parser.add_argument(
        "--meters", type=_integer(1, 247), default=1, help="how many, at the units from --unit on"
    )


def _integer(least: int, greatest: int) -> Callable[[str], int]:
    def integer(text: str) -> int:
        value = int(text)
        if not least <= value <= greatest:
            raise argparse.ArgumentTypeError(f"is between {least} and {greatest}")
        return value

    return integer


def _speed(text: str) -> float:
    speed = float(text)
    if not math.isfinite(speed) or speed <= 0:
        raise argparse.ArgumentTypeError("speed is a number above 0")
    return speed


def _noise_percent(text: str) -> float:
    percent = float(text)
    if not 0 <= percent <= GREATEST_PERCENT:
        raise argparse.ArgumentTypeError(f"is between 0 and {GREATEST_PERCENT}")
    return percent


async def _serve(options: argparse.Namespace) -> None:
    name = options.profile.stem if options.profile else options.model or _USUAL_MODEL
    model = load_profile_file(options.profile) if options.profile else load_model(name)
    serial = zlib.crc32(f"{name} {options.house}".encode()) % 100_000_000
    meter = _meter(options, model, serial)
    server = _server(options, model, serial)
    stop, begin = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, stop.set)
    loop.add_signal_handler(signal.SIGUSR1, begin.set)
    start_at_ms = math.inf if options.hold else options.start_at or 0
    server.show(meter.tick())
    listening = await _listen(options, server)
    print(  # noqa: T201 - whoever started the command waits for this line
        json.dumps({"listening": listening, "model": name, "serial": serial}), flush=True
    )
    try:
        await play(
            meter,
            server,
            may_begin=lambda: begin.is_set() or time.time() * 1_000 >= start_at_ms,
            stop=stop,
        )
    finally:
        await server.stop()


def _server(options: argparse.Namespace, model: Model, serial: int) -> MeterServer:
    if options.unit + options.meters - 1 > _GREATEST_UNIT:
        raise SimulatorError(f"units go up to {_GREATEST_UNIT}: lower --unit or --meters")
    faults = load_faults(options.faults) if options.faults else ()
    return MeterServer(
        model, serial=serial, unit=options.unit, meters=options.meters, faults=faults
    )


async def _listen(options: argparse.Namespace, server: MeterServer) -> int | str:
    """Where it can be reached: a TCP port, or the path of a serial one."""
    if options.pty or options.serial:
        return server.start_serial(options.serial, options.baud, options.parity)
    return await server.start(options.host, options.port, rtu=options.rtu_over_tcp)


def _meter(options: argparse.Namespace, model: Model, serial: int) -> Meter:
    scenario = options.scenario or "seed"
    if options.csv:
        day: Day = load_csv(options.csv)
        noise_percent = 0.0
    else:
        day = load_scenario(scenario, options.house)
        noise_percent = NOISE_PERCENT[scenario]
    lifetime = Flow(
        model.counts_from_wh(options.lifetime_wh_export),
        model.counts_from_wh(options.lifetime_wh_import),
    )
    model.check_range(lifetime, day.counts(DAY_MS, model.counts_per_kwh))
    return Meter(
        day=day,
        counts_per_kwh=model.counts_per_kwh,
        lifetime=lifetime,
        speed=options.speed,
        monotonic_ms=lambda: time.monotonic_ns() // 1_000_000,
        memory=StateFile(options.state),
        noise=Noise(
            noise_percent if options.noise is None else options.noise,
            serial if options.noise_seed is None else options.noise_seed,
        ),
    )


async def play(
    meter: Meter, server: MeterServer, *, may_begin: Callable[[], bool], stop: asyncio.Event
) -> None:
    """Let time go by in the meter until ``stop``; the last tick is in memory when it returns."""
    while not stop.is_set():
        if may_begin():
            meter.begin()
        server.show(meter.tick())
        try:
            await asyncio.wait_for(stop.wait(), _TICK_S)
        except TimeoutError:
            continue
    meter.tick()
