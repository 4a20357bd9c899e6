"""Nodes to talk to: a local chain with one of our programs and, where there is one, a validator."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from solders.keypair import Keypair
from tests.hub.local_chain import harness

from gridtokenx_hub.chain import ChainClient, FeePayerPool, TransactionSender
from gridtokenx_programs import load

from . import validator

PROGRAM = load("registry")
NODES = ["local chain", *(["validator"] if validator.find() else [])]


@pytest.fixture(scope="session")
def local_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a local chain with the registry program."""
    folder = tmp_path_factory.mktemp("chain")
    elf = folder / "registry.so"
    elf.write_bytes(PROGRAM.elf())
    process = harness.ChainProcess(folder / "ledger", [(PROGRAM.id, elf)])
    asyncio.run(process.start())
    try:
        yield process.url
    finally:
        assert process.stop() == 0


@pytest.fixture(scope="module")
def validator_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a real validator; it keeps a core busy, so no other test runs beside it."""
    binary = validator.find()
    assert binary is not None
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        folder: Path = tmp_path_factory.mktemp("validator")
        yield runner.run(stack.enter_async_context(validator.running(binary, folder)))
        runner.run(stack.aclose())


@pytest.fixture(params=NODES)
def any_url(request: pytest.FixtureRequest) -> str:
    """URL of each kind of node in turn."""
    fixture = "local_url" if request.param == "local chain" else "validator_url"
    url: str = request.getfixturevalue(fixture)
    return url


@pytest.fixture
async def client(local_url: str) -> AsyncIterator[ChainClient]:
    """A client of the local chain."""
    client = ChainClient(local_url)
    yield client
    await client.close()


@pytest.fixture
async def any_client(any_url: str) -> AsyncIterator[ChainClient]:
    """A client of each kind of node in turn."""
    client = ChainClient(any_url)
    yield client
    await client.close()


async def make_sender(client: ChainClient, payers: int = 2) -> TransactionSender:
    """A sender with payers that have lamports, and the registry's names for errors."""
    keypairs = [Keypair() for _ in range(payers)]
    for keypair in keypairs:
        await client.airdrop(keypair.pubkey(), 100 * harness.SOL)
    return TransactionSender(client, FeePayerPool(keypairs), {"registry": PROGRAM})
