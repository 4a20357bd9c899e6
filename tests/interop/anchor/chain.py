"""A chain with our programs on it: the product's, at a time that the test sets, or a validator."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from solders.pubkey import Pubkey
from tests.hub.chain import validator
from tests.hub.local_chain.harness import FakeTime, served
from tests.interop.programs import ELVES, PROGRAMS

from gridtokenx_hub.chain import ChainClient
from gridtokenx_hub.local_chain import Genesis
from gridtokenx_programs import Event

T = TypeVar("T")
GENESIS = Genesis(tuple((address, file.read_bytes()) for address, file in ELVES))
FAST_SLOT_TICKS = 16
AIRDROP = 10 * 10**9


@dataclass(frozen=True)
class Chain:
    """A running chain, and what our own client sees on it; `time` is None if it cannot be set."""

    rpc_url: str
    time: FakeTime | None = None

    @property
    def now_s(self) -> int:
        """Its clock, in Unix seconds; about that of this machine if it is a validator's."""
        return self.time.unix_s if self.time else int(time.time())

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
        own = PROGRAMS[program]
        inner = [item.data for item in found.inner_instructions if item.program_id == own.id]
        return [event for data in inner if (event := own.decode_event(data))]

    def account(self, program: str, kind: str, address: Pubkey) -> dict[str, Any]:
        """An account as our client reads it."""
        found = self._ask(lambda client: client.account(address))
        assert found is not None
        return PROGRAMS[program].decode_account(kind, found.data)

    def failures(self, payer: Pubkey) -> list[str]:
        """Signatures of the failed transactions on the chain that somebody paid for."""
        found = self._ask(lambda client: client.signatures_for_address(payer))
        return [item.signature for item in found if item.error is not None]

    def _ask(self, question: Callable[[ChainClient], Awaitable[T]]) -> T:
        async def ask() -> T:
            client = ChainClient(self.rpc_url)
            try:
                return await question(client)
            finally:
                await client.close()

        return asyncio.run(ask())


@contextmanager
def local_chain(folder: Path) -> Iterator[Chain]:
    """The local chain in a thread of its own; nothing is initialised on it."""
    fake = FakeTime()
    started: Future[tuple[str, Callable[[], object]]] = Future()

    async def serve() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with served(folder, fake, GENESIS) as url:
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
        yield Chain(url, fake)
    finally:
        stop()
        thread.join()


@contextmanager
def fast_validator(folder: Path) -> Iterator[Chain]:
    """A validator with slots of 100 ms."""
    binary = validator.find()
    assert binary is not None
    with asyncio.Runner() as runner:
        started = validator.running(binary, folder, ELVES, FAST_SLOT_TICKS)
        url = runner.run(started.__aenter__())
        try:
            yield Chain(url)
        finally:
            runner.run(started.__aexit__(None, None, None))
