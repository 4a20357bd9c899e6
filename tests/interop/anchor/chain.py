"""The product's local chain with our programs on it, at a time that the test sets."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from solders.pubkey import Pubkey
from tests.hub.local_chain.harness import FakeTime, served

from gridtokenx_hub.chain import ChainClient
from gridtokenx_hub.local_chain import Genesis
from gridtokenx_programs import Addresses, Event

from .described import PROGRAMS

T = TypeVar("T")
CLIENTS = {name: program.client for name, program in PROGRAMS.items()}
ADDRESSES = Addresses(*(program.id for program in CLIENTS.values()))
GENESIS = Genesis(tuple((program.id, program.elf()) for program in CLIENTS.values()))
AIRDROP = 10 * 10**9


@dataclass(frozen=True)
class Chain:
    """A running chain, and what our own client sees on it."""

    rpc_url: str
    time: FakeTime

    def fund(self, address: Pubkey) -> None:
        """SOL from the faucet."""
        self._ask(lambda client: client.airdrop(address, AIRDROP))

    def genesis_hash(self) -> bytes:
        """The chain's genesis hash."""
        return bytes(self._ask(lambda client: client.genesis_hash()))

    def events(self, program: str, signature: str) -> list[Event]:
        """The events of a transaction as our client reads them."""
        found = self._ask(lambda client: client.transaction(signature))
        assert found is not None
        own = CLIENTS[program]
        inner = [item.data for item in found.inner_instructions if item.program_id == own.id]
        return [event for data in inner if (event := own.decode_event(data))]

    def account(self, program: str, kind: str, address: Pubkey) -> dict[str, Any]:
        """An account as our client reads it."""
        found = self._ask(lambda client: client.account(address))
        assert found is not None
        return CLIENTS[program].decode_account(kind, found.data)

    def _ask(self, question: Callable[[ChainClient], Awaitable[T]]) -> T:
        async def ask() -> T:
            client = ChainClient(self.rpc_url)
            try:
                return await question(client)
            finally:
                await client.close()

        return asyncio.run(ask())


@contextmanager
def running_chain(folder: Path) -> Iterator[Chain]:
    """The local chain in a thread of its own; nothing is initialised on it."""
    time = FakeTime()
    started: Future[tuple[str, Callable[[], object]]] = Future()

    async def serve() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with served(folder, time, GENESIS) as url:
            started.set_result((url, lambda: loop.call_soon_threadsafe(stop.set)))
            await stop.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    thread = threading.Thread(target=run, name="local chain")
    thread.start()
    url, stop = started.result()
    try:
        yield Chain(url, time)
    finally:
        stop()
        thread.join()
