"""What processes take that are not ours to ask, from /proc (Linux)."""

import os
from collections.abc import Mapping
from pathlib import Path

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


def cpu_s(process_id: int) -> float:
    """Return the processor time of a process and its children, ended ones included."""
    parents: dict[int, list[int]] = {}
    used: dict[int, int] = {}
    for entry in PROC.iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            text = (entry / "stat").read_text()
        except OSError:  # it has ended since
            continue
        fields = text.rpartition(")")[2].split()  # proc(5): from the third field, the state, on
        number = int(entry.name)
        parents.setdefault(int(fields[1]), []).append(number)
        used[number] = sum(map(int, fields[11:15]))  # its own and its ended children's
    total, waiting = 0, [process_id]
    while waiting:
        number = waiting.pop()
        total += used.get(number, 0)
        waiting += parents.get(number, [])
    return total / TICKS_A_SECOND


def max_rss_kb(process_id: int) -> int:
    """Return the most memory that a process has had, 0 when it has ended.

    getrusage would count its parent's before exec.
    """
    status = (PROC / str(process_id) / "status").read_text()
    _, found, rest = status.partition("VmHWM:")
    return int(rest.split()[0]) if found else 0


def children_cpu_s(marks: Mapping[str, str]) -> dict[str, float]:
    """Return the processor time of our children, by the names that `marks` gives them.

    A child has the first name whose mark is a part of its command line.
    """
    used = dict.fromkeys(marks, 0.0)
    for entry in PROC.iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # it has ended since
            continue
        name = next((name for name, mark in marks.items() if mark in command), None)
        if int(parent) == os.getpid() and name is not None:
            used[name] += cpu_s(int(entry.name))
    return used
