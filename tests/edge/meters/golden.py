"""A golden case: what a meter's registers held, and what has to come out."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridtokenx_edge.errors import MeterReplyError
from gridtokenx_edge.meters import Block, Quantity

FOLDER = Path(__file__).parent / "cases"


@dataclass(frozen=True)
class Case:
    """One file under ``cases/<profile>/``.

    Attributes:
        profile: Name of the profile.
        name: What is special about it.
        origin: ``capture`` from a real meter, ``document`` of the maker, or ``synthetic``.
        words: Function and address to the word there.
        reading: Expected values in our integer units: of all quantities, or of those in the dump.
        serial: Expected serial number.
        error: Expected reason, and of which quantity (or ``identity``, or ``model``).
    """

    profile: str
    name: str
    origin: str
    words: dict[tuple[int, int], bytes]
    reading: dict[Quantity, int]
    serial: str | None
    error: dict[str, str] | None

    async def read(self, block: Block) -> bytes:
        """Answer like the meter; words that the dump leaves out between others read zero."""
        addresses = range(block.address, block.address + block.count)
        if not any((block.function, address) in self.words for address in addresses):
            raise MeterReplyError("illegal_address", f"{block} is not in the dump")
        return b"".join(
            self.words.get((block.function, address), bytes(2)) for address in addresses
        )

    def holds(self, function: int, address: int, words: int) -> bool:
        """Whether the dump has all of these words."""
        return all((function, address + offset) in self.words for offset in range(words))


def load_case(path: Path) -> Case:
    values = tomllib.loads(path.read_text())
    known = {"origin", "from", "serial", "dump", "reading", "error"}
    assert values.keys() <= known, f"{path}: {values.keys() - known}"
    assert values["origin"] in {"capture", "document", "synthetic"}, path
    assert values["from"], path
    return Case(
        profile=path.parent.name,
        name=path.stem,
        origin=values["origin"],
        words=dict(word for dump in values["dump"] for word in _words(dump)),
        reading={Quantity(name): value for name, value in values.get("reading", {}).items()},
        serial=values.get("serial"),
        error=values.get("error"),
    )


def _words(dump: dict[str, Any]) -> list[tuple[tuple[int, int], bytes]]:
    return [
        ((dump["function"], dump["address"] + offset), bytes.fromhex(word))
        for offset, word in enumerate(dump["words"].split())
    ]


CASES = [load_case(path) for path in sorted(FOLDER.glob("*/*.toml"))]
