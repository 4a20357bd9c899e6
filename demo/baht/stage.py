"""What the second act plays on: an EVM chain with the bridge, and the guardians."""

import json
from typing import Any

import base58

from demo.baht import contracts, guardians
from demo.baht.contracts import Contracts
from demo.baht.evm_node import CHAIN_ID, EvmNode, start_anvil
from demo.baht.guardians import Endpoints, Guardian
from demo.hub_client import Chain
from demo.installation import Services, add_hub_settings, hub_command
from demo.processes import Supervisor, call, free_port
from demo.state import State

TREASURY_GRX = 1_000


class Stage:
    """The EVM side of one run; what an earlier run set up is found again."""

    def __init__(self, supervisor: Supervisor, services: Services, state: State) -> None:
        self._supervisor = supervisor
        self._services = services
        self._state = state
        self.node: EvmNode
        self.contracts: Contracts
        self._guardians: list[Guardian] = []

    async def prepare(self, chain: Chain) -> None:
        """Start anvil, deploy the contracts, and write the guardians' and the hub's settings."""
        genesis_hash = await chain.call("getGenesisHash")
        port = free_port()
        self.node = await start_anvil(self._supervisor, self._services.folder, port)
        if "contracts" not in self._state:
            made = await contracts.deploy(self.node, base58.b58decode(genesis_hash))
            self._state["contracts"] = [made.owner, made.thbc, made.bridge]
        self.contracts = Contracts(*self._state["contracts"])
        evm_url = f"http://127.0.0.1:{port}"
        endpoints = Endpoints(
            self._services.rpc_url, genesis_hash, evm_url, CHAIN_ID, self.contracts.bridge
        )
        ports = [free_port() for _ in range(guardians.COUNT)]
        folder = self._services.folder
        self._guardians = await guardians.prepare(folder, endpoints, ports)
        addresses = ", ".join(f'"http://127.0.0.1:{port}"' for port in ports)
        add_hub_settings(
            self._services,
            f"""
[bridge]
rpc_url = "{evm_url}"
chain_id = {CHAIN_ID}
address = "{self.contracts.bridge}"
guardians = [{addresses}]
""",
        )

    async def open(self) -> None:
        """Appoint the guardians on both chains and fill the treasury, once; start the guardians."""
        if "baht_opened" not in self._state:
            keys = await self._hub("bridge", "--addresses")
            chosen = [guardian.solana for guardian in self._guardians]
            await self._hub("guardians", "--key", *chosen, "--threshold", str(guardians.THRESHOLD))
            await contracts.give_offices(
                self.node,
                self.contracts,
                [guardian.evm for guardian in self._guardians],
                guardians.THRESHOLD,
                keys["quote_signer"],
            )
            await contracts.give_fees(self.node, self.contracts, keys["relay"])
            await self._hub("treasury", "--mint", str(TREASURY_GRX))
            self._state["baht_opened"] = True
        await self.bring_guardians()

    async def bring_guardians(self) -> None:
        """Start the guardians."""
        await guardians.start(self._supervisor, self._guardians)

    async def send_guardians_away(self) -> None:
        """End the guardians: no payment is released while they are away."""
        await guardians.stop(self._supervisor, self._guardians)

    async def refund(self, reservation: str) -> None:
        """Ask the bridge to give a payment back; anybody may."""
        owner, bridge = self.contracts.owner, self.contracts.bridge
        await self.node.send(owner, bridge, "refund(bytes32)", base58.b58decode(reservation))

    async def close(self) -> None:
        """Close the connection to the node."""
        await self.node.close()

    async def _hub(self, *words: str) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(await call(*hub_command(self._services, *words)))
        return said
