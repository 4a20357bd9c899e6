"""The whole performance: start, install, play the day, settle, trade, check, tell."""

import asyncio
import shutil
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

from demo import outcome
from demo.baht.act import SecondAct
from demo.baht.outcome import baht_differences
from demo.baht.stage import Stage
from demo.baht.story import tell_baht
from demo.households import Household
from demo.hub_client import Chain, HubApi
from demo.installation import (
    Services,
    hub_status,
    operator_token,
    start_foundations,
    start_hub,
    write_hub_settings,
)
from demo.plan import HOUSES, SETTLEMENT_PERIOD_S, Plan
from demo.processes import Supervisor
from demo.state import State
from demo.story import amount, tell_story
from demo.trade import balances, play_trade

POLL_S = 0.25
DAY_SLACK_S = 60


class Performance:
    """One run over one data folder; each step does only what an earlier run left undone."""

    def __init__(self, plan: Plan, tell: Callable[[str], None]) -> None:
        self.plan = plan
        self.tell = tell
        plan.folder.mkdir(parents=True, exist_ok=True)
        self.state = State(plan.folder / "demo.json")
        self.supervisor = Supervisor(plan.folder)
        self._resources = AsyncExitStack()
        self.services: Services
        self.api: HubApi
        self.stage: Stage
        self._act: SecondAct
        self.chain: Chain
        self.deployment: dict[str, Any] = {}
        self.houses: list[Household] = []

    async def start(self, settlement_period_s: int = SETTLEMENT_PERIOD_S) -> None:
        """Start the services, and speak to them as the operator."""
        self.services = write_hub_settings(
            self.plan.folder, settlement_period_s, self.plan.api_port
        )
        self.tell(f"starting chain, database, broker ({self.services.broker_kind}) and hub …")
        await start_foundations(self.supervisor, self.services)
        self.chain = Chain(self.services.rpc_url)
        self._resources.push_async_callback(self.chain.close)
        self.tell("starting the EVM chain, its contracts and three guardians …")
        self.stage = Stage(self.supervisor, self.services, self.state)
        await self.stage.prepare(self.chain)
        self._resources.push_async_callback(self.stage.close)
        await start_hub(self.supervisor, self.services)
        await self.stage.open()
        self.api = HubApi(self.services.api_url, await operator_token(self.services, self.state))
        self._resources.push_async_callback(self.api.close)

    async def install(self) -> None:
        """Register users and meters, start meters and agents, and give B its GRX."""
        self.deployment = await self.api.get("/api/deployment")
        self.houses = [Household(house, self.plan, self.services, self.state) for house in HOUSES]
        for household in self.houses:
            await household.register_user(self.api)
        await asyncio.gather(*(self._install(household) for household in self.houses))
        if "grant" not in self.state:
            body = {"user_id": self.houses[1].user_id, "amount_grx": self.plan.grant_grx}
            self.state["grant"] = await self.api.post("/api/treasury/grx", body, "demo-grant")

    async def _install(self, household: Household) -> None:
        self.tell(f"installing {household.house.name} …")
        await household.start_meter(self.supervisor)
        await household.commission(self.api, self.deployment)
        await household.start_agent(self.supervisor)

    async def play_day(self) -> None:
        """Let the day pass at every house."""
        if not all(household.day_is_over() for household in self.houses):
            self.tell(f"playing the day ({self.plan.scenario}) in {self.plan.day_seconds} s …")
        for household in self.houses:
            household.begin_day(self.supervisor)
        async with asyncio.timeout(self.plan.day_seconds + DAY_SLACK_S):
            while not all(household.day_is_over() for household in self.houses):
                self.supervisor.check()
                await asyncio.sleep(POLL_S)

    async def await_settlement(self) -> int:
        """Wait until the chain has what the meters show; return the surplus signed, in mWh."""
        self.tell("waiting until the chain has settled what the meters show …")
        shown = await asyncio.gather(*(household.read_meter() for household in self.houses))
        async with asyncio.timeout(SETTLEMENT_PERIOD_S + DAY_SLACK_S):
            while True:
                self.supervisor.check()
                status: dict[str, Any] = await hub_status(self.services)
                settled = [
                    outcome.settled_meter(status, household.meter["meter_id"])
                    for household in self.houses
                ]
                if all(
                    meter[register] == registers[register]
                    for meter, registers in zip(settled, shown, strict=True)
                    for register in ("produced_mwh", "consumed_mwh")
                ):
                    return sum(meter["surplus_mwh"] for meter in settled)
                await asyncio.sleep(POLL_S)

    async def trade(self) -> None:
        """Play the trade; remembers the balances that it started from."""
        if "balances_before_trade" not in self.state:
            self.state["balances_before_trade"] = await self.balances()
        minted = self.state["balances_before_trade"]["energy_a"]
        self.tell(f"{HOUSES[0].name} holds {amount(minted)} kWh of tokens; trading …")
        await play_trade(self.plan, self.state, self.services.api_url, self.houses)
        if "balances_after_trade" not in self.state:
            self.state["balances_after_trade"] = await self.balances()

    async def trade_for_baht(self) -> None:
        """Play the second act."""
        self.tell("a neighbour buys for baht; then a payment that nobody answers is refunded …")
        self._act = SecondAct(
            self.stage, self.state, self.supervisor, self.houses[1], self.services.api_url
        )
        await self._act.play(self.api, self.plan)

    async def check(self, surplus_mwh: int) -> tuple[dict[str, Any], list[str]]:
        """Return the result and what differs from the plan."""
        status: dict[str, Any] = await hub_status(self.services)
        after = self.state["balances_after_trade"]
        found = outcome.result(self.state, status, after)
        supply = await self.chain.token_supply(self.deployment["mints"]["energy"])
        await tell_story(
            self.tell, self.chain, self.deployment, self.state, status, self.houses, after
        )
        return found, outcome.differences(self.plan, found, supply, surplus_mwh)

    async def check_baht(self) -> tuple[dict[str, Any], list[str]]:
        """Return what the second act moved and what differs from the plan."""
        found = await self._act.result(self.chain, self.deployment["mints"])
        tell_baht(self.tell, self.state, found)
        return found, baht_differences(self.plan, found)

    async def balances(self) -> dict[str, int]:
        """Return each house's tokens in base units, asked of the chain."""
        return await balances(self.chain, self.deployment["mints"], self.houses)

    async def stop(self) -> None:
        """Close the connections and end every process that this run started."""
        await self._resources.aclose()
        await self.supervisor.stop_all()


def reset(plan: Plan) -> None:
    """Remove what earlier runs left behind."""
    # Under root, the cluster may lie where PostgreSQL's own user can reach it.
    cluster = plan.folder / "database" / "cluster"
    if cluster.is_symlink():
        shutil.rmtree(cluster.resolve().parent, ignore_errors=True)
    shutil.rmtree(plan.folder, ignore_errors=True)
