"""Payments are followed in ranges, from where the last run stopped, and back on a reorg."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.guardian.facts import Facts, key

from gridtokenx_guardian import keys
from gridtokenx_guardian.errors import EndpointNonsense
from gridtokenx_guardian.facts import Block, Payment
from gridtokenx_guardian.following import follower as follower_module
from gridtokenx_guardian.following.follower import Follower
from gridtokenx_guardian.following.journal import MARKS, Journal
from gridtokenx_guardian.signing import state


def payment(number: int, name: str = "reservation") -> Payment:
    return replace(Facts().payment, reservation=key(name), block_number=number)


class FakeBridge:
    """A chain of blocks whose hash says on which branch they are."""

    def __init__(self, height: int) -> None:
        self.branches = [b"a"] * (height + 1)
        self.payments: list[Payment] = []
        self.ranges: list[tuple[int, int]] = []

    def fork(self, number: int, height: int) -> None:
        """From this block on the chain is another, up to this height."""
        self.branches = self.branches[:number] + [b"b"] * (height + 1 - number)
        self.payments = [one for one in self.payments if one.block_number < number]

    def at(self, number: int) -> Block:
        return Block(number, self.branches[number] * 32, number)

    @property
    def newest(self) -> Block:
        return self.at(len(self.branches) - 1)

    async def block(self, number: int) -> Block | None:
        return self.at(number) if number < len(self.branches) else None

    async def payments_received(self, first: int, last: int) -> list[Payment]:
        self.ranges.append((first, last))
        return [one for one in self.payments if first <= one.block_number <= last]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    state.create(tmp_path, keys.create(tmp_path))
    return tmp_path


@pytest.fixture
def journal(folder: Path) -> Iterator[Journal]:
    with closing(state.open_state(folder, keys.load(folder))) as connection:
        yield Journal(connection)


def following(bridge: FakeBridge, journal: Journal, start: int = 0) -> Follower:
    return Follower(bridge, journal, start)  # type: ignore[arg-type] # stands in for the bridge


@pytest.fixture(autouse=True)
def _short_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower_module, "RANGE", 10)


async def test_in_ranges_from_the_bridges_first_block_on(journal: Journal) -> None:
    bridge = FakeBridge(height=27)
    bridge.payments = [payment(4, "before"), payment(5, "first"), payment(27, "last")]
    await following(bridge, journal, start=5).follow(bridge.newest)
    assert bridge.ranges == [(5, 14), (15, 24), (25, 27)]
    assert journal.payments() == bridge.payments[1:]


async def test_a_new_process_goes_on_where_the_last_stopped(folder: Path) -> None:
    bridge = FakeBridge(height=7)
    for height in (7, 12):
        bridge.branches = [b"a"] * (height + 1)
        with closing(state.open_state(folder, keys.load(folder))) as connection:
            await following(bridge, Journal(connection)).follow(bridge.newest)
    assert bridge.ranges == [(0, 7), (8, 12)]


async def test_what_a_reorg_took_away_is_forgotten(journal: Journal) -> None:
    bridge = FakeBridge(height=10)
    bridge.payments = [payment(3, "stays"), payment(9, "goes")]
    follower = following(bridge, journal)
    await follower.follow(bridge.at(5))
    await follower.follow(bridge.newest)
    bridge.fork(8, height=12)
    bridge.payments.append(payment(11, "comes"))
    await follower.follow(bridge.newest)
    assert bridge.ranges[-1] == (6, 12), "from the newest mark that is still of the chain"
    assert [one.reservation for one in journal.payments()] == [key("stays"), key("comes")]


async def test_a_reorg_below_all_marks_begins_anew(journal: Journal) -> None:
    bridge = FakeBridge(height=10)
    bridge.payments = [payment(9)]
    follower = following(bridge, journal, start=2)
    await follower.follow(bridge.newest)
    bridge.fork(2, height=10)
    await follower.follow(bridge.newest)
    assert bridge.ranges == [(2, 10), (2, 10)]
    assert journal.payments() == []


async def test_a_shorter_chain_is_gone_back_to(journal: Journal) -> None:
    bridge = FakeBridge(height=10)
    follower = following(bridge, journal)
    await follower.follow(bridge.at(6))
    await follower.follow(bridge.newest)
    bridge.fork(8, height=8)
    await follower.follow(bridge.newest)
    assert [mark.number for mark in journal.marks()] == [8, 6]


async def test_nothing_new_asks_nothing(journal: Journal) -> None:
    bridge = FakeBridge(height=7)
    follower = following(bridge, journal)
    await follower.follow(bridge.newest)
    await follower.follow(bridge.newest)
    assert bridge.ranges == [(0, 7)]


async def test_a_range_that_fails_leaves_what_came_before(journal: Journal) -> None:
    bridge = FakeBridge(height=25)
    told = bridge.payments_received

    async def failing(first: int, last: int) -> list[Payment]:
        if first == 10:
            raise EndpointNonsense("evm", "a lie")
        return await told(first, last)

    bridge.payments_received = failing  # type: ignore[method-assign] # fails once
    with pytest.raises(EndpointNonsense):
        await following(bridge, journal).follow(bridge.newest)
    bridge.payments_received = told  # type: ignore[method-assign] # as it was
    await following(bridge, journal).follow(bridge.newest)
    assert bridge.ranges == [(0, 9), (10, 19), (20, 25)]


async def test_marks_do_not_grow_for_ever(journal: Journal) -> None:
    for number in range(MARKS + 10):
        journal.advance(Block(number, bytes(32), number), [])
    assert len(journal.marks()) == MARKS
    assert journal.marks()[0].number == MARKS + 9
