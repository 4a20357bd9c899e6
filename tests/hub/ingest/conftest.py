"""Fixtures: one registered meter, a device's side of the broker, a running ingest."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from gridtokenx_hub.broker.settings import BrokerSettings
from gridtokenx_hub.database import ensure_partitions
from gridtokenx_hub.ingest import Ingest

from .devices import Gateway, Meter, new_meter, now_ms, open_gateway, register, running


@pytest.fixture
async def gateway(broker: BrokerSettings) -> AsyncIterator[Gateway]:
    async with open_gateway(broker) as opened:
        yield opened


@pytest.fixture
async def ingest(pool: asyncpg.Pool, broker: BrokerSettings) -> AsyncIterator[Ingest]:
    async with running(pool, broker) as started:
        yield started


@pytest.fixture
async def meter(pool: asyncpg.Pool) -> Meter:
    """A registered meter."""
    await ensure_partitions(pool, now_ms())
    made = new_meter(1)
    await register(pool, made)
    return made
