"""Slots, block heights and the window of blockhashes.

A slot is one group commit of the ledger, so slots follow each other as fast as the disk allows.
Were the block height the slot, 150 blocks would pass in half a second under load and a blockhash
would expire before its transaction arrives. So the block height counts time: one for each 400 ms
that passed, as on a real cluster, and the many slots within 400 ms share a height. Blockhashes live
for 150 heights, a minute.

Nobody writes slots while nobody looks: a request that depends on time opens a slot when 400 ms have
passed since the last height, and the heights that went by meanwhile are counted in one step. An
idle chain costs nothing, and what was answered is in the ledger like everything else.
"""

import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from solders.hash import Hash

BLOCK_MS = 400
BLOCKHASH_WINDOW = 150
SLOT_HASHES = 512
SLOTS_PER_EPOCH = 432_000


@dataclass(frozen=True, slots=True)
class TimeSource:
    """Where time comes from: the wall clock in Unix seconds, and one that only runs forward."""

    unix_s: Callable[[], int]
    monotonic_ms: Callable[[], int]


SYSTEM_TIME = TimeSource(
    unix_s=lambda: int(time.time()), monotonic_ms=lambda: time.monotonic_ns() // 1_000_000
)


@dataclass(frozen=True, slots=True)
class Slot:
    """One slot as it is in the ledger; `blockhash` may be used by transactions of later slots."""

    number: int
    block_height: int
    blockhash: bytes
    unix_s: int
    epoch_start_unix_s: int

    @property
    def epoch(self) -> int:
        """The epoch the slot is in."""
        return self.number // SLOTS_PER_EPOCH


class SlotWindow:
    """The newest slots: proposes the next one by the clock, and knows which blockhashes live.

    `recent` are the ledger's newest slots, oldest first: at least `SLOT_HASHES` of them, and all
    whose blockhash may still live (as far as there are so many).
    """

    def __init__(self, recent: Iterable[Slot], time_source: TimeSource) -> None:
        self._time = time_source
        self._heights: OrderedDict[bytes, int] = OrderedDict()
        self._hashes: deque[tuple[int, Hash]] = deque(maxlen=SLOT_HASHES)
        for slot in recent:
            self.append(slot)
        idle_s = max(0, time_source.unix_s() - self.tip.unix_s)
        self._height_opened_ms = time_source.monotonic_ms() - idle_s * 1000

    def append(self, slot: Slot) -> None:
        """Take `slot`, which the ledger now has, as the newest."""
        self.tip = slot
        self._heights[slot.blockhash] = slot.block_height
        self._hashes.appendleft((slot.number, Hash(slot.blockhash)))
        while next(iter(self._heights.values())) + BLOCKHASH_WINDOW < slot.block_height:
            self._heights.popitem(last=False)

    def propose(self) -> Slot:
        """Return the slot that would follow now; nothing changes until it is appended."""
        blocks = self._blocks_passed()
        number = self.tip.number + max(1, blocks)
        unix_s = max(self.tip.unix_s, self._time.unix_s())
        same_epoch = number // SLOTS_PER_EPOCH == self.tip.epoch
        return Slot(
            number=number,
            block_height=self.tip.block_height + blocks,
            blockhash=secrets.token_bytes(32),
            unix_s=unix_s,
            epoch_start_unix_s=self.tip.epoch_start_unix_s if same_epoch else unix_s,
        )

    def advance(self, slot: Slot) -> None:
        """Append a slot that `propose` returned, and count the time it stands for as used."""
        self._height_opened_ms += (slot.block_height - self.tip.block_height) * BLOCK_MS
        self.append(slot)

    def is_stale(self) -> bool:
        """Whether the block height would rise if a slot were opened now."""
        return self._blocks_passed() > 0

    def last_valid_height(self, blockhash: bytes) -> int | None:
        """The last block height at which `blockhash` may be used; None if it is not known."""
        height = self._heights.get(blockhash)
        return None if height is None else height + BLOCKHASH_WINDOW

    def is_valid(self, blockhash: bytes, block_height: int) -> bool:
        """Whether a transaction with `blockhash` may be executed at `block_height`."""
        last = self.last_valid_height(blockhash)
        return last is not None and block_height <= last

    def slot_hashes(self) -> list[tuple[int, Hash]]:
        """The slot hashes sysvar for the slot that follows: newest first."""
        return list(self._hashes)

    def oldest_needed(self) -> int:
        """Number of the oldest slot that a restart needs to have."""
        return self._hashes[-1][0]

    def _blocks_passed(self) -> int:
        return (self._time.monotonic_ms() - self._height_opened_ms) // BLOCK_MS
