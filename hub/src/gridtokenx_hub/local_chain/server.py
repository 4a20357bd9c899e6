"""The process: opens the ledger, builds the bank from it and answers over HTTP and websocket."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn

from gridtokenx_hub.local_chain.bank import Bank
from gridtokenx_hub.local_chain.chain import LocalChain
from gridtokenx_hub.local_chain.execution import TransactionGate
from gridtokenx_hub.local_chain.genesis import Genesis
from gridtokenx_hub.local_chain.http import HttpApp
from gridtokenx_hub.local_chain.ledger import Ledger
from gridtokenx_hub.local_chain.ports import listen
from gridtokenx_hub.local_chain.producer import SlotProducer
from gridtokenx_hub.local_chain.slots import SYSTEM_TIME, SlotWindow, TimeSource
from gridtokenx_hub.local_chain.websocket import Subscriptions, WebsocketServer

_log = logging.getLogger(__name__)
_KEEP_ALIVE_SECONDS = 75  # longer than clients keep idle connections: they close first
_SHUTDOWN_SECONDS = 5


async def serve(
    folder: Path,
    port: int,
    genesis: Genesis,
    ready: Callable[[int], None] | None = None,
    stop: asyncio.Event | None = None,
    time_source: TimeSource = SYSTEM_TIME,
) -> None:
    """Run the local chain whose ledger is in `folder`, on 127.0.0.1, until `stop` is set.

    The websocket has the port after `port`, where Solana's clients look for it.

    The ledger is created with `genesis` when there is none. `ready` is told the port, which the
    system chooses if `port` is 0, once connections are accepted.

    Raises:
        GenesisMismatchError: the ledger was created with other programs.
        LedgerUnusableError: the ledger is damaged, or in use by another process.
        LedgerCommitError: a slot could not be made durable.
        LocalChainError: one of the two ports is in use.
    """
    ledger = Ledger(folder, genesis, time_source.unix_s())
    with contextlib.closing(ledger), contextlib.ExitStack() as listening:
        listener, websocket_listener = map(listening.enter_context, listen(port))
        window = SlotWindow(ledger.recent_slots(), time_source)
        bank = Bank(genesis, ledger.creation, ledger.accounts())
        subscriptions = Subscriptions(bank)
        producer = SlotProducer(bank, ledger, window, subscriptions.publish)
        chain = LocalChain(bank, ledger, window, producer, TransactionGate(bank, ledger, window))
        server = _Server(
            uvicorn.Config(
                HttpApp(chain),
                http="httptools",
                proxy_headers=False,
                server_header=False,
                lifespan="off",
                access_log=False,
                log_config=None,
                log_level="warning",
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
            )
        )
        address = listener.getsockname()
        _log.info("local chain in %s at slot %d on port %d", folder, window.tip.number, address[1])
        if ready is not None:
            ready(address[1])  # the socket listens: connections wait for the server
        async with WebsocketServer(chain, subscriptions).listening(websocket_listener):
            await _run(server, listener, producer, stop or asyncio.Event())


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _run(
    server: uvicorn.Server, listener: socket.socket, producer: SlotProducer, stop: asyncio.Event
) -> None:
    """Serve until `stop` is set or one of the parts ends, then let requests under way finish."""
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    making = asyncio.create_task(producer.run())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({serving, making, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        server.should_exit = True
        await asyncio.wait({serving})
        making.cancel()
        await asyncio.wait({making})
    if not making.cancelled():
        making.result()
    serving.result()
