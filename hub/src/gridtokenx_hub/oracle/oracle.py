"""The job that posts the rate: asks, judges, writes down, sends; one process at a time does it."""

import asyncio
import datetime as dt
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import asyncpg
from solders.keypair import Keypair

from gridtokenx_hub.chain import (
    ChainClient,
    ChainError,
    ChainUnavailable,
    PreparedTransaction,
    RequestRefused,
    TransactionExpired,
    TransactionRefused,
    TransactionSender,
)
from gridtokenx_hub.leadership import Connection, Job, lead_rounds
from gridtokenx_hub.oracle import rounds
from gridtokenx_hub.oracle.judgement import Judgement, judge, median
from gridtokenx_hub.oracle.manual import manual_rate
from gridtokenx_hub.oracle.settings import OracleSettings
from gridtokenx_hub.oracle.sources import ask_all, open_session
from gridtokenx_programs import Addresses, Program

COMPUTE_UNITS = 60_000
"""The first time the account is made, at the end of a search for its address."""
RETRY_S = 5.0
GIVEN_UP_AFTER = dt.timedelta(minutes=10)
"""A transaction's blockhash is dead by then, on any cluster."""

log = logging.getLogger(__name__)


class Oracle:
    """Posts what a GRX is worth in baht, as often as the trading program needs it.

    Args:
        pool: the hub's database.
        client: the chain, which knows the last rate.
        sender: makes and sends transactions.
        trading: the trading program.
        addresses: where its accounts are.
        key: holds the market's oracle role.
        settings: whom to ask, how often, and whom to believe.
        folder: relative paths of file sources begin here.
        clock: the present instant.
        pause: between two rounds; left out: `period_s`.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        client: ChainClient,
        sender: TransactionSender,
        trading: Program,
        addresses: Addresses,
        key: Keypair,
        settings: OracleSettings,
        folder: Path,
        clock: Callable[[], dt.datetime],
        pause: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._pool = pool
        self._client = client
        self._sender = sender
        self._trading = trading
        self._addresses = addresses
        self._key = key
        self._settings = settings
        self._folder = folder
        self._clock = clock
        self._pause = pause or (lambda: asyncio.sleep(settings.period_s))

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, through every outage."""
        async with open_session() as http:
            await lead_rounds(
                self._pool,
                Job.ORACLE,
                lambda connection: self._round(connection, http),
                self._pause,
                RETRY_S,
                stop,
            )

    async def _round(self, connection: Connection, http: aiohttp.ClientSession) -> None:
        try:
            await self._finish_earlier(connection)
            await self._post(connection, http)
        except ChainError as error:
            log.warning("oracle: %s", error)

    async def _post(self, connection: Connection, http: aiohttp.ClientSession) -> None:
        """Do one round.

        Raises:
            ChainError: the rate before is not known, or whether the new one was taken.
        """
        now, chosen = self._clock(), self._settings
        told = await ask_all(http, chosen.sources, self._folder, now)
        for answer in told:
            if answer.fault is not None:
                log.warning("oracle: source %s: %s", answer.name, answer.fault)
        rates = [each.micro_thb_per_grx for each in told if each.micro_thb_per_grx is not None]
        manual = await manual_rate(connection, now)
        manual_micro_thb = None if manual is None else manual.micro_thb_per_grx
        try:
            last = await self._last_rate()
            judgement = judge(rates, chosen.quorum, chosen.max_jump_percent, last, manual_micro_thb)
            prepared = await self._prepare(judgement.rate) if judgement.rate else None
        except ChainError:
            unknown = Judgement(median(rates), "no_chain", None, None)
            await rounds.keep(connection, now, told, unknown, None)
            raise
        _alarm(judgement)
        signature = None if prepared is None else prepared.signature
        number = await rounds.keep(connection, now, told, judgement, signature)
        if prepared is not None:
            await self._deliver(connection, number, prepared)

    async def _last_rate(self) -> int | None:
        """Return the rate on chain, None while there is none: the chain forgets no round."""
        account = await self._client.account(self._addresses.price())
        if account is None or account.owner != self._trading.id:
            return None
        price = self._trading.decode_account("Price", account.data)
        rate: int = price["rate_micro_thb_per_grx"]
        return rate

    async def _prepare(self, rate: int) -> PreparedTransaction:
        accounts = {
            "market": self._addresses.market(),
            "oracle": self._key.pubkey(),
            "price": self._addresses.price(),
        }
        return await self._sender.prepare(
            lambda payer: [
                self._trading.instruction(
                    "update_price", {"rate_micro_thb_per_grx": rate}, {**accounts, "payer": payer}
                )
            ],
            (self._key,),
            compute_units=COMPUTE_UNITS,
        )

    async def _deliver(
        self, connection: Connection, number: int, prepared: PreparedTransaction
    ) -> None:
        """Send a round's transaction.

        Raises:
            ChainUnavailable: what became of it is not known; a later round finds out.
        """
        try:
            await self._sender.deliver(prepared)
        except (TransactionRefused, TransactionExpired, RequestRefused) as error:
            log.warning("oracle: not posted: %s", error)
            await rounds.end(connection, number, "failed", str(error))
        else:
            await rounds.end(connection, number, "posted")

    async def _finish_earlier(self, connection: Connection) -> None:
        """Find out what became of transactions that were on their way when a round was cut off."""
        for sent in await rounds.on_their_way(connection):
            try:
                confirmation = await self._sender.outcome(sent.tx_signature)
            except TransactionRefused as refused:
                await rounds.end(connection, sent.id, "failed", str(refused))
                continue
            except ChainUnavailable:
                return  # in a later round
            if confirmation is not None:
                await rounds.end(connection, sent.id, "posted")
            elif self._clock() - sent.began_at > GIVEN_UP_AFTER:
                await rounds.end(connection, sent.id, "failed", "it was not executed in time")


def _alarm(judgement: Judgement) -> None:
    match judgement.doubt:
        case "too_few":
            log.error("oracle: too few sources tell a rate; %s", _instead(judgement))
        case "jump":
            log.error(
                "oracle: a jump to %s µTHB per GRX is not believed; %s",
                judgement.median,
                _instead(judgement),
            )


def _instead(judgement: Judgement) -> str:
    if judgement.rate is None:
        return "nothing is posted until an operator sets a rate"
    return f"the operator's {judgement.rate} µTHB per GRX is posted"
