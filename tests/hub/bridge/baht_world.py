"""A hub whose market sells for baht: price, guardians and treasury on chain, anvil beside it."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from coincurve import PrivateKey
from hub_world import HubWorld, User
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from tests.guardian.chains.evm import CHAIN_ID, Contracts, running_anvil
from worlds.json_rpc import Node, NodeError

from gridtokenx_hub.base58 import decode
from gridtokenx_hub.bridge import Bridge, open_bridge
from gridtokenx_hub.clocks import utc_now
from gridtokenx_hub.settings import BridgeSettings
from gridtokenx_programs import create_associated_token
from gridtokenx_programs.evm import address_of_key
from gridtokenx_programs.evm.words import selector

RATE = 10_000_000
GRX = 1_000_000
UNITS = 60_000
MAXIMUM_GUARDIANS = 9
REFUSALS = {
    f"0x{selector(error).hex()}": error.partition("(")[0]
    for error in (
        "AlreadyPaid(bytes32)",
        "InvalidQuote()",
        "NotThePayer(address)",
        "QuoteExpired(uint64)",
        "TooEarly(uint256)",
        "WrongSolanaChain(bytes32)",
    )
}


@dataclass
class Baht:
    """Both chains of one hub, and short words for what an operator does there."""

    world: HubWorld
    contracts: Contracts
    bridge: Bridge
    guardians: list[Keypair]

    @property
    def node(self) -> Node:
        """The EVM chain's."""
        return self.contracts.node

    async def open(self) -> None:
        """Everything that a sale for baht needs."""
        await self.appoint_guardians()
        await self.post_price()
        await self.fund_treasury()

    async def appoint_guardians(self) -> None:
        authority = self.world.context.keys.authority
        chosen = [key.pubkey() for key in self.guardians]
        arguments = {
            "threshold": 2,
            "count": len(chosen),
            "guardians": [*chosen, *[Pubkey.default()] * (MAXIMUM_GUARDIANS - len(chosen))],
            "evm_chain_id": self.bridge.id.chain_id,
            "bridge": self.bridge.id.address,
        }
        await self._send("set_guardians", arguments, {"authority": authority.pubkey()}, authority)

    async def post_price(self, rate: int = RATE) -> None:
        oracle = self.world.context.keys.oracle
        accounts = {"oracle": oracle.pubkey()}
        await self._send("update_price", {"rate_micro_thb_per_grx": rate}, accounts, oracle)

    async def fund_treasury(self, grx: int = 10_000) -> None:
        context, addresses = self.world.context, self.world.context.addresses
        treasury, mint = context.keys.treasury, addresses.grx_mint()
        token = addresses.associated_token(treasury.pubkey(), mint)
        accounts = {
            "config": addresses.energy_config(),
            "treasury": treasury.pubkey(),
            "grx_mint": mint,
            "destination": token,
        }
        minting = context.programs["energy_token"].instruction(
            "mint_grx", {"amount": grx * GRX}, accounts
        )
        await context.sender.send(
            lambda payer: [create_associated_token(payer, treasury.pubkey(), mint), minting],
            (treasury,),
            compute_units=UNITS,
        )

    async def fund(self, address: str, thb: int = 10_000) -> None:
        """Give an EVM account baht, and ether for gas."""
        kinds = ["address", "uint256"]
        self.contracts._send(
            self.contracts.thbc, "mint(address,uint256)", kinds, [address, thb * GRX]
        )
        self.node.call("anvil_setBalance", address, hex(10**18))

    def send(self, sender: str, call: dict[str, str]) -> None:
        """Send a call from an account whose key nobody has to ask for: anvil plays it."""
        self.node.call("anvil_impersonateAccount", sender)
        self.contracts._sent({"from": sender, "to": call["to"], "data": call["data"]})

    def refusal(self, sender: str, call: dict[str, str]) -> str | None:
        """The name of the error with which the bridge refuses a call, None when it takes it."""
        asked = {"from": sender, "to": call["to"], "data": call["data"]}
        try:
            self.node.call("eth_call", asked, "latest")
        except NodeError as error:
            return REFUSALS[error.data[:10]]
        return None

    async def _send(
        self, name: str, arguments: dict[str, object], accounts: dict[str, Pubkey], *by: Keypair
    ) -> None:
        context, addresses = self.world.context, self.world.context.addresses
        paid = {"set_guardians": "guardians", "update_price": "price"}.get(name)

        def instructions(payer: Pubkey) -> list[Instruction]:
            own = {"market": addresses.market()}
            if paid is not None:
                own |= {"payer": payer, paid: getattr(addresses, paid)()}
            trading = context.programs["trading"]
            return [trading.instruction(name, arguments, own | accounts)]

        await context.sender.send(instructions, by, compute_units=UNITS)


@asynccontextmanager
async def baht_beside(world: HubWorld) -> AsyncIterator[Baht]:
    """Anvil with the contracts, and this hub's bridge to them; on chain nothing is open yet."""
    with running_anvil() as (url, node):
        evm_guardians = [PrivateKey() for _ in range(3)]
        genesis_hash = decode(world.context.deployment.genesis_hash)
        addresses = ["0x" + address_of_key(key).hex() for key in evm_guardians]
        contracts = Contracts(node, genesis_hash, addresses)
        chosen = BridgeSettings(
            rpc_url=url, chain_id=CHAIN_ID, address=contracts.bridge, guardians=("http://-",)
        )
        keys = world.folder / "keys"
        (keys / "quotes.seed").unlink(missing_ok=True)
        (keys / "quotes.seed").touch(mode=0o600)
        (keys / "quotes.seed").write_bytes(contracts.hub.to_bytes())
        bridge = open_bridge(world.pool, keys, chosen, genesis_hash, utc_now)
        baht = Baht(world, contracts, bridge, [Keypair() for _ in range(3)])
        async with aclosing(bridge):
            with world.having(bridge=bridge):
                yield baht


async def match(
    world: HubWorld, buyer: User, order_id: str, kwh: object = None, key: str | None = None
) -> Any:
    """Buy for baht; the response."""
    body = {"buyer_wallet": buyer.wallet, "order_id": order_id, "payment_method": "THB"}
    if kwh is not None:
        body["amount_kwh"] = kwh
    return await world.post("/api/trading/orders/match", body, buyer.token, key)
