"""What an audit finds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

DATABASE = "in the database"
CHAIN = "on chain"


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that should be one value, and what it is in each place."""

    what: str
    values: Mapping[str, object]

    def __str__(self) -> str:
        """Say it in a line."""
        return f"{self.what}: " + ", ".join(
            f"{value} {place}" for place, value in self.values.items()
        )


@dataclass(frozen=True, slots=True)
class Check:
    """One invariant of the design, examined.

    Attributes:
        invariant: its number in the design.
        title: what it says.
        compared: the counts and sums that were compared.
        differences: where it does not hold.
        skipped: why nothing was compared, if so.
    """

    invariant: int
    title: str
    compared: Mapping[str, int]
    differences: Sequence[Difference]
    skipped: str | None = None


def differing(what: str, in_database: object, on_chain: object) -> Iterator[Difference]:
    """Yield a difference if database and chain do not say the same."""
    if in_database != on_chain:
        yield Difference(what, {DATABASE: in_database, CHAIN: on_chain})
