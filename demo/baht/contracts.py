"""THBC and the bridge as an operator sets them up: deployed, then its offices given."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from eth_abi.abi import encode

from demo.baht.evm_node import EvmNode

LOCKED_CAP_MICRO_THBC = 10**12
ETHER_WEI = 10**18


@dataclass(frozen=True, slots=True)
class Contracts:
    """Where both contracts are, and the account that owns them."""

    owner: str
    thbc: str
    bridge: str


async def deploy(node: EvmNode, genesis_hash: bytes) -> Contracts:
    """Put both contracts on the chain; the owner holds every office until it is given away."""
    owner = (await node.accounts())[0]
    thbc = await _create(node, owner, "THBC", ["address"], [owner])
    bridge = await _create(
        node,
        owner,
        "ThaiBahtBridge",
        ["address", "bytes32", *["address"] * 3, "uint256", "address[]", "uint256"],
        [thbc, genesis_hash, owner, owner, owner, LOCKED_CAP_MICRO_THBC, [owner], 1],
    )
    # With its own role, no pause of the token holds back a refund.
    for name, account in (("MINTER_ROLE()", owner), ("BRIDGE_ROLE()", bridge)):
        role = await node.view(thbc, name, "bytes32")
        await node.send(owner, thbc, "grantRole(bytes32,address)", role, account)
    return Contracts(owner, thbc, bridge)


async def give_offices(
    node: EvmNode,
    contracts: Contracts,
    guardians: Sequence[str],
    threshold: int,
    quote_signer: str,
) -> None:
    """Appoint the guardians and the hub as signer of quotes."""
    owner, bridge = contracts.owner, contracts.bridge
    rising = sorted(guardians, key=str.lower)
    await node.send(owner, bridge, "setGuardians(address[],uint256)", rising, threshold)
    await node.send(owner, bridge, "setQuoteSigner(address)", quote_signer)


async def give_money(node: EvmNode, contracts: Contracts, account: str, micro_thbc: int) -> None:
    """Give an account THBC, and nothing else: the hub pays its fees."""
    await node.send(contracts.owner, contracts.thbc, "mint(address,uint256)", account, micro_thbc)


async def give_fees(node: EvmNode, contracts: Contracts, account: str) -> None:
    """Give an account what it needs to pay fees with."""
    gift = {"from": contracts.owner, "to": account, "value": hex(ETHER_WEI)}
    await node.transact(gift)


async def balance(node: EvmNode, contracts: Contracts, account: str) -> int:
    """An account's µTHBC."""
    found: int = await node.view(contracts.thbc, "balanceOf(address)", "uint256", account)
    return found


async def _create(
    node: EvmNode, owner: str, name: str, kinds: Sequence[str], values: Sequence[Any]
) -> str:
    artifact = files("gridtokenx_programs") / "evm" / f"{name}.json"
    bytecode = json.loads(artifact.read_text(encoding="utf-8"))["bytecode"]
    data = bytecode + encode(kinds, values).hex()
    receipt = await node.transact({"from": owner, "data": data})
    return str(receipt["contractAddress"])
