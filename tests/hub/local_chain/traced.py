"""A local chain under strace, which kills it at a write or notes in which order it writes.

strace runs beside the chain (`-D`), so that signals reach the chain itself. It kills on entry to a
system call on one of the ledger's files: the call before is done, this one is not. It counts the
calls of each thread apart: one commits slots, another creates, opens and closes the ledger.
"""

import re
from dataclasses import dataclass
from pathlib import Path

FILES = ("ledger.sqlite", "ledger.sqlite-wal")
WRITES = "pwrite64,write,fsync,fdatasync,ftruncate,unlink"
_CALL = re.compile(r"^(\d+)\s+(?:<\.\.\. )?(\w+)(.*)$")


def killed_at(folder: Path, number: int) -> list[str]:
    """The command in front of the chain's that kills it at that write of a thread, from 1."""
    paths = [argument for name in FILES for argument in ("-P", str(folder / name))]
    inject = f"inject={WRITES}:signal=KILL:when={number}"
    quiet = ["strace", "-D", "-f", "-qq", "-o", "/dev/null"]
    return [*quiet, *paths, "-e", f"trace={WRITES}", "-e", inject]


def noted_in(log: Path) -> list[str]:
    """The command in front of the chain's that notes all writes, those to sockets too."""
    quiet = ["strace", "-D", "-f", "-qq", "--seccomp-bpf", "-y", "-s", "4096", "-o", str(log)]
    return [*quiet, "-e", "trace=pwrite64,fdatasync,write,writev,sendto,sendmsg"]


@dataclass(frozen=True)
class Said:
    """Something that left the process, and whether all that was written before was on disk."""

    content: str
    is_durable: bool


def said_in(log: Path) -> list[Said]:
    """What went over the chain's sockets, in order."""
    said, unsynced = [], False
    under_way: dict[str, str] = {}
    for line in log.read_text(errors="replace").splitlines():
        if not (match := _CALL.match(line)):
            continue
        process, call, rest = match.groups()
        if " resumed>" in rest:
            rest = under_way.pop(process) + rest
        elif rest.endswith("<unfinished ...>"):
            under_way[process] = rest
            if call == "fdatasync":
                continue  # it counts when it is done
        if "ledger.sqlite" in rest:
            unsynced = call != "fdatasync"
        elif "socket:" in rest or "TCP:" in rest:
            said.append(Said(rest, is_durable=not unsynced))
    return said
