"""What goes wrong around a guardian on real chains: it signs nothing that is not so."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import aiohttp
import base58
from grid import KWH
from tests.guardian.chains.liar import Lie, invented_payment, lying, replaced
from tests.guardian.chains.test_flow import looked_until
from tests.guardian.chains.world import running

from gridtokenx_guardian.config import Config
from gridtokenx_guardian.evm.bridge import PAYMENT_RECEIVED

if TYPE_CHECKING:
    from bridge import Reservation
    from tests.guardian.chains.world import Chains, Running


async def attested(guardian: Running, reservation: Reservation) -> dict[str, Any]:
    return await looked_until(guardian, lambda: guardian.attestation(reservation))


async def refusal(guardian: Running, reservation: Reservation) -> str:
    """Why it does not sign, once it has seen the payment."""
    status = await guardian.get("/status")
    assert status is not None
    return str(status["not_signed"].get(str(reservation.address)))


class TestReorg:
    async def test_a_payment_that_a_reorg_took_away_is_not_attested(self, chains: Chains) -> None:
        reservation, node = chains.market.reserved(), chains.contracts.node
        snapshot = node.call("evm_snapshot")
        chains.pay(reservation)
        async with running(chains.configs[0]) as (guardian,):
            await guardian.look()
            node.call("evm_revert", snapshot)
            chains.contracts.mine(5)
            await guardian.look()
            assert await guardian.attestation(reservation) is None
            assert chains.contracts.state(reservation.address) == 0

    async def test_even_one_that_was_final_is_forgotten_for_what_came_instead(
        self, chains: Chains
    ) -> None:
        reservation, node = chains.market.reserved(), chains.contracts.node
        snapshot = node.call("evm_snapshot")
        chains.pay(reservation, wallet=reservation.sale.seller.wallet)
        chains.contracts.mine()
        async with running(chains.configs[0]) as (guardian,):
            await guardian.look()
            assert "wrong_buyer" in await refusal(guardian, reservation)
            node.call("evm_revert", snapshot)
            chains.pay(reservation)
            chains.contracts.mine(5)
            assert (await attested(guardian, reservation))["kind"] == "paid"


class TestLiar:
    """An endpoint of the first guardian lies."""

    async def refused_alone(
        self, chains: Chains, reservation: Reservation, lie: Lie, reason: str
    ) -> None:
        """The victim signs nothing, and the others are enough."""
        chains.contracts.mine()
        async with (
            lying(chains.configs[0].evm_url, lie) as url,
            running(replace(chains.configs[0], evm_url=url), *chains.configs[1:]) as guardians,
        ):
            victim, *honest = guardians
            right = [await attested(guardian, reservation) for guardian in honest]
            await victim.look()
            assert reason in await refusal(victim, reservation)
            assert await victim.attestation(reservation) is None
        chains.match(reservation, right)

    async def test_about_the_amount(self, chains: Chains) -> None:
        reservation = chains.market.reserved()
        amount = chains.pay(reservation).amount
        lie = replaced(amount.to_bytes(32, "big"), (amount + 1).to_bytes(32, "big"))
        await self.refused_alone(chains, reservation, lie, "wrong_amount")

    async def test_about_the_buyer(self, chains: Chains) -> None:
        reservation = chains.market.reserved()
        chains.pay(reservation)
        thief = chains.market.seller.wallet
        lie = replaced(bytes(reservation.buyer.wallet), bytes(thief))
        await self.refused_alone(chains, reservation, lie, "wrong_buyer")

    async def test_about_the_order_its_word_fits_no_other(self, chains: Chains) -> None:
        reservation, another = chains.market.reserved(), chains.market.reserved()
        chains.pay(reservation)
        chains.contracts.mine()
        lie = replaced(bytes(reservation.sale.address), bytes(another.sale.address))
        async with (
            lying(chains.configs[0].solana_url, lie) as url,
            running(replace(chains.configs[0], solana_url=url), *chains.configs[1:]) as guardians,
        ):
            wrong, *right = [await attested(guardian, reservation) for guardian in guardians]
        assert wrong["digest"] != right[0]["digest"] == right[1]["digest"]
        alone = chains.matching(reservation, [wrong])
        chains.market.world.refuse("InvalidBridgeProof", *alone)
        assert chains.market.exchange.balances(reservation.buyer) == [(0, 0)]
        chains.match(reservation, right)
        assert chains.market.exchange.balances(reservation.buyer) == [(2 * KWH, 0)]

    async def test_with_a_payment_that_nobody_made_it_signs_alone(self, chains: Chains) -> None:
        reservation = chains.market.reserved()
        terms = chains.market.terms(reservation)
        lie = invented_payment(
            chains.contracts.bridge,
            reservation.address,
            reservation.buyer.wallet,
            terms["payment_micro_thbc"],
            terms["pay_deadline"],
            PAYMENT_RECEIVED,
        )
        chains.contracts.mine()
        async with (
            lying(chains.configs[0].evm_url, lie) as url,
            running(replace(chains.configs[0], evm_url=url), *chains.configs[1:]) as guardians,
        ):
            victim, *honest = guardians
            alone = await attested(victim, reservation)
            for guardian in honest:
                await guardian.look()
                assert await guardian.attestation(reservation) is None
        matching = chains.matching(reservation, [alone])
        chains.market.world.refuse("InvalidBridgeProof", *matching)
        assert chains.market.exchange.balances(reservation.buyer) == [(0, 0)]


class TestGuardianSet:
    async def test_a_release_is_signed_anew_for_another_set(self, chains: Chains) -> None:
        reservation = chains.market.reserved()
        chains.pay(reservation)
        chains.contracts.mine()
        async with running(*chains.configs[:2]) as guardians:
            chains.match(reservation, [await attested(each, reservation) for each in guardians])
            for each in guardians:
                await looked_until(each, lambda each=each: each.release(reservation))
            chains.contracts.appoint([own["evm"] for own in await public(chains)])
            chains.contracts.mine()
            for each in guardians:
                await each.look()
            answers = [await each.release(reservation) for each in guardians]
        assert all(answer and answer["guardian_epoch"] == 2 for answer in answers)
        chains.release(reservation, [answer for answer in answers if answer])
        assert chains.contracts.state(reservation.address) == 2


async def public(chains: Chains) -> list[dict[str, str]]:
    """The public keys of all guardians, as their operators read them."""
    async with running(*chains.configs) as guardians:
        told = [await guardian.get("/status") for guardian in guardians]
    return [status["keys"] for status in told if status]


@contextmanager
def process(config: Config) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`gtx-guardian run`, and where it answers."""
    file = config.folder.parent / "guardian.toml"
    file.write_text(toml(config))
    command = [sys.executable, "-m", "gridtokenx_guardian", "--config", str(file), "run"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=os.environ
    ) as started:
        try:
            assert started.stdout is not None
            port = json.loads(started.stdout.readline())["port"]
            yield started, f"http://127.0.0.1:{port}"
        finally:
            started.kill()


