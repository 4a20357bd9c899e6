"""Writes the configuration files and starts the services that the demo runs on."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

from demo.plan import SETTLEMENT_INTERVAL_S, SETTLEMENT_PERIOD_S, THB_PER_GRX
from demo.processes import Supervisor, call, command, free_port
from demo.state import State
from gridtokenx_hub.broker.process import find_mosquitto


@dataclass(frozen=True, slots=True)
class Services:
    """Where the running services are reached."""

    folder: Path
    rpc_url: str
    api_url: str
    broker_port: int
    broker_kind: str


def write_hub_settings(
    folder: Path, settlement_period_s: int = SETTLEMENT_PERIOD_S, api_port: int = 0
) -> Services:
    """Write `hub.toml` with ports that are free now: `api_port` if it is."""
    folder.mkdir(parents=True, exist_ok=True)
    kind = "mosquitto" if find_mosquitto() else "rumqttd"
    rpc_port, broker_port, api_port = free_port(), free_port(), free_port(api_port)
    rpc_url = f"http://127.0.0.1:{rpc_port}"
    (folder / "hub.toml").write_text(
        f"""\
[chain]
rpc_url = "{rpc_url}"
settlement_interval_s = {SETTLEMENT_INTERVAL_S}

[broker]
kind = "{kind}"
port = {broker_port}

[settlement]
period_s = {settlement_period_s}

[api]
port = {api_port}

[oracle]
period_s = 10
sources = [{{ kind = "fixed", thb_per_grx = "{THB_PER_GRX}" }}]
"""
    )
    return Services(folder, rpc_url, f"http://127.0.0.1:{api_port}", broker_port, kind)


def hub_command(services: Services, *words: str) -> tuple[str, ...]:
    """Return a `gtx-hub` command line for this installation."""
    return (command("gtx-hub"), "--folder", str(services.folder), *words)


async def start_services(supervisor: Supervisor, services: Services) -> None:
    """Start all: what the hub needs, then the hub."""
    await start_foundations(supervisor, services)
    await start_hub(supervisor, services)


async def start_foundations(supervisor: Supervisor, services: Services) -> None:
    """Start chain, database and broker, then the registrar."""
    await asyncio.gather(
        *(
            supervisor.start(name, *hub_command(services, name))
            for name in ("chain", "database", "broker")
        )
    )
    await supervisor.start("registrar", *hub_command(services, "registrar"))


def add_hub_settings(services: Services, text: str) -> None:
    """Write more into `hub.toml`."""
    with (services.folder / "hub.toml").open("a") as file:
        file.write(text)


async def start_hub(supervisor: Supervisor, services: Services) -> None:
    """Start the hub's own process."""
    await supervisor.start("hub", *hub_command(services, "run"))


async def operator_token(services: Services, state: State) -> str:
    """Return the operator's token, made at the first start."""
    if "operator_token" not in state:
        token = await call(*hub_command(services, "token", "create", "--role", "operator"))
        state["operator_token"] = token.strip()
    token_text: str = state["operator_token"]
    return token_text


async def hub_status(services: Services) -> dict[str, object]:
    """Return what `gtx-hub status` says."""
    status: dict[str, object] = json.loads(await call(*hub_command(services, "status")))
    return status
