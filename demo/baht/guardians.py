"""Three guardians, each a process with a folder, keys and endpoints of its own; two suffice."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.processes import Supervisor, call, command

COUNT = 3
THRESHOLD = 2
POLL_S = 1


@dataclass(frozen=True, slots=True)
class Guardian:
    """One of them: its process's name, its configuration, and its public keys."""

    name: str
    configuration: Path
    solana: str
    evm: str


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What a guardian has to know of both chains."""

    solana_url: str
    genesis_hash: str
    evm_url: str
    chain_id: int
    bridge: str


async def prepare(folder: Path, endpoints: Endpoints, ports: list[int]) -> list[Guardian]:
    """Write the guardians' settings and draw their keys, unless an earlier run did."""
    made = (_prepare(folder, number, endpoints, port) for number, port in enumerate(ports, 1))
    return list(await asyncio.gather(*made))


async def start(supervisor: Supervisor, guardians: list[Guardian]) -> None:
    """Start their processes."""
    await asyncio.gather(
        *(
            supervisor.start(guardian.name, *_command(guardian.configuration, "run"))
            for guardian in guardians
        )
    )


async def stop(supervisor: Supervisor, guardians: list[Guardian]) -> None:
    """End their processes."""
    await asyncio.gather(*(supervisor.stop(guardian.name) for guardian in guardians))


async def _prepare(folder: Path, number: int, endpoints: Endpoints, port: int) -> Guardian:
    name = f"guardian-{number}"
    own = folder / name
    own.mkdir(parents=True, exist_ok=True, mode=0o700)
    configuration = own / "guardian.toml"
    configuration.write_text(
        f"""\
folder = "state"
poll_s = {POLL_S}
stale_after_s = 1800

[solana]
rpc_url = "{endpoints.solana_url}"
genesis_hash = "{endpoints.genesis_hash}"

[evm]
rpc_url = "{endpoints.evm_url}"
chain_id = {endpoints.chain_id}
bridge = "{endpoints.bridge}"
start_block = 0

[http]
port = {port}
"""
    )
    drawn = (own / "state").exists()
    said = await call(*_command(configuration, "keys" if drawn else "init"))
    public: dict[str, Any] = json.loads(said)
    return Guardian(name, configuration, public["solana"], public["evm"])


def _command(configuration: Path, word: str) -> tuple[str, ...]:
    return (command("gtx-guardian"), "--config", str(configuration), word)
