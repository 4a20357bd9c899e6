"""A hub with households on it: meters that report and users that trade, and what must hold."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from solders.pubkey import Pubkey
from tests.adversity.hub.devices import Deployment, Device
from tests.adversity.hub.market import GRANT_GRX, MICRO, Api, Household, Market
from tests.adversity.hub.processes import PATIENCE_S, Hub, running_hub
from tests.hub.onchain import ADDRESSES, connected, until

SELLERS, BUYERS = 3, 2
ENERGY, GRX = ADDRESSES.energy_mint(), ADDRESSES.grx_mint()
LIMITS = {"export_limit_w": 10**9, "import_limit_w": 10**9, "daily_export_limit_kwh": 10**6}
"""Beyond what these meters do: limits are not what is tested here."""


@dataclass
class World:
    """The hub's processes, the households, and the load that they make."""

    hub: Hub
    market: Market
    operator: str
    deployment: Deployment
    seed: int
    devices: list[Device] = field(default_factory=list)
    _reporting: list[Device] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311 - the same choices again

    async def household(self, name: str, user_type: str) -> Household:
        """Register a user, and give it GRX."""
        made = await self.market.api.post(
            "/api/users", self.operator, name=name, user_type=user_type
        )
        household = Household(**{k: made.answer[k] for k in ("user_id", "wallet", "token")})
        await self.market.api.post(
            "/api/treasury/grx", self.operator, user_id=household.user_id, amount_grx=GRANT_GRX
        )
        household.micro_grx += GRANT_GRX * MICRO
        return household

    async def install(self, owner: Household, *, reports: bool = True) -> Device:
        """Register a new meter of this household's, with its device, which may be left alone."""
        device = Device(self.deployment, random.Random(self.chance.random()))  # noqa: S311 - as the world's
        request = device.make_tls(self.hub.folder / device.meter_id.hex())
        registered = await self.market.api.post(
            "/api/meters",
            self.operator,
            user_id=owner.user_id,
            baseline=device.baseline_text,
            public_key=device.public_key.hex(),
            algorithm="ed25519",
            csr_pem=request,
            **LIMITS,
        )
        device.certify(registered.answer["certificate_pem"], registered.answer["ca_pem"])
        if reports:
            owner.devices.append(device)
            self.devices.append(device)
        return device

    @asynccontextmanager
    async def load(self) -> AsyncIterator[None]:
        """Meters report and users trade; in the end, until every request has its answer.

        Raises:
            ExceptionGroup: a process of the hub has ended by itself, or what is done here failed.
        """
        stop = asyncio.Event()
        self._reporting = list(self.devices)
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self.hub.watch())
            acting = [
                tasks.create_task(device.run(self.hub.ports["broker"], stop))
                for device in self._reporting
            ]
            for act, households in (
                (self.market.sell, self.market.sellers),
                (self.market.buy, self.market.buyers),
            ):
                for household in households:
                    chance = random.Random(self.chance.random())  # noqa: S311 - as the world's
                    acting.append(tasks.create_task(act(household, chance, stop)))
            try:
                yield
            finally:
                stop.set()
            await asyncio.wait(acting)
            watching.cancel()

    async def goes_on(self) -> None:
        """Wait until each meter has another ack and can be settled, and there is another trade."""
        acked = {device: device.acked for device in self._reporting}
        trades = self.market.trades

        async def has_gone_on() -> bool:
            return self.market.trades > trades and all(
                device.acked > before and device.is_due for device, before in acked.items()
            )

        await until(has_gone_on, PATIENCE_S)

    async def any_moment(self) -> None:
        """Let the load go on, and a random time more."""
        await self.goes_on()
        await asyncio.sleep(self.chance.uniform(0, 1))

    async def check(self) -> None:
        """When all has come through: the audit holds, and so do the households' own books."""
        self.hub.supervisor.check()
        await self._until_all(self._is_settled)
        await self.hub.audit()
        await self._check_readings()
        await self._check_balances()
        await self.market.api.check_answers()

    async def _until_all(self, condition: Callable[[Device], Awaitable[bool]]) -> None:
        for device in self.devices:
            await until(lambda device=device: condition(device), PATIENCE_S)  # type: ignore[misc]  # mypy has no type for a lambda with a default

    async def _is_settled(self, device: Device) -> bool:
        """Whether the chain has what the meter's last settlement reading says."""
        async with self.hub.database() as connection:
            query = (
                "SELECT coalesce(last_sequence, baseline_sequence)"
                " FROM meters LEFT JOIN ledgers USING (meter_id) WHERE meter_id = $1"
            )
            last = await connection.fetchval(query, device.meter_id)
        return bool(last == device.settlement.sequence)

    async def _check_readings(self) -> None:
        """Each reading that a device signed has one verdict, stored, and is there as signed."""
        async with self.hub.database() as connection:
            for device in self.devices:
                assert device.acked == device.sequence
                for query in (
                    "SELECT sequence, hash FROM verdicts WHERE meter_id = $1 AND verdict = 1",
                    "SELECT sequence, hash FROM readings WHERE meter_id = $1",
                ):
                    rows = await connection.fetch(query, device.meter_id)
                    found = {row["sequence"]: row["hash"] for row in rows} | {
                        1: device.hashes[1]  # the chain has it; its reading need not come
                    }
                    assert found == device.hashes
            own = [device.meter_id for device in self.devices]
            query = "SELECT count(*) FROM quarantine WHERE meter_id = ANY($1)"
            assert await connection.fetchval(query, own) == 0

    async def _check_balances(self) -> None:
        """What each wallet holds is what its meters signed and its trades were answered."""
        async with connected(self.hub.rpc_url) as client:
            for household in self.market.households:
                wallet = Pubkey.from_string(household.wallet)
                held = [
                    await client.token_balance(ADDRESSES.associated_token(wallet, mint))
                    for mint in (ENERGY, GRX)
                ]
                minted = sum(device.surplus_mwh for device in household.devices)
                assert held == [minted + household.energy_mwh, household.micro_grx]


@asynccontextmanager
async def running_world(seed: int) -> AsyncIterator[World]:
    """A new hub with its households; `seed` decides about every random choice."""
    async with running_hub() as hub:
        operator = (await hub.command("token", "create", "--role", "operator")).strip()
        async with httpx.AsyncClient() as http:
            told = json.loads((await http.get(f"{hub.api_url}/api/deployment")).text)
        deployment = Deployment(
            bytes.fromhex(told["deployment"]), bytes.fromhex(told["ack_public_key"])
        )
        world = World(hub, Market(Api(hub.api_url)), operator, deployment, seed)
        for number in range(SELLERS):
            world.market.sellers.append(await world.household(f"seller {number}", "prosumer"))
            await world.install(world.market.sellers[-1])
        for number in range(BUYERS):
            world.market.buyers.append(await world.household(f"buyer {number}", "consumer"))
        yield world
