"""The EVM chain of the demo: anvil, which keeps its state in a file."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
from eth_abi.abi import decode, encode

from demo.hub_client import CallRefused, JsonRpc
from demo.processes import Supervisor
from gridtokenx_programs.evm.words import selector
from workbench import contracts

CHAIN_ID = 31_337
BLOCK_TIME_S = 1
POLL_S = 0.1
START_TIMEOUT_S = 30
RECEIPT_TIMEOUT_S = 30


class EvmNode(JsonRpc):
    """An EVM node that signs for accounts of its own, as anvil does."""

    async def accounts(self) -> list[str]:
        """The accounts that it signs for."""
        found: list[str] = await self.call("eth_accounts")
        return found

    async def send(self, sender: str, to: str, function: str, *arguments: Any) -> dict[str, Any]:
        """Call a function in a transaction, and return its receipt.

        Raises:
            CallRefused: the contract refused it.
        """
        data = _call_data(function, arguments)
        return await self.transact({"from": sender, "to": to, "data": data})

    async def transact(self, transaction: dict[str, str]) -> dict[str, Any]:
        """Send a transaction, and return its receipt once it is in a block.

        Raises:
            CallRefused: it failed.
        """
        sent = await self.call("eth_sendTransaction", transaction)
        async with asyncio.timeout(RECEIPT_TIMEOUT_S):
            while (receipt := await self.call("eth_getTransactionReceipt", sent)) is None:  # noqa: ASYNC110 - the node tells nobody
                await asyncio.sleep(POLL_S)
        if receipt["status"] != "0x1":
            raise CallRefused(f"EVM transaction {sent} failed")
        found: dict[str, Any] = receipt
        return found

    async def view(self, to: str, function: str, answer: str, *arguments: Any) -> Any:
        """What a function answers, as the type `answer`."""
        call = {"to": to, "data": _call_data(function, arguments)}
        data = await self.call("eth_call", call, "latest")
        return decode([answer], bytes.fromhex(data[2:]))[0]

    async def pass_time(self, seconds: int) -> None:
        """Put the chain's clock forward."""
        await self.call("evm_increaseTime", hex(seconds))
        await self.call("evm_mine")


async def start_anvil(supervisor: Supervisor, folder: Path, port: int) -> EvmNode:
    """Start anvil where the last block but two is final; it goes on where an earlier run ended.

    Raises:
        SetupError: there is no anvil for this machine.
        TimeoutError: it does not answer.
    """
    await asyncio.to_thread(contracts.prepare)
    await supervisor.start(
        "anvil",
        str(contracts.tool("anvil")),
        *("--port", str(port), "--state", str(folder / "anvil.json"), "--state-interval", "1"),
        *("--block-time", str(BLOCK_TIME_S), "--slots-in-an-epoch", "1", "--silent"),
        announces=False,
    )
    node = EvmNode(f"http://127.0.0.1:{port}")
    async with asyncio.timeout(START_TIMEOUT_S):
        while True:
            supervisor.check()
            try:
                await node.call("eth_chainId")
            except httpx.TransportError:
                await asyncio.sleep(POLL_S)
            else:
                return node


def _call_data(function: str, arguments: Sequence[Any]) -> str:
    kinds = function[function.index("(") + 1 : -1]
    types = kinds.split(",") if kinds else []
    return "0x" + (selector(function) + encode(types, list(arguments))).hex()
