"""A server that an earlier run left behind: whoever was to end it was killed."""

import contextlib
import logging
import os
import signal
import subprocess
import time
from pathlib import Path

log = logging.getLogger(__name__)


def stop_stale(
    pid_file: Path,
    mark: str,
    timeout_s: float,
    gently: signal.Signals,
    firmly: signal.Signals,
) -> None:
    """Stop the server that an earlier run left, if there is one.

    Args:
        pid_file: its first line is the server's process id.
        mark: stands in its command line and in no other's, such as the path of its data.
        timeout_s: how long the signal `gently` may take, and then `firmly`.
        gently: asks it to end.
        firmly: makes it end.
    """
    try:
        pid = int(pid_file.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return
    if mark not in _command_of(pid):
        pid_file.unlink()  # that process id is somebody else's by now
        return
    log.warning("stopping the server %d that an earlier run left behind", pid)
    for number in (gently, firmly):
        with contextlib.suppress(ProcessLookupError):  # it has ended in this moment
            os.kill(pid, number)
        if _wait_gone(pid, timeout_s):
            pid_file.unlink(missing_ok=True)
            return


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


def _wait_gone(pid: int, timeout_s: float) -> bool:
    """Wait until a process has ended; False when it has not in time."""
    deadline = time.monotonic() + timeout_s
    while _command_of(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
