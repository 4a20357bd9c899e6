"""What a batch of events changes in the tables, row by row, before any of it is written.

However often the events of a batch change a row, it is written once, as the last of them leaves
it; and rows that change in the same columns go to the database in one statement.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from typing import TypeAlias

from gridtokenx_hub.leadership import Connection

Key: TypeAlias = str | bytes | int
Values: TypeAlias = Mapping[str, object]


class Table(StrEnum):
    """The tables that events fill, in the order in which they are written.

    No row comes before one that it refers to.
    """

    EVENTS = auto()
    USERS = auto()
    METERS = auto()
    LEDGERS = auto()
    ORDERS = auto()
    OFFERS = auto()
    RESERVATIONS = auto()
    TRANSACTIONS = auto()
    PRICES = auto()


KEYS: Mapping[Table, str] = {
    Table.EVENTS: "sequence",
    Table.USERS: "wallet",
    Table.METERS: "meter_id",
    Table.LEDGERS: "meter_id",
    Table.ORDERS: "order_id",
    Table.OFFERS: "offer_id",
    Table.RESERVATIONS: "reservation_id",
    Table.TRANSACTIONS: "event_sequence",
    Table.PRICES: "event_sequence",
}
"""The column by which events name a row; all events of a batch are of one program."""


class RowExists(LookupError):
    """An event makes a row that an event before it has made."""

    def __init__(self, table: Table, key: Key) -> None:
        super().__init__(f"{table} has a row {key!r} already")


class _How(Enum):
    INSERT = auto()
    UPDATE = auto()
    UPSERT = auto()


@dataclass(slots=True)
class _Row:
    """`values` are set, `added` is added to what is there, `initial` is set in a new row only."""

    how: _How
    values: dict[str, object] = field(default_factory=dict)
    added: dict[str, int] = field(default_factory=dict)
    initial: dict[str, object] = field(default_factory=dict)

    def set(self, values: Values) -> None:
        for name, value in values.items():
            self.values[name] = value
            self.added.pop(name, None)

    def add(self, name: str, amount: int) -> None:
        before = self.values.get(name)
        if isinstance(before, int):
            self.values[name] = before + amount
        else:
            self.added[name] = self.added.get(name, 0) + amount

    @property
    def shape(self) -> tuple[_How, tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Rows of one shape are written by one statement."""
        return self.how, tuple(self.values), tuple(self.added), tuple(self.initial)


class Changes:
    """Takes the changes of events in their order, and writes what they come to."""

    def __init__(self) -> None:
        self._rows: defaultdict[Table, dict[Key, _Row]] = defaultdict(dict)
        self._commands: defaultdict[str, list[tuple[object, ...]]] = defaultdict(list)

    def insert(self, table: Table, key: Key, values: Values) -> None:
        """Make a row; an update of it before this found nothing to change.

        Raises:
            RowExists: an event of this batch has made it. The database tells of those before.
        """
        rows = self._rows[table]
        if key in rows and rows[key].how is not _How.UPDATE:
            raise RowExists(table, key)
        rows[key] = _Row(_How.INSERT, dict(values))

    def update(self, table: Table, key: Key, values: Values) -> None:
        """Set columns of a row, if it is there."""
        self._row(table, key, _How.UPDATE).set(values)

    def add(self, table: Table, key: Key, column: str, amount: int) -> None:
        """Add to a column of a row, if it is there."""
        self._row(table, key, _How.UPDATE).add(column, amount)

    def upsert(self, table: Table, key: Key, values: Values, initial: Values) -> None:
        """Set columns of a row; if it is not there, make it, with the `initial` values as well."""
        row = self._row(table, key, _How.UPSERT)
        row.set(values)
        row.initial = {**initial, **row.initial}
        for name in row.values:
            row.initial.pop(name, None)

    def command(self, statement: str, *arguments: object) -> None:
        """Have a statement executed after all rows are written.

        Those of one statement keep their order; between different statements there is none.
        """
        self._commands[statement].append(arguments)

    async def write(self, connection: Connection) -> None:
        """Write everything; to be called once, within a transaction."""
        for table in Table:
            for shape, rows in _by_shape(self._rows[table]):
                await _write(connection, table, shape, rows)
        for statement, arguments in self._commands.items():
            await connection.executemany(statement, arguments)

    def _row(self, table: Table, key: Key, how: _How) -> _Row:
        return self._rows[table].setdefault(key, _Row(how))


_Rows: TypeAlias = list[tuple[Key, _Row]]


def _by_shape(rows: Mapping[Key, _Row]) -> Iterator[tuple[_Row, _Rows]]:
    """Return the rows of each shape, in their order, behind one of them."""
    groups: defaultdict[object, _Rows] = defaultdict(list)
    for key, row in rows.items():
        groups[row.shape].append((key, row))
    for group in groups.values():
        yield group[0][1], group


async def _write(connection: Connection, table: Table, shape: _Row, rows: _Rows) -> None:
    records = [(key, *_flat(row)) for key, row in rows]
    columns = [KEYS[table], *shape.values, *shape.added, *shape.initial]
    match shape.how:
        case _How.INSERT:
            await connection.copy_records_to_table(table, records=records, columns=columns)
        case _How.UPDATE:
            await connection.executemany(_update(table, shape), records)
        case _How.UPSERT:
            await connection.executemany(_upsert(table, columns, shape.values), records)


def _flat(row: _Row) -> Iterator[object]:
    yield from row.values.values()
    yield from row.added.values()
    yield from row.initial.values()


def _update(table: Table, shape: _Row) -> str:
    changes = [f"{name} = ${place}" for place, name in enumerate(shape.values, 2)]
    changes += [
        f"{name} = {name} + ${place}"
        for place, name in enumerate(shape.added, 2 + len(shape.values))
    ]
    return f"UPDATE {table} SET {', '.join(changes)} WHERE {KEYS[table]} = $1"  # noqa: S608 - our own names


def _upsert(table: Table, columns: list[str], values: Iterable[str]) -> str:
    places = ", ".join(f"${place}" for place in range(1, len(columns) + 1))
    changes = ", ".join(f"{name} = excluded.{name}" for name in values)
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608 - our own names
        f" ON CONFLICT ({KEYS[table]}) DO UPDATE SET {changes}"
    )
