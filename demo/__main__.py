"""`./run demo`: from a meter to a trade on this machine."""

import argparse
import asyncio
import json
import signal
import sys
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from demo.hub_client import CallRefused
from demo.performance import Performance, reset
from demo.plan import Plan
from demo.processes import ProcessFailed
from workbench.console import SetupError

DEFAULT_FOLDER = Path(".gtx/demo")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="./run demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end after checking the result")
    parser.add_argument("--json", action="store_true", help="print the result as the last line")
    parser.add_argument("--reset", action="store_true", help="start over from nothing")
    day = parser.add_mutually_exclusive_group()
    day.add_argument("--scenario", default="seed", help="the day to play: seed or bangkok")
    day.add_argument("--csv", type=Path, help="a day of your own for house A")
    parser.add_argument("--day-seconds", type=int, default=24, help="how long the day takes")
    parser.add_argument("--sell-kwh", type=Decimal, default=Decimal(10))
    parser.add_argument("--price-grx", type=Decimal, default=Decimal(3), help="for a kWh")
    parser.add_argument(
        "--grant-grx", type=Decimal, default=Decimal(100), help="what B starts with"
    )
    parser.add_argument("--folder", type=Path, default=DEFAULT_FOLDER, help="data folder")
    parser.add_argument(
        "--api-port", type=int, default=8080, help="of the pages, if it is free; 0 for any"
    )
    return parser.parse_args(arguments)


async def perform(options: argparse.Namespace) -> int:
    """Play the demo; return the exit code."""
    started = time.monotonic()
    plan = Plan(
        folder=options.folder.resolve(),
        scenario=options.scenario,
        csv=options.csv and options.csv.resolve(),
        day_seconds=options.day_seconds,
        sell_kwh=options.sell_kwh,
        price_grx=options.price_grx,
        grant_grx=options.grant_grx,
        api_port=options.api_port,
    )
    if options.reset:
        reset(plan)
    # Where a program reads standard output, it is kept for the result.
    speech = sys.stderr if options.json else sys.stdout

    def tell(line: str) -> None:
        speech.write(line + "\n")
        speech.flush()

    performance = Performance(plan, tell)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        playing = asyncio.ensure_future(_play(performance))
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait({playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not playing.done():
            playing.cancel()
            return 130
        found, wrong = playing.result()
        for line in wrong:
            tell(f"DIFFERS: {line}")
        tell(f"{'done' if not wrong else 'FAILED'} in {time.monotonic() - started:.0f} s")
        if options.json:
            sys.stdout.write(json.dumps(found) + "\n")
            sys.stdout.flush()
        if not options.once and not wrong:
            tell(f"the order book is at {performance.services.api_url}/ (Ctrl-C ends the demo)")
            await stopping
        stopping.cancel()
        return 1 if wrong else 0
    finally:
        await performance.stop()


async def _play(performance: Performance) -> tuple[dict[str, Any], list[str]]:
    await performance.start()
    await performance.install()
    await performance.play_day()
    surplus_mwh = await performance.await_settlement()
    await performance.trade()
    found, wrong = await performance.check(surplus_mwh)
    await performance.trade_for_baht()
    baht, wrong_baht = await performance.check_baht()
    return found | {"baht": baht}, wrong + wrong_baht


def main() -> int:
    """Run the demo and turn its failures into one line each."""
    options = parse(sys.argv[1:])
    try:
        return asyncio.run(perform(options))
    except (ProcessFailed, CallRefused, SetupError, TimeoutError) as error:
        sys.stderr.write(f"the demo stopped: {error or 'a step took too long'}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
