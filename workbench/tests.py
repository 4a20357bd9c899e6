"""`./run test`: every test, in two parts side by side; with arguments, what pytest makes of them.

Most tests wait for processes of their own, so two at a time take little more than half the time.
The parts share no state but the files of this folder.
"""

import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from typing import IO

from workbench.console import say
from workbench.environment import PYTHON, ROOT

TESTS = ROOT / "tests"
FIRST_PART = ("hub", "programs", "e2e", "demo", "docs", "workbench")
LONGEST_MINUTES = 60
LAST_WORDS_S = 60
NO_TESTS = ("bench", "__pycache__")


def parts() -> tuple[list[str], list[str]]:
    """Return the folders of both parts: those named above, and all others that there are."""
    folders = sorted(path.name for path in TESTS.iterdir() if path.is_dir())
    rest = [name for name in folders if name not in (*FIRST_PART, *NO_TESTS)]
    return [f"tests/{name}" for name in FIRST_PART], [f"tests/{name}" for name in rest]


def run_parts() -> int:
    """Run both; print each as it ends, and return the exit status: 0 when both passed."""
    hear_interrupts()
    say("two parts side by side; each is printed when it has ended")
    with ExitStack() as stack:
        # Into files: a pipe that nobody reads yet would hold the second part up.
        outputs = [stack.enter_context(tempfile.TemporaryFile()) for _ in parts()]
        running = [
            _start(folders, output) for folders, output in zip(parts(), outputs, strict=True)
        ]
        deadline = time.monotonic() + LONGEST_MINUTES * 60
        statuses = [_end(*each, deadline) for each in zip(running, outputs, strict=True)]
    return max(statuses)


def hear_interrupts() -> None:
    """Have the parts hear SIGINT, also where a shell runs us behind a `&`, which ignores it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _start(folders: list[str], output: IO[bytes]) -> subprocess.Popen[bytes]:
    command = [str(PYTHON), "-m", "pytest", *folders]
    return subprocess.Popen(  # noqa: S603 - our own interpreter and folders
        command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT
    )


def _end(process: subprocess.Popen[bytes], output: IO[bytes], deadline: float) -> int:
    """Wait for it; one that does not end is interrupted, so that it tells where it stands."""
    try:
        status = process.wait(max(deadline - time.monotonic(), 0))
    except subprocess.TimeoutExpired:
        say(f"a part has not ended after {LONGEST_MINUTES} min: it is ended")
        process.send_signal(signal.SIGINT)
        try:
            process.wait(LAST_WORDS_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        status = 1
    output.seek(0)
    sys.stdout.write(output.read().decode(errors="replace"))
    sys.stdout.flush()
    return status


def main() -> int:
    """Command line; returns the exit status."""
    if len(sys.argv) == 1:
        return run_parts()
    command = [str(PYTHON), "-m", "pytest", *sys.argv[1:]]
    return subprocess.run(command, cwd=ROOT, check=False).returncode  # noqa: S603 - as above


if __name__ == "__main__":
    sys.exit(main())
