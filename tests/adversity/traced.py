"""A program under strace: killed or held up at system calls that a test chooses, or recorded."""

import shutil
from pathlib import Path

import pytest

STRACE = shutil.which("strace")


def strace(output: Path, *options: str) -> tuple[str, ...]:
    """The words that start a program under strace, as a child of ours that it watches."""
    if STRACE is None:
        pytest.fail("strace is not installed: apt-get install strace, or use ./run")
    return (STRACE, "-D", "-f", "-q", "-yy", "-o", str(output), *options)
