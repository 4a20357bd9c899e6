"""energy-token: how many settlements, each with its proof, fit into one transaction.

The size of a transaction is held to by every world.
"""

import pytest
from grid import KWH, Grid, Site
from harness import Device, p256_device
from solders.compute_budget import set_compute_unit_limit
from solders.instruction import Instruction
from worlds import table_of

MINTED = 3 * KWH // 2


def settlements(sites: list[Site]) -> list[Instruction]:
    """A compute limit, and the next settlement of each meter, its proof directly before it."""
    return [
        set_compute_unit_limit(6_000 * len(sites) + 300),
        *(
            part
            for site in sites
            for part in (site.device.proof(site.reading()), site.instruction())
        ),
    ]


@pytest.mark.parametrize("algorithm", [0, 1], ids=["ed25519", "p256"])
def test_two_fit_a_legacy_transaction(grid: Grid, algorithm: int) -> None:
    world, sites = grid.world, [grid.site(Device(algorithm)) for _ in range(2)]
    world.send(*settlements(sites))
    assert [world.balance(site.token) for site in sites] == [MINTED] * 2


def test_three_fit_a_transaction_with_a_lookup_table(grid: Grid) -> None:
    world, sites = grid.world, [grid.site(p256_device()) for _ in range(3)]
    steps = settlements(sites)
    world.send(*steps, table=table_of(*steps))
    assert [world.balance(site.token) for site in sites] == [MINTED] * 3
