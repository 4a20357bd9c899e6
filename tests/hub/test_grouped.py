"""Questions that come while a group is under way are the next group."""

import asyncio
from collections.abc import Sequence

import pytest

from gridtokenx_hub.grouped import Grouped


class Asked:
    """Doubles numbers, each group when the test lets it; keeps the groups."""

    def __init__(self, largest: int = 256) -> None:
        self.groups: list[list[int]] = []
        self.let = asyncio.Semaphore(0)
        self.grouped = Grouped(self._double, largest)

    async def _double(self, numbers: Sequence[int]) -> list[int]:
        self.groups.append(list(numbers))
        await self.let.acquire()
        if 13 in numbers:
            raise ValueError("thirteen")
        return [2 * number for number in numbers]

    async def begin(self, *numbers: int) -> list[asyncio.Task[int]]:
        tasks = [asyncio.create_task(self.grouped.ask(number)) for number in numbers]
        for _ in range(3):
            await asyncio.sleep(0)
        return tasks

    def go(self, groups: int = 1) -> None:
        for _ in range(groups):
            self.let.release()


async def test_the_first_goes_at_once_and_who_comes_meanwhile_goes_together() -> None:
    asked = Asked()
    first = await asked.begin(1)
    assert asked.groups == [[1]]
    rest = await asked.begin(2, 3, 4)
    assert asked.groups == [[1]]
    asked.go(2)
    assert await asyncio.gather(*first, *rest) == [2, 4, 6, 8]
    assert asked.groups == [[1], [2, 3, 4]]


async def test_a_group_has_its_largest_size() -> None:
    asked = Asked(largest=2)
    tasks = await asked.begin(1, 2, 3, 4, 5)
    asked.go(3)
    assert await asyncio.gather(*tasks) == [2, 4, 6, 8, 10]
    assert asked.groups == [[1, 2], [3, 4], [5]]


async def test_what_is_raised_belongs_to_that_group_alone() -> None:
    asked = Asked()
    first = await asked.begin(1, 13)
    rest = await asked.begin(2)
    asked.go(2)
    told = await asyncio.gather(*first, *rest, return_exceptions=True)
    assert [str(answer) for answer in told] == ["thirteen", "thirteen", "4"]


async def test_who_stops_waiting_takes_nothing_from_the_others() -> None:
    asked = Asked()
    gone, stays = await asked.begin(1, 2)
    gone.cancel()
    asked.go()
    assert await stays == 4
    with pytest.raises(asyncio.CancelledError):
        await gone
    (again,) = await asked.begin(3)
    asked.go()
    assert await again == 6
