"""Which addresses go into which lookup table."""

from collections.abc import Iterable, Sequence

from solders.pubkey import Pubkey

from gridtokenx_hub.chain.lookup_tables import MAX_ADDRESSES, LookupTable

Additions = dict[Pubkey | None, list[Pubkey]]
"""Addresses to add by table; None stands for one that is to be made."""


class _Shelf:
    """A table with what is planned for it."""

    def __init__(self, held: Sequence[Pubkey] = ()) -> None:
        self._content = set(held)
        self._room = MAX_ADDRESSES - len(held)  # an address that is there twice takes two
        self.added: list[Pubkey] = []

    def missing(self, needed: Sequence[Pubkey]) -> list[Pubkey]:
        return [address for address in needed if address not in self._content]

    def has_room(self, addresses: Sequence[Pubkey]) -> bool:
        return len(addresses) <= self._room

    def add(self, addresses: Sequence[Pubkey]) -> None:
        self._content.update(addresses)
        self._room -= len(addresses)
        self.added += addresses


def plan_additions(tables: Sequence[LookupTable], wanted: Iterable[Sequence[Pubkey]]) -> Additions:
    """Return what to add where, so that each of the `wanted` sets is whole in one table.

    A set goes where there is room and the least of it is missing. What a new table does not take
    any more is left for another time.
    """
    shelves: dict[Pubkey | None, _Shelf] = {
        table.address: _Shelf(table.addresses) for table in tables
    }
    shelves[None] = _Shelf()
    for needed in wanted:
        fitting = [shelf for shelf in shelves.values() if shelf.has_room(shelf.missing(needed))]
        if fitting:
            best = min(fitting, key=lambda shelf: len(shelf.missing(needed)))
            best.add(best.missing(needed))
    return {address: shelf.added for address, shelf in shelves.items() if shelf.added}
