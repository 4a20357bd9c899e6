"""A real EVM node with the real contracts: anvil from the lock file of the contracts."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from eth_abi.abi import decode, encode
from eth_keys.datatypes import PrivateKey
from solders.pubkey import Pubkey
from tests.hub.local_chain.harness import free_port
from worlds.json_rpc import Node

from gridtokenx_programs.evm.words import selector
from workbench import contracts

CHAIN_ID = 31_337
THBC = 1_000_000
QUOTE = "(address,bytes32,bytes32,bytes32,uint256,uint64)"


class Anvil:
    """An anvil of its own, where the last block but two is final.

    Args:
        state: a file in which it keeps its chain, so that it can be begun anew.
    """

    def __init__(self, state: Path | None = None) -> None:
        contracts.prepare()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.node = Node(self.url)
        self._command = [str(contracts.tool("anvil")), "--port", str(port)]
        self._command += ["--slots-in-an-epoch", "1"]
        if state is not None:
            self._command += ["--state", str(state), "--preserve-historical-states"]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, ahead_s: int = 0) -> None:
        """Begin, or go on where it ended; its clock is so much ahead of this machine's."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        self.node.wait_for("anvil", lambda: _answers(self.node))
        if ahead_s:
            self.node.call("evm_increaseTime", hex(ahead_s))

    def stop(self) -> None:
        """End; what it keeps is in its file."""
        self.node.close()
        if self._process is not None:
            self._process.terminate()
            self._process.wait()


@contextmanager
def running_anvil() -> Iterator[tuple[str, Node]]:
    """An anvil for as long as the context lasts; its URL, and calls to it."""
    anvil = Anvil()
    try:
        anvil.start()
        yield anvil.url, anvil.node
    finally:
        anvil.stop()


def _answers(node: Node) -> bool | None:
    try:
        return bool(node.call("eth_chainId"))
    except OSError:
        node.close()
        return None


@dataclass(frozen=True)
class Quote:
    """What the hub offers a buyer."""

    payer: str
    reservation: Pubkey
    wallet: Pubkey
    amount: int
    deadline: int


class Contracts:
    """THBC and a bridge with these guardians; the node's own accounts own them and pay."""

    def __init__(self, node: Node, genesis_hash: bytes, guardians: Sequence[str]) -> None:
        self.node, self.genesis_hash = node, genesis_hash
        self.owner, self.treasury, self.buyer = node.call("eth_accounts")[:3]
        self.hub = PrivateKey(os.urandom(32))
        self.thbc = self._deploy("THBC", ["address"], [self.owner])
        arguments = {
            "address thbc": self.thbc,
            "bytes32 solanaChain": genesis_hash,
            "address owner": self.owner,
            "address quoteSigner": self.hub.public_key.to_checksum_address(),
            "address treasury": self.treasury,
            "uint256 lockedCap": 10**15,
            "address[] guardians": sorted(guardians, key=str.lower),
            "uint256 threshold": 2,
        }
        kinds = [name.split()[0] for name in arguments]
        self.bridge = self._deploy("ThaiBahtBridge", kinds, list(arguments.values()))
        role = self._view(self.thbc, "MINTER_ROLE()", [], [], ["bytes32"])
        self._send(self.thbc, "grantRole(bytes32,address)", ["bytes32", "address"],
                   [role, self.owner])  # fmt: skip
        self._send(self.thbc, "mint(address,uint256)", ["address", "uint256"],
                   [self.buyer, 10**6 * THBC])  # fmt: skip
        self._send(self.thbc, "approve(address,uint256)", ["address", "uint256"],
                   [self.bridge, 2**256 - 1], self.buyer)  # fmt: skip

    def pay(self, quote: Quote) -> None:
        """The buyer locks THBC with the hub's quote."""
        fields = (
            quote.payer,
            bytes(quote.reservation),
            bytes(quote.wallet),
            self.genesis_hash,
            quote.amount,
            quote.deadline,
        )
        digest = self._view(self.bridge, f"quoteDigest({QUOTE})", [QUOTE], [fields], ["bytes32"])
        signature = self.hub.sign_msg_hash(digest).to_bytes()
        signed = signature[:-1] + bytes([signature[-1] + 27])
        kinds = [QUOTE, "bytes"]
        self._send(self.bridge, f"pay({QUOTE},bytes)", kinds, [fields, signed], quote.payer)

    def release(self, reservation: Pubkey, signatures: Sequence[bytes]) -> None:
        """Anyone hands in guardians' signatures, in the order of their addresses."""
        kinds = ["bytes32", "bytes[]"]
        values = [bytes(reservation), list(signatures)]
        self._send(self.bridge, "release(bytes32,bytes[])", kinds, values, self.buyer)

    def refund(self, reservation: Pubkey) -> None:
        """Anyone asks for a payment to go back to who paid it."""
        self._send(self.bridge, "refund(bytes32)", ["bytes32"], [bytes(reservation)])

    def appoint(self, guardians: Sequence[str]) -> None:
        """The owner appoints another set."""
        values = [sorted(guardians, key=str.lower), 2]
        kinds = ["address[]", "uint256"]
        self._send(self.bridge, "setGuardians(address[],uint256)", kinds, values)

    def state(self, reservation: Pubkey) -> int:
        """0 to 3: none, locked, released, refunded."""
        kinds = ["(address,uint64,uint8,uint256)"]
        arguments = (["bytes32"], [bytes(reservation)])
        found: tuple[Any, ...] = self._view(self.bridge, "payments(bytes32)", *arguments, kinds)
        return int(found[2])

    def balance(self, account: str) -> int:
        """Millionths of THBC."""
        asked = ("balanceOf(address)", ["address"], [account], ["uint256"])
        return int(self._view(self.thbc, *asked))

    def mine(self, blocks: int = 3) -> None:
        """What happened becomes final."""
        self.node.call("anvil_mine", hex(blocks))

    def _deploy(self, name: str, kinds: Sequence[str], values: Sequence[Any]) -> str:
        artifact = files("gridtokenx_programs") / "evm" / f"{name}.json"
        bytecode = json.loads(artifact.read_text())["bytecode"]
        made = self._sent({"from": self.owner, "data": bytecode + encode(kinds, values).hex()})
        return str(made["contractAddress"])

    def _send(
        self,
        to: str,
        function: str,
        kinds: Sequence[str],
        values: Sequence[Any],
        sender: str | None = None,
    ) -> None:
        data = "0x" + (selector(function) + encode(kinds, values)).hex()
        self._sent({"from": sender or self.owner, "to": to, "data": data})

    def _sent(self, transaction: dict[str, str]) -> dict[str, Any]:
        sent = self.node.call("eth_sendTransaction", transaction)
        receipt: dict[str, Any] = self.node.wait_for(
            f"transaction {sent}", lambda: self.node.call("eth_getTransactionReceipt", sent)
        )
        assert receipt["status"] == "0x1", receipt
        return receipt

    def _view(
        self,
        to: str,
        function: str,
        kinds: Sequence[str],
        values: Sequence[Any],
        answers: Sequence[str],
    ) -> Any:
        data = "0x" + (selector(function) + encode(kinds, values)).hex()
        answer = self.node.call("eth_call", {"to": to, "data": data}, "latest")
        return decode(answers, bytes.fromhex(answer[2:]))[0]
