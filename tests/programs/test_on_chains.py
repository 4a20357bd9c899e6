"""The tests of this folder on real chains: local ones, and a validator with slots of 100 ms.

On a validator a transaction waits for its slot. So several processes share it, each with its part
of the tests: they wait at the same time.
"""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.hub.chain import validator
from worlds.nodes import running_validator
from worlds.selection import SUMMARY

HERE = Path(__file__).parent
PARTS_ON_LOCAL_CHAINS = 2
PARTS_ON_A_VALIDATOR = 8
TIMEOUT_S = 1_800
LEFT_OUT = "in memory alone: 116 clock_jump, 42 clock_jump and forged, 117 forged, 1 in_memory"
"""What no real chain runs: it grows only with a mark, and with a reason to change this line."""


def test_on_local_chains(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    passed = run_in_parts("local", PARTS_ON_LOCAL_CHAINS, tmp_path)
    request.config.stash[SUMMARY].append(f"on local chains: {passed} passed; {LEFT_OUT}")


@pytest.mark.skipif(
    validator.find() is None,
    reason="no solana-test-validator on PATH or in the folder that GTX_SOLANA_BIN names",
)
@pytest.mark.soak
def test_on_a_validator(request: pytest.FixtureRequest, tmp_path: Path, soak_times: int) -> None:
    """Each test with its first parameters; in a soak with all."""
    options = ["--first"] if soak_times == 1 else []
    binary = validator.find()
    assert binary is not None
    with running_validator(binary, tmp_path) as url:
        passed = run_in_parts(url, PARTS_ON_A_VALIDATOR, tmp_path, options)
    request.config.stash[SUMMARY].append(f"on a validator: {passed} passed; {LEFT_OUT}")


def run_in_parts(chain: str, parts: int, folder: Path, options: Sequence[str] = ()) -> int:
    """Run the tests on a chain in so many processes; all pass. Returns how many there are."""
    with running_parts(chain, parts, folder, options) as processes:
        ended = [(process.communicate(timeout=TIMEOUT_S)[0], process) for process in processes]
    failed = [said for said, process in ended if process.returncode]
    assert not failed, "\n".join(failed)
    for said, _ in ended:
        assert LEFT_OUT in said.splitlines(), said
        assert "skipped" not in said
    return sum(int(re.findall(r"(\d+) passed", said)[-1]) for said, _ in ended)


@contextmanager
def running_parts(
    chain: str, parts: int, folder: Path, options: Sequence[str]
) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that each run a part of the tests; none outlives the block."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(HERE)]
    command += ["--chain", chain, *options]
    processes = [
        subprocess.Popen(
            [*command, "--part", f"{n}/{parts}", "--basetemp", str(folder / f"part-{n}")],
            cwd=HERE.parents[1],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for n in range(1, parts + 1)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.terminate()
            process.wait()
