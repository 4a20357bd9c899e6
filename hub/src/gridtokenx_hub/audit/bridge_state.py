"""What an audit knows of the bridge; a hub that has none loads nothing else of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gridtokenx_hub.bridge.bridge_events import Received


@dataclass(frozen=True, slots=True)
class BridgeState:
    """What the bridge was at the block up to which `payments` tells of it.

    Attributes:
        block_number: that block's; the newest one's where the listener has seen none.
        blocks_behind: how many newer ones there are.
        moved: whether the listener's block is not, or no longer, of the node's chain.
        micro_thbc_held: its balance of THBC.
        micro_thbc_locked: what it counts as locked.
        received: every payment by its reservation, from its events.
        endings: what became of each, `released` or `refunded`, as often as its events say so.
    """

    block_number: int
    blocks_behind: int
    moved: bool
    micro_thbc_held: int
    micro_thbc_locked: int
    received: "Mapping[str, Received]"
    endings: Mapping[str, Sequence[str]]
