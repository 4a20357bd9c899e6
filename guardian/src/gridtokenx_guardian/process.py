"""The process of a guardian, wired."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from gridtokenx_guardian import keys
from gridtokenx_guardian.config import Config
from gridtokenx_guardian.evm.bridge import Bridge
from gridtokenx_guardian.following.follower import Follower
from gridtokenx_guardian.following.journal import Journal
from gridtokenx_guardian.guardian import Guardian
from gridtokenx_guardian.health import EVM, SOLANA
from gridtokenx_guardian.rpc import Rpc
from gridtokenx_guardian.server import Server
from gridtokenx_guardian.signing.decisions import Decisions
from gridtokenx_guardian.signing.signer import Signer
from gridtokenx_guardian.signing.state import open_state
from gridtokenx_guardian.solana.market import TradingMarket
from gridtokenx_programs import load


def unix_s() -> int:
    """This machine's clock."""
    return int(time.time())


@dataclass(frozen=True, slots=True)
class Parts:
    """What a guardian's process is made of."""

    guardian: Guardian
    signer: Signer
    server: Server


@asynccontextmanager
async def assembled(config: Config, now_s: Callable[[], int] = unix_s) -> AsyncIterator[Parts]:
    """A guardian that is ready to look; everything is closed at the end.

    Raises:
        KeyFileError, StateError: its folder cannot be used.
    """
    own = keys.load(config.folder)
    connection = open_state(config.folder, own)
    evm, solana = Rpc(EVM, config.evm_url), Rpc(SOLANA, config.solana_url)
    try:
        signer = Signer(own, Decisions(connection), config.bridge)
        journal = Journal(connection)
        bridge = Bridge(evm, config.bridge, config.genesis_hash, config.confirmations)
        trading = load("trading", config.addresses.trading)
        guardian = Guardian(
            bridge=bridge,
            bridge_id=config.bridge,
            market=TradingMarket(solana, trading, config.addresses, config.genesis_hash),
            follower=Follower(bridge, journal, config.start_block),
            signer=signer,
            now_s=now_s,
            stale_after_s=config.stale_after_s,
        )
        yield Parts(guardian, signer, Server(signer, journal, guardian.health, now_s))
    finally:
        connection.close()
        await evm.close()
        await solana.close()


async def run(config: Config, ready: Callable[[int], None]) -> None:
    """Run until SIGTERM or SIGINT; `ready` is told the port of the HTTP server.

    Raises:
        KeyFileError, StateError: its folder cannot be used.
        ConfigError: the port is taken.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with assembled(config) as parts, parts.server.serving(config.port) as port:
        ready(port)
        await parts.guardian.run(stop, config.poll_s)
