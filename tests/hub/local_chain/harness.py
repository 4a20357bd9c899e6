"""A local chain as a process that can be killed, or in the test's own loop with its own time."""

import asyncio
import base64
import contextlib
import datetime as dt
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from demo import processes
from gridtokenx_hub.chain.rpc import RpcConnection
from gridtokenx_hub.clocks import utc_now
from gridtokenx_hub.local_chain import Genesis, LocalChainError, TimeSource, serve
from gridtokenx_hub.local_chain.ports import listen
from gridtokenx_hub.local_chain.slots import SYSTEM_TIME

SOL = 1_000_000_000
FEE = 5_000
CONFIRMED: dict[str, Any] = {"commitment": "confirmed"}


class DidNotStart(AssertionError):
    """The chain ended with `code` before it was ready."""

    def __init__(self, code: int, said: str) -> None:
        super().__init__(said)
        self.code = code


class ChainProcess:
    """`python -m gridtokenx_hub.local_chain` on a folder, at a port that the system may choose."""

    def __init__(
        self, folder: Path, programs: Sequence[tuple[Pubkey, Path]] = (), port: int = 0
    ) -> None:
        self._arguments = [str(folder), str(port)]
        for address, file in programs:
            self._arguments += ["--program", str(address), str(file)]
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self, preparation: Sequence[str] = ()) -> None:
        """Start it, behind the command `preparation` if there is one, and wait for its port."""
        command = [*preparation, sys.executable, "-m", "gridtokenx_hub.local_chain"]
        self._process = subprocess.Popen(  # noqa: ASYNC220 - returns at once; the port is awaited
            [*command, *self._arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        port = await asyncio.to_thread(self._process.stdout.readline)
        if not port:
            raise DidNotStart(*self.ended())
        self.url = f"http://127.0.0.1:{int(port)}"

    def kill(self) -> None:
        """SIGKILL, wherever it is."""
        if self._process is not None:
            self._process.kill()
            self.ended()

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self.ended()[0]

    def ended(self) -> tuple[int, str]:
        """Wait for its end and return the exit code and what it said on standard error."""
        assert self._process is not None
        _, said = self._process.communicate(timeout=30)
        code = self._process.returncode
        self._process = None
        return code, said


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[RpcConnection]:
    """Plain JSON-RPC calls; errors come as `RequestRefused`."""
    rpc = RpcConnection(url)
    try:
        yield rpc
    finally:
        await rpc.close()


def free_port() -> int:
    """A port that nobody listens on just now; the next one is free as well, for a websocket."""
    while True:
        port = processes.free_port()
        with contextlib.suppress(LocalChainError):
            http, websocket = listen(port)
            with http, websocket:
                return port


class FakeTime:
    """Time that a test moves."""

    def __init__(self, unix_s: int = 1_700_000_000) -> None:
        self.unix_s = unix_s
        self.monotonic_ms = 0

    def source(self) -> TimeSource:
        return TimeSource(unix_s=lambda: self.unix_s, monotonic_ms=lambda: self.monotonic_ms)

    def pass_s(self, seconds: int) -> None:
        self.unix_s += seconds
        self.monotonic_ms += seconds * 1000


class AheadTime:
    """Time that goes on by itself, so much ahead of this machine's as a test says."""

    ahead_s = 0

    def source(self) -> TimeSource:
        return TimeSource(
            unix_s=lambda: SYSTEM_TIME.unix_s() + self.ahead_s,
            monotonic_ms=lambda: int(self.monotonic_s() * 1000),
        )

    def now(self) -> dt.datetime:
        """The present instant, for whoever shares this time."""
        return utc_now() + dt.timedelta(seconds=self.ahead_s)

    def monotonic_s(self) -> float:
        """The clock that only runs forward, likewise."""
        return SYSTEM_TIME.monotonic_ms() / 1000 + self.ahead_s

    def pass_s(self, seconds: int) -> None:
        self.ahead_s += seconds


@asynccontextmanager
async def served(folder: Path, time: FakeTime | AheadTime, genesis: Genesis) -> AsyncIterator[str]:
    """A local chain in this loop, with a time of its own; yields its URL."""
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    serving = asyncio.create_task(
        serve(folder, 0, genesis, port.set_result, stop, time_source=time.source())
    )
    either: set[asyncio.Future[Any]] = {serving, port}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        serving.result()
    try:
        yield f"http://127.0.0.1:{port.result()}"
    finally:
        stop.set()
        await serving


async def post(url: str, body: bytes, content_type: str = "application/json") -> tuple[int, bytes]:
    """Send a body as it is; return the HTTP status and the answer's body."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=body, headers={"Content-Type": content_type}) as response,
    ):
        return response.status, await response.read()


async def blockhash(rpc: RpcConnection) -> Hash:
    answer: Any = await rpc.call("getLatestBlockhash", dict(CONFIRMED))
    return Hash.from_string(answer["value"]["blockhash"])


def signed(
    instructions: Sequence[Instruction], payer: Keypair, recent: Hash, *others: Keypair
) -> VersionedTransaction:
    """A legacy transaction."""
    message = Message.new_with_blockhash(list(instructions), payer.pubkey(), recent)
    return VersionedTransaction(message, [payer, *others])


def transfer_of(lamports: int, payer: Keypair, to: Pubkey, recent: Hash) -> VersionedTransaction:
    """A transfer of lamports."""
    parameters = TransferParams(from_pubkey=payer.pubkey(), to_pubkey=to, lamports=lamports)
    return signed([transfer(parameters)], payer, recent)


async def send(
    rpc: RpcConnection, transaction: VersionedTransaction, *, preflight: bool = True
) -> str:
    """sendTransaction; the signature."""
    encoded = base64.b64encode(bytes(transaction)).decode()
    config: Any = {
        "encoding": "base64",
        "skipPreflight": not preflight,
        "preflightCommitment": "confirmed",
    }
    return str(await rpc.call("sendTransaction", encoded, config))


async def balance(rpc: RpcConnection, address: Pubkey) -> int:
    answer: Any = await rpc.call("getBalance", str(address), dict(CONFIRMED))
    return int(answer["value"])


async def funded(rpc: RpcConnection, lamports: int = 100 * SOL) -> Keypair:
    """A new keypair with lamports."""
    keypair = Keypair()
    await rpc.call("requestAirdrop", str(keypair.pubkey()), lamports)
    while not await balance(rpc, keypair.pubkey()):  # noqa: ASYNC110 - a validator takes its time
        await asyncio.sleep(0.1)
    return keypair


async def status_of(rpc: RpcConnection, signature: str) -> Any:
    config: Any = {"searchTransactionHistory": True}
    answer: Any = await rpc.call("getSignatureStatuses", [signature], config)
    return answer["value"][0]