def toml(config: Config) -> str:
    return f"""
folder = "{config.folder.name}"
poll_s = 1
[solana]
rpc_url = "{config.solana_url}"
genesis_hash = "{base58.b58encode(config.genesis_hash).decode()}"
registry = "{config.addresses.registry}"
energy_token = "{config.addresses.energy_token}"
trading = "{config.addresses.trading}"
[evm]
rpc_url = "{config.evm_url}"
chain_id = {config.bridge.chain_id}
bridge = "0x{config.bridge.address.hex()}"
[http]
port = 0
"""


async def answered(url: str, path: str) -> dict[str, Any]:
    """What a process answers as soon as it has something."""
    async with aiohttp.ClientSession() as http, asyncio.timeout(30):
        while True:
            async with http.get(url + path) as response:
                if response.status == 200:
                    found: dict[str, Any] = await response.json()
                    return found
            await asyncio.sleep(0.05)


async def test_killed_after_signing_it_gives_the_same_again(chains: Chains) -> None:
    reservation = chains.market.reserved()
    chains.pay(reservation)
    chains.contracts.mine()
    path = f"/attestations/{reservation.address}"
    with process(chains.configs[2]) as (first, url):
        before = await answered(url, path)
        first.send_signal(signal.SIGKILL)
        first.wait()
    with process(chains.configs[2]) as (second, url):
        assert await answered(url, path) == before
        second.send_signal(signal.SIGTERM)
        assert second.wait(10) == 0
