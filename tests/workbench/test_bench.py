"""Benchmarks share parts with each other: one of them runs here for a second."""

import json
import os
import subprocess
import sys

from workbench.bench import BENCH_FOLDER
from workbench.environment import ROOT

ONE_LOAD = """
import asyncio, json, edge
print(json.dumps(asyncio.run(edge.run(1, read_every_ms=100))))
"""


def test_the_edge_benchmark_measures() -> None:
    paths = os.pathsep.join([str(ROOT), str(BENCH_FOLDER)])
    measured = subprocess.run(
        [sys.executable, "-c", ONE_LOAD],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert measured.returncode == 0, measured.stderr
    figures = json.loads(measured.stdout)
    assert figures["meters_read"] == 1
    names = {"readings_per_s", "read_to_broker_ms", "rss_mb", "cpu_percent"}
    assert all(figures[name] > 0 for name in names)
    assert "bytes_written_per_reading" in figures, "0 where the folder is in memory"
