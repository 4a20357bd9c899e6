"""Households that trade through the API, and what their books say of it.

Each request is repeated under its Idempotency-Key until it has an answer, whatever is killed
meanwhile, and the books count what was answered.
"""

import asyncio
import json
import random
import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from http import HTTPStatus
from typing import Any

import httpx
from tests.adversity.hub.devices import WATT_HOUR, Device
from tests.adversity.hub.processes import PATIENCE_S

GRANT_GRX = 1_000
MICRO = 1_000_000
MOST_WATT_HOURS = 9
MOST_PRICE_GRX = 5
AGAIN_S = 0.1
PACE_S = 0.05
TIMEOUT_S = 10
COME_AGAIN = {"RequestInProgress", "TooManyRequests"}


@dataclass(frozen=True)
class Answered:
    """A request and its answer."""

    path: str
    body: str
    token: str
    status: int
    answer: dict[str, Any]


@dataclass
class Api:
    """The hub's API, which may be away.

    Attributes:
        answered: requests that got their answer since the last check, by Idempotency-Key.
    """

    url: str
    answered: dict[str, Answered] = field(default_factory=dict)

    async def post(self, path: str, token: str, **body: Any) -> Answered:
        """Send a request until it has an answer that stays: done, or refused by name."""
        key = str(uuid.uuid4())
        answered = await self._repeat(key, path, token, json.dumps(body))
        self.answered[key] = answered
        return answered

    async def check_answers(self) -> None:
        """Every request is answered again as it was."""
        while self.answered:
            key, first = self.answered.popitem()
            again = await self._repeat(key, first.path, first.token, first.body)
            # a user's token is drawn anew each time: it is kept nowhere
            assert (again.status, again.answer | {"token": 0}) == (
                first.status,
                first.answer | {"token": 0},
            )

    async def _repeat(self, key: str, path: str, token: str, body: str) -> Answered:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        headers["Content-Type"] = "application/json"
        async with asyncio.timeout(PATIENCE_S), httpx.AsyncClient(timeout=TIMEOUT_S) as http:
            while True:
                try:
                    response = await http.post(f"{self.url}{path}", content=body, headers=headers)
                    answer = json.loads(response.text, parse_float=Decimal)
                    if response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR and (
                        answer.get("error") not in COME_AGAIN
                    ):
                        return Answered(path, body, token, response.status_code, answer)
                    assert response.status_code != HTTPStatus.INTERNAL_SERVER_ERROR, answer
                except httpx.TransportError:
                    pass
                await asyncio.sleep(AGAIN_S)


@dataclass
class Household:
    """A user of the hub.

    Attributes:
        devices: beside the meters that it owns.
        energy_mwh, micro_grx: what its books say that trading has brought and taken.
    """

    user_id: int
    wallet: str
    token: str
    devices: list[Device] = field(default_factory=list)
    energy_mwh: int = 0
    micro_grx: int = 0


@dataclass
class Market:
    """Sellers and buyers, and the orders that nobody has taken yet."""

    api: Api
    sellers: list[Household] = field(default_factory=list)
    buyers: list[Household] = field(default_factory=list)
    orders: int = 0
    trades: int = 0
    _open: dict[str, Household] = field(default_factory=dict)

    @property
    def households(self) -> list[Household]:
        return [*self.sellers, *self.buyers]

    async def sell(self, seller: Household, chance: random.Random, stop: asyncio.Event) -> None:
        """Put small orders into the book."""
        while not stop.is_set():
            watt_hours = chance.randint(1, MOST_WATT_HOURS)
            answered = await self.api.post(
                "/api/trading/orders/create",
                seller.token,
                seller_wallet=seller.wallet,
                amount_kwh=watt_hours / 1_000,
                price_per_kwh=chance.randint(1, MOST_PRICE_GRX),
            )
            if answered.status == HTTPStatus.CREATED:
                seller.energy_mwh -= watt_hours * WATT_HOUR
                self._open[answered.answer["order_id"]] = seller
                self.orders += 1
            else:
                assert answered.answer["error"] == "InsufficientBalance", answered
            await asyncio.sleep(PACE_S)

    async def buy(self, buyer: Household, chance: random.Random, stop: asyncio.Event) -> None:
        """Take orders; now and then one that another buyer is taking, too."""
        while not stop.is_set():
            if self._open:
                await self._match(buyer, chance.choice(list(self._open)))
            await asyncio.sleep(PACE_S)

    async def _match(self, buyer: Household, order_id: str) -> None:
        answered = await self.api.post(
            "/api/trading/orders/match",
            buyer.token,
            buyer_wallet=buyer.wallet,
            order_id=order_id,
        )
        if answered.status != HTTPStatus.OK:
            assert answered.status == HTTPStatus.CONFLICT, answered
            return
        seller = self._open.pop(order_id)
        paid = int(answered.answer["total_price_grx"] * MICRO)
        buyer.energy_mwh += int(answered.answer["amount_kwh"] * MICRO)
        buyer.micro_grx -= paid
        seller.micro_grx += paid
        self.trades += 1
