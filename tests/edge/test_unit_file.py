"""The systemd unit: it is read without complaint, and shuts in what it should and no more."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "edge" / "systemd" / "gtx-edge.service"
ANALYZE = shutil.which("systemd-analyze")
MOST_EXPOSED = 25
"""Tenths of systemd's scale, on which 100 is a service that may do everything. It has 21."""

needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")


def analyze(*arguments: object) -> str:
    """What systemd says; nothing when all is well."""
    command = [str(ANALYZE), *map(str, arguments)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    return said.stderr if said.returncode == 0 else said.stderr + said.stdout


@needs_systemd
def test_systemd_reads_it_without_complaint(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/usr/local/bin/gtx-edge", sys.executable))
    assert not analyze("verify", unit)


@needs_systemd
def test_it_exposes_little() -> None:
    assert not analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", UNIT)


def test_it_fits_the_agent() -> None:
    settings = UNIT.read_text().splitlines()
    assert "Type=notify" in settings, "the agent says when it is ready; systemd 252 knows no more"
    assert "ExecReload=/bin/sh -c 'kill -HUP $MAINPID'" in settings, "it reloads at SIGHUP"
    (start,) = (line for line in settings if line.startswith("ExecStart="))
    assert start.split()[1] == "run"
    (watchdog,) = (line for line in settings if line.startswith("WatchdogSec="))
    assert int(watchdog.partition("=")[2]) > 0


def test_the_kernel_may_be_asked_for_the_state_of_the_clock() -> None:
    """A call that a filter forbids ends the agent at its first reading."""
    settings = UNIT.read_text().splitlines()
    (allowed,) = (line for line in settings if line.startswith("SystemCallFilter=adjtimex"))
    assert {"adjtimex", "clock_adjtime"} <= set(allowed.partition("=")[2].split())
    assert not [line for line in settings if line.startswith("ProtectClock=")]
    assert "CapabilityBoundingSet=" in settings, "the clock is asked, never set"
