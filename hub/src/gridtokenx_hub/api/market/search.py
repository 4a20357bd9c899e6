"""The order book, sorted and narrowed down; each order of sorting has its index.

A search with bounds is planned anew each time: PostgreSQL's plan for whatever values there may be
guesses how many orders pass a bound, however few do.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import asyncpg

from gridtokenx_hub.api.http.pagination import Key, page_of, read_cursor
from gridtokenx_hub.api.market.market import ORDERS, Order, order_of
from gridtokenx_hub.monitoring.instruments import DATABASE_QUERY

Sort = Literal["price", "-price", "amount", "-amount", "newest", "oldest"]


@dataclass(frozen=True, slots=True)
class _Sorting:
    """An order of rows: by an expression, then by the order's number, both upwards or downwards."""

    expression: str
    rises: bool


LEFT = "(o.amount_mwh - o.filled_mwh - o.reserved_mwh)"
SORTINGS: Mapping[Sort, _Sorting] = {
    "price": _Sorting("o.price_micro_grx", rises=True),
    "-price": _Sorting("o.price_micro_grx", rises=False),
    "amount": _Sorting(LEFT, rises=True),
    "-amount": _Sorting(LEFT, rises=False),
    "oldest": _Sorting("o.number", rises=True),
    "newest": _Sorting("o.number", rises=False),
}


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for; None leaves it open.

    Args:
        sort: by which the orders come.
        lowest_micro_grx: least price per kWh.
        highest_micro_grx: highest price per kWh.
        least_mwh: least amount that is left.
        most_mwh: highest amount that is left.
        seller: how the seller's name begins, upper and lower case alike.
    """

    sort: Sort = "price"
    lowest_micro_grx: int | None = None
    highest_micro_grx: int | None = None
    least_mwh: int | None = None
    most_mwh: int | None = None
    seller: str | None = None

    @property
    def has_bounds(self) -> bool:
        """Whether prices or amounts are left out."""
        bounds = (self.lowest_micro_grx, self.highest_micro_grx, self.least_mwh, self.most_mwh)
        return any(bound is not None for bound in bounds)


async def search_orders(
    pool: asyncpg.Pool, now: dt.datetime, search: Search, limit: int, cursor: str | None
) -> tuple[Sequence[Order], str | None]:
    """Return a page of the active orders, and the cursor of the next.

    Raises:
        Problem: 422, the cursor is none of this list sorted this way.
    """
    name = f"orders {search.sort}"
    after = read_cursor(name, cursor, int, int)
    statement, values = query(search, now, after)
    rows = await _fetch(pool, f"{statement} LIMIT {limit + 1:d}", values, search.has_bounds)
    orders = [order_of(row) for row in rows]
    return page_of(orders, limit, name, lambda order: _key(search.sort, order))


async def _fetch(
    pool: asyncpg.Pool, text: str, values: Sequence[object], plans_anew: bool
) -> Sequence[asyncpg.Record]:
    if not plans_anew:
        return await pool.fetch(text, *values)
    async with pool.acquire() as connection:
        # A statement without a name is not kept, and so is planned for the values of its one use.
        with DATABASE_QUERY.time():
            statement = await connection.prepare(text, name="")
            return await statement.fetch(*values)


def query(search: Search, now: dt.datetime, after: Key | None) -> tuple[str, list[object]]:
    """Return the statement of a search from the key `after` on, without its limit, and its values.

    Its text depends on what is asked for and never on the values: these are parameters.
    """
    sorting = SORTINGS[search.sort]
    direction, beyond = ("ASC", ">") if sorting.rises else ("DESC", "<")
    values: list[object] = [now]
    conditions = ["o.status = 'active'", "(o.expires_at IS NULL OR o.expires_at > $1)"]

    def require(condition: str, *wanted: object) -> None:
        places = [f"${len(values) + 1 + index}" for index in range(len(wanted))]
        values.extend(wanted)
        conditions.append(condition.format(*places))

    for condition, value in (
        ("o.price_micro_grx >= {}", search.lowest_micro_grx),
        ("o.price_micro_grx <= {}", search.highest_micro_grx),
        (f"{LEFT} >= {{}}", search.least_mwh),
        (f"{LEFT} <= {{}}", search.most_mwh),
        (
            "o.seller_wallet IN (SELECT wallet FROM users WHERE lower(name) LIKE {})",
            None if search.seller is None else beginning(search.seller),
        ),
    ):
        if value is not None:
            require(condition, value)
    if after is not None:
        require(f"({sorting.expression}, o.number) {beyond} ({{}}, {{}})", *after)
    order = f"{sorting.expression} {direction}, o.number {direction}"
    return f"{ORDERS} WHERE {' AND '.join(conditions)} ORDER BY {order}", values


def beginning(name: str) -> str:
    """Return the LIKE pattern of names that begin so."""
    escaped = name.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped + "%"


def _key(sort: Sort, order: Order) -> Key:
    first = {
        "o.price_micro_grx": order.price_micro_grx,
        LEFT: order.left_mwh,
        "o.number": order.number,
    }[SORTINGS[sort].expression]
    return first, order.number
