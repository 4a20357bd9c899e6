"""Households whose pages are worth a look: a meter with its days, orders, offers and trades."""

import datetime as dt
import json
import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hub_world import MWH_PER_KWH, Device, HubWorld, User, expect

from gridtokenx_hub.oracle.manual import set_manual_rate
from gridtokenx_hub.web.language import THAILAND

DAYS = 29
QUARTERS_A_DAY = 96
QUARTER = dt.timedelta(minutes=15)
PEAK_MW = 4_200_000
BASE_MW = 420_000
MICRO_THB_PER_GRX = 10_000_000
QUARTER_HOURS = """
INSERT INTO quarter_hours (meter_id, start, readings, last_sequence, produced_mwh, consumed_mwh,
                           surplus_mwh, lowest_power_mw, highest_power_mw)
SELECT $1, start, 90, sequence, produced, consumed, surplus, 0, 0
  FROM unnest($2::timestamptz[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
       AS row (start, sequence, produced, consumed, surplus)
"""
LAST_READING = """
INSERT INTO readings (meter_id, sequence, time, time_ms, produced_mwh, consumed_mwh, surplus_mwh,
                      active_power_mw, voltage_mv, current_ma, frequency_mhz, flags, previous_hash,
                      hash, algorithm, signature, first_sequence, record_count)
VALUES ($1, 5000, $2, 0, $3, $4, $5, 2150000, 231400, 9290, 50020, 3, '\\x00', '\\x00', -19,
        '\\x00', 5000, 1)
"""


@dataclass
class Stage:
    """The world, and who is in it."""

    world: HubWorld
    seller: User
    device: Device
    buyer: User

    async def order(self, kwh: object, price: object) -> str:
        """Have the seller put an order into the book; return its address."""
        return str((await self.world.sell(self.seller, kwh, price))["order_id"])


async def set_stage(world: HubWorld) -> Stage:
    """Register the households, let the sun shine for a month, trade a little."""
    seller, device = await _prosumer(world, "Solar Home A", 60, 14)
    other, _ = await _prosumer(world, "บ้านสุขใจ", 20)
    buyer = await _buyer(world, "Consumer B", 100)
    await _buyer(world, "Corner Shop", 50)
    stage = Stage(world, seller, device, buyer)
    await _measure(world, device)
    await world.pool.execute(
        "INSERT INTO prices VALUES (1, $1, $2)", MICRO_THB_PER_GRX, world.context.clock()
    )
    await _ask_for_the_rate(world)
    first = await stage.order(Decimal("2.5"), Decimal("2.9"))
    await _post(
        world, buyer, "orders/match", {"buyer_wallet": buyer.wallet, "order_id": first}, 200
    )
    await world.sell(other, Decimal("5.0"), Decimal("3.2"))
    await world.sell(other, Decimal("7.25"), Decimal("3.45"))
    await stage.order(10, 3)
    offer = {
        "buyer_wallet": buyer.wallet,
        "amount_kwh": Decimal(4),
        "price_per_kwh": Decimal("2.8"),
    }
    await _post(world, buyer, "offers/create", offer, 201)
    return stage


async def _ask_for_the_rate(world: HubWorld) -> None:
    """One of the oracle's sources is down, and the operator's rate is posted."""
    now = world.context.clock()
    faulty = {"name": "exchange-b", "error": "timed_out", "detail": "no whole answer in 10 s"}
    told = [{"name": "exchange-a", "micro_thb_per_grx": MICRO_THB_PER_GRX}, faulty]
    await world.pool.execute(
        "INSERT INTO oracle_rounds (began_at, sources, doubt, basis, micro_thb_per_grx, outcome)"
        " VALUES ($1, $2, 'too_few', 'manual', $3, 'posted')",
        now,
        json.dumps(told),
        MICRO_THB_PER_GRX,
    )
    end = now + dt.timedelta(hours=12)
    await set_manual_rate(
        world.pool, MICRO_THB_PER_GRX, "exchange-b <is> down", "token 1", end, now
    )


async def _prosumer(
    world: HubWorld, name: str, kwh: int, lacks_kwh: int = 0
) -> tuple[User, Device]:
    user = await world.user(name)
    device = await world.meter(user)
    device.consumed_mwh += lacks_kwh * MWH_PER_KWH
    await world.settle(user, device, kwh * MWH_PER_KWH)
    return user, device


async def _buyer(world: HubWorld, name: str, grx: int) -> User:
    user = await world.user(name, "consumer")
    body = {"user_id": user.user_id, "amount_grx": Decimal(grx)}
    expect(await world.post("/api/treasury/grx", body, world.operator), 201)
    return user


async def _post(world: HubWorld, user: User, path: str, body: dict[str, Any], status: int) -> None:
    expect(await world.post(f"/api/trading/{path}", body, user.token), status)


async def _measure(world: HubWorld, device: Device) -> None:
    """Write the quarter-hours of a month as the roll-up does, and a reading of just now."""
    now = world.context.clock()
    start = now.astimezone(THAILAND).replace(hour=0, minute=0, second=0, microsecond=0)
    start -= dt.timedelta(days=DAYS)
    produced, consumed, surplus = Device.produced_mwh, 0, 0
    rows: list[tuple[dt.datetime, int, int, int, int]] = []
    while start + QUARTER <= now:
        made, used = _quarter(start)
        produced, consumed = produced + made, consumed + used
        surplus += max(0, made - used)
        rows.append((start, len(rows) + 10, produced, consumed, surplus))
        start += QUARTER
    await world.pool.execute(QUARTER_HOURS, device.meter_id, *map(list, zip(*rows, strict=True)))
    await world.pool.execute(LAST_READING, device.meter_id, now, produced, consumed, surplus)
    await world.pool.execute(
        "INSERT INTO device_status VALUES ($1, true, 1, 0, 5000, '0.1.0', 'sdm630', $2)",
        device.meter_id,
        now,
    )


def _quarter(start: dt.datetime) -> tuple[int, int]:
    """Return what a sunny house makes and uses in a quarter-hour, in mWh."""
    hour = start.hour + start.minute / 60
    cloud = 0.55 + 0.45 * math.cos(start.day * 2.4) ** 2
    sun = max(0.0, math.sin(math.pi * (hour - 6) / 12)) ** 1.4
    evening = math.exp(-((hour - 19.5) ** 2) / 4) + 0.5 * math.exp(-((hour - 7) ** 2) / 2)
    return int(PEAK_MW * cloud * sun / 4), int(BASE_MW * (1 + 3.2 * evening) / 4)
