"""Whether a ledger is whole: checked on its file, with nothing of the chain but the machine."""

import itertools
import sqlite3
from contextlib import closing
from pathlib import Path

from solders.message import Message, MessageV0
from solders.transaction import VersionedTransaction

from gridtokenx_hub.local_chain import Genesis
from gridtokenx_hub.local_chain.bank import Bank
from gridtokenx_hub.local_chain.genesis import CreationParameters
from gridtokenx_hub.local_chain.slots import Slot
from gridtokenx_hub.local_chain.transaction import ParsedTransaction


def assert_whole(folder: Path, genesis: Genesis) -> int:
    """Execute all transactions of the ledger anew and compare; returns how many there are."""
    with closing(sqlite3.connect(f"file:{folder / 'ledger.sqlite'}?mode=ro", uri=True)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        slots = {
            row[0]: (Slot(*row[:5]), row[5])
            for row in db.execute("SELECT * FROM slots ORDER BY number")
        }
        rows = db.execute(
            "SELECT slot, position, raw, err FROM transactions ORDER BY id"
        ).fetchall()
        _assert_slots_are_full(slots, rows)
        _assert_addresses_are_complete(db)
        creation = CreationParameters(*db.execute("SELECT * FROM creation").fetchone())
        accounts = dict(db.execute("SELECT address, image FROM accounts"))
    assert _replayed(Bank(genesis, creation, ()), slots, rows) == accounts
    return len(rows)


def _assert_slots_are_full(
    slots: dict[int, tuple[Slot, int]], rows: list[tuple[int, int, bytes, str | None]]
) -> None:
    positions = {
        number: [row[1] for row in of_slot]
        for number, of_slot in itertools.groupby(rows, key=lambda row: row[0])
    }
    assert positions.keys() <= slots.keys()
    for number, (_, count) in slots.items():
        assert positions.get(number, []) == list(range(count))


def _assert_addresses_are_complete(db: sqlite3.Connection) -> None:
    """Of transactions without lookup tables, whose addresses are all in the transaction itself."""
    for number, raw in db.execute("SELECT id, raw FROM transactions").fetchall():
        message = VersionedTransaction.from_bytes(raw).message
        assert isinstance(message, Message | MessageV0)
        stored = db.execute(
            "SELECT address FROM address_transactions WHERE transaction_id = ?", (number,)
        )
        assert {row[0] for row in stored} == {bytes(key) for key in message.account_keys}


def _replayed(
    bank: Bank,
    slots: dict[int, tuple[Slot, int]],
    rows: list[tuple[int, int, bytes, str | None]],
) -> dict[bytes, bytes]:
    """The images of all accounts that were ever written, after all transactions."""
    images: dict[bytes, bytes | None] = {}
    for number, of_slot in itertools.groupby(rows, key=lambda row: row[0]):
        bank.open_slot(slots[number][0], [])
        for _, _, raw, err in of_slot:
            execution = bank.execute(ParsedTransaction.parse(raw))
            assert (execution.error is None) is (err is None)
            images |= execution.changed
    return {address: image for address, image in images.items() if image is not None}
