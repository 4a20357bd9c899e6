"""`gtx-hub explain`: from minted tokens back to the meter, each step checked."""

import argparse
import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path

import asyncpg

from gridtokenx_hub.chain import ChainClient, ChainError
from gridtokenx_hub.commands.context import database_url
from gridtokenx_hub.database import StoreError, open_pool
from gridtokenx_hub.explain import Explainer, ExplainError, Explanation
from gridtokenx_hub.explain.check import Checker, Step
from gridtokenx_hub.settings import ChainSettings, load_settings
from gridtokenx_protocol.deployment import deployment_id
from gridtokenx_protocol.units import format_kwh

ERRORS = (ChainError, ExplainError, StoreError, asyncpg.PostgresError)
MARKS = {"right": "✓", "wrong": "✗", "open": "\u2013"}
TITLES = {
    "transaction": "the transaction is on chain",
    "signature": "the device signed",
    "record": "this is what it signed",
    "key": "the key is in the registry",
    "amount": "the amount is what the meter added",
    "chain": "no reading in between was changed",
    "registers": "the meter showed these registers",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument("signature", metavar="SIGNATURE", help="of a transaction that minted")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def execute(folder: Path, arguments: argparse.Namespace) -> int:
    """Print the explanation; 0 when no step is wrong."""
    settings = load_settings(folder)
    url = database_url(folder, settings)
    answer, steps = asyncio.run(run(url, settings.chain, arguments.signature))
    text = as_json(answer, steps) if arguments.json else as_text(answer, steps)
    sys.stdout.write(text + "\n")
    return 1 if any(step.state == "wrong" for step in steps) else 0


async def run(url: str, chain: ChainSettings, signature: str) -> tuple[Explanation, list[Step]]:
    """Explain a transaction to whoever holds the hub's database, and check each step."""
    programs, addresses = chain.load_programs(), chain.addresses
    client = ChainClient(chain.rpc_url)
    try:
        async with await open_pool(url) as pool:
            genesis = await client.genesis_hash()
            deployment = deployment_id(bytes(genesis), bytes(addresses.registry))
            explainer = Explainer(pool, client, programs, addresses, deployment, str(genesis))
            answer = await explainer.explain(signature, lambda _meter, _owner: True)
            checker = Checker(client, programs, explainer.readings)
            return answer, [step async for step in checker.check(answer)]
    finally:
        await client.close()


def as_json(answer: Explanation, steps: list[Step]) -> str:
    """Return explanation and steps as one JSON object."""
    checked = [asdict(step) | {"state": step.state} for step in steps]
    return json.dumps({"explanation": answer.content(), "steps": checked})


def as_text(answer: Explanation, steps: list[Step]) -> str:
    """Return the steps for a person."""
    lines = [answer.signature]
    for step in steps:
        if step.name == "signature" and step.position is not None:
            settled = answer.settlements[step.position]
            lines += ["", f"{format_kwh(settled.minted_mwh)} kWh for {settled.owner}"]
            lines.append(f"by meter {settled.meter_id}")
        shows = f" ({step.shows})" if step.shows else ""
        lines.append(f"{MARKS[step.state]} {TITLES[step.name]}{shows}")
        lines += [f"    {wrong}" for wrong in step.wrong]
        if step.left_open:
            lines.append(f"    left open: {step.left_open}")
    return "\n".join(lines)
