"""Both chains, three guardians, and a relayer that has nothing but their HTTP answers."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
from bridge import Reservation
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from tests.guardian.chains.evm import CHAIN_ID, Contracts, Quote, running_anvil
from tests.guardian.chains.solana import BahtMarket, running_local_chain

from gridtokenx_guardian import keys
from gridtokenx_guardian.config import Config
from gridtokenx_guardian.process import Parts, assembled
from gridtokenx_guardian.signing import state
from gridtokenx_programs.attestation import guardian_proof
from gridtokenx_programs.evm import BridgeId


@dataclass
class Chains:
    """Both chains with everything in place, and the folders of three guardians in office."""

    market: BahtMarket
    contracts: Contracts
    configs: list[Config]

    def pay(self, reservation: Reservation, **changed: Any) -> Quote:
        """The buyer pays for a reservation, by default as it says."""
        terms = self.market.terms(reservation)
        quote = Quote(
            payer=self.contracts.buyer,
            reservation=reservation.address,
            wallet=reservation.buyer.wallet,
            amount=terms["payment_micro_thbc"],
            deadline=terms["pay_deadline"],
        )
        quote = replace(quote, **changed)
        self.contracts.pay(quote)
        return quote

    def match(self, reservation: Reservation, answers: list[dict[str, Any]]) -> None:
        """Hand guardians' attestations to the trading program."""
        self.market.world.send(*self.matching(reservation, answers))

    def matching(
        self, reservation: Reservation, answers: list[dict[str, Any]]
    ) -> list[Instruction]:
        """The guardians' proof, and the match that it is for."""
        digests = {answer["digest"] for answer in answers}
        assert len(digests) == 1
        order = [key.pubkey() for key in self.market.guardians]
        signed = sorted(
            (
                (Pubkey.from_string(answer["guardian"]), bytes.fromhex(answer["signature"]))
                for answer in answers
            ),
            key=lambda pair: order.index(pair[0]),
        )
        proof = guardian_proof(signed, bytes.fromhex(digests.pop()))
        return [proof, self.market.match_order_with_thb(reservation)]

    def release(self, reservation: Reservation, answers: list[dict[str, Any]]) -> None:
        """Hand guardians' signatures to the bridge."""
        ordered = sorted(answers, key=lambda answer: str(answer["guardian"]).lower())
        signatures = [bytes.fromhex(answer["signature"][2:]) for answer in ordered]
        self.contracts.release(reservation.address, signatures)


@contextmanager
def running_chains(folder: Path) -> Iterator[Chains]:
    """Both chains, with three guardians in office."""
    with running_anvil() as (evm_url, evm), running_local_chain(folder) as (solana_url, world):
        market = BahtMarket(world)
        drawn, configs = [], []
        for number in range(3):
            home = folder / f"guardian-{number}"
            drawn.append(keys.create(home))
            state.create(home, drawn[-1])
        addresses = ["0x" + own.evm_address.hex() for own in drawn]
        contracts = Contracts(evm, market.genesis_hash, addresses)
        bridge = BridgeId(CHAIN_ID, bytes.fromhex(contracts.bridge[2:]))
        configs = [
            Config(
                folder=folder / f"guardian-{number}",
                solana_url=solana_url,
                genesis_hash=market.genesis_hash,
                addresses=world.addresses,
                evm_url=evm_url,
                bridge=bridge,
                start_block=0,
                confirmations=None,
                poll_s=1,
                stale_after_s=1800,
                port=0,
            )
            for number in range(3)
        ]
        signers: list[Keypair] = [own.solana for own in drawn]
        market.begin(signers, CHAIN_ID, bridge.address)
        yield Chains(market, contracts, configs)


class Running:
    """A guardian that runs, and what it answers to a relayer."""

    def __init__(
        self, config: Config, now_s: Callable[[], int], http: aiohttp.ClientSession
    ) -> None:
        self.config = config
        self.http = http
        self._now_s = now_s
        self._port = 0
        self._open = AsyncExitStack()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def begin(self, **changed: Any) -> None:
        """Begin with what is in its folder, at the port that it had; `changed` is configuration."""
        self.parts: Parts = await self._open.enter_async_context(
            assembled(replace(self.config, **changed), self._now_s)
        )
        serving = self.parts.server.serving(self._port)
        self._port = await self._open.enter_async_context(serving)

    async def end(self) -> None:
        """Be gone; what is on disk is all that is left."""
        await self._open.aclose()

    async def look(self) -> None:
        await self.parts.guardian.look()

    async def get(self, path: str) -> dict[str, Any] | None:
        """An answer, None for 404."""
        async with self.http.get(self.url + path) as response:
            if response.status == 404:
                return None
            assert response.status == 200
            answer: dict[str, Any] = await response.json()
            return answer

    async def attestation(self, reservation: Reservation) -> dict[str, Any] | None:
        return await self.get(f"/attestations/{reservation.address}")

    async def release(self, reservation: Reservation) -> dict[str, Any] | None:
        return await self.get(f"/releases/{reservation.address}")


@asynccontextmanager
async def running(
    *configs: Config, now_s: Callable[[], int] = lambda: int(time.time())
) -> AsyncIterator[list[Running]]:
    """Guardians whose looks a test decides on."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        guardians = [Running(config, now_s, http) for config in configs]
        for guardian in guardians:
            stack.push_async_callback(guardian.end)
            await guardian.begin()
        yield guardians
