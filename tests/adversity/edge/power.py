"""What a power cut leaves on the disk, from a record of the agent's system calls.

A file keeps what was written before its last sync; of what was written after it, any part may be
there or not. Writes to SQLite's shared memory (-shm) do not count: it is made anew.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gridtokenx_protocol import cose
from gridtokenx_protocol.payload import Payload

CALLS = "pwrite64,fdatasync,fsync,ftruncate,sendto"
LONGEST = 1 << 16
_CALL = re.compile(r"(?P<thread>\d+) +(?P<name>\w+)\((?P<rest>.*)")
_RESUMED = re.compile(r"(?P<thread>\d+) +<\.\.\. (?P<name>\w+) resumed>(?P<rest>.*)")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_PATH = re.compile(r"\d+<((?:\\x[0-9a-f]{2})+)>")
_OFFSET = re.compile(r", (\d+)(?:\) += .*)?$")
_UNFINISHED = " <unfinished ...>"


@dataclass
class Disk:
    """Two files, as they are on the disk for certain and as they may be."""

    synced: dict[str, bytes]
    unsynced: dict[str, list[tuple[int, bytes | None]]] = field(default_factory=dict)

    def write(self, name: str, offset: int, data: bytes | None) -> None:
        """Written, or (``None``) cut off behind the offset; not synced."""
        self.unsynced.setdefault(name, []).append((offset, data))

    def sync(self, name: str) -> None:
        """Everything that was written to this file is on the disk."""
        for offset, data in self.unsynced.pop(name, []):
            self.synced[name] = _put(self.synced[name], offset, data)

    def after_power_cut(self, folder: Path, chance: random.Random | None) -> None:
        """Lay the files down; with ``chance``, some of what was not synced is there as well."""
        for name, content in self.synced.items():
            for offset, data in self.unsynced.get(name, []) if chance else []:
                if chance and chance.random() < 0.5:
                    content = _put(content, offset, data)  # noqa: PLW2901 - it grows
            (folder / name).write_bytes(content)


def _put(content: bytes, offset: int, data: bytes | None) -> bytes:
    content = content.ljust(offset, b"\0")
    if data is None:
        return content[:offset]
    return content[:offset] + data + content[offset + len(data) :]


def publishing(trace: Path, disk: Disk, folder: Path) -> Iterator[list[int]]:
    """Play a record; stops whenever readings are handed to the network, and tells which."""
    for name, rest, done in _calls(trace):
        if name == "sendto":
            if not done and (sequences := _readings(_data(rest))):
                yield sequences
            continue
        path = _PATH.match(rest)
        file = Path(_unescaped(path[1]).decode()) if path else Path()
        if file.parent != folder or file.name not in disk.synced:
            continue
        if name in {"pwrite64", "ftruncate"} and not done:
            offset = _OFFSET.search(rest)
            assert offset, rest
            disk.write(file.name, int(offset[1]), _data(rest) if name == "pwrite64" else None)
        elif name in {"fsync", "fdatasync"} and done:
            disk.sync(file.name)


def _calls(trace: Path) -> Iterator[tuple[str, str, bool]]:
    """Each call twice: when it begins, and (``True``) when it has ended well."""
    begun: dict[str, str] = {}
    for line in trace.read_text().splitlines():
        if (call := _CALL.match(line)) is not None:
            rest = call["rest"]
            yield call["name"], rest.removesuffix(_UNFINISHED), False
            if rest.endswith(_UNFINISHED):
                begun[call["thread"]] = rest.removesuffix(_UNFINISHED)
            elif not re.search(r"= -1 ", rest):
                yield call["name"], rest, True
        elif (end := _RESUMED.match(line)) is not None and "= -1 " not in end["rest"]:
            yield end["name"], begun.pop(end["thread"]) + end["rest"], True


def _data(rest: str) -> bytes:
    found = _TEXT.search(rest)
    assert found, rest
    return _unescaped(found[1])


def _unescaped(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _readings(packet: bytes) -> list[int]:
    """Sequences in an MQTT 5 PUBLISH on the readings topic; none if it is something else."""
    if packet[0] >> 4 != 3:
        return []
    at = 1
    while packet[at] & 0x80:
        at += 1
    at += 1
    topic_end = at + 2 + int.from_bytes(packet[at : at + 2], "big")
    if not packet[:topic_end].endswith(b"/readings"):
        return []
    properties = topic_end + 2
    payload = packet[properties + 1 + packet[properties] :]
    records = Payload.decode(cose.decode(payload).payload).records
    return [record.sequence for record in records]
