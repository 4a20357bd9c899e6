"""A server that an earlier run left behind: its owner and its supervisor were killed together."""

import contextlib
import logging
import os
import signal
import subprocess
import time
from pathlib import Path

log = logging.getLogger(__name__)


def stop_stale(cluster: Path, timeout_s: float) -> None:
    """Stop the server that an earlier run left on `cluster`, if there is one."""
    lock_file = cluster / "postmaster.pid"
    try:
        pid = int(lock_file.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return
    if str(cluster) not in _command_of(pid):
        lock_file.unlink()  # that process id is somebody else's by now
        return
    log.warning("stopping the PostgreSQL server %d that an earlier run left behind", pid)
    os.kill(pid, signal.SIGINT)
    if not _wait_gone(lock_file, pid, timeout_s):
        os.kill(pid, signal.SIGQUIT)
        _wait_gone(lock_file, pid, timeout_s)


def _command_of(pid: int) -> str:
    """Return the command line of a process; empty when there is none."""
    if Path("/proc/self").exists():
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        return ""
    found = subprocess.run(  # noqa: S603 - fixed program, the argument is a number
        ["/bin/ps", "-p", str(pid), "-o", "command="], check=False, stdout=subprocess.PIPE
    )
    return found.stdout.decode(errors="replace")


def _wait_gone(lock_file: Path, pid: int, timeout_s: float) -> bool:
    """Wait until the server `pid` has ended; False when it has not in time."""
    deadline = time.monotonic() + timeout_s
    while _command_of(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    lock_file.unlink(missing_ok=True)
    return True
