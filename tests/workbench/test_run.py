"""`./run` says what it can do."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ROOT / "run", *arguments], capture_output=True, text=True, check=False)


def test_without_a_verb_it_lists_them_one_a_line() -> None:
    result = run()
    assert result.returncode == 0
    lines = result.stderr.splitlines()[1:]
    assert {"demo", "test", "check", "bench", "programs"} <= {line.split()[0] for line in lines}


def test_an_unknown_verb_is_named() -> None:
    result = run("dmeo")
    assert result.returncode == 2
    assert "'dmeo'" in result.stderr


def test_an_unknown_benchmark_lists_those_that_there_are() -> None:
    result = run("bench", "nonsense")
    assert result.returncode == 2
    assert "ingest" in result.stderr
