"""One mutation: the program built without a defence, and what the test for it says."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from tests.programs.defences.table import ROOT, Defence

from programs import build

WORK_FOLDER = ROOT / ".gtx" / "defences"
TARGET_FOLDER = WORK_FOLDER / "target"
ELF_FOLDER = WORK_FOLDER / "elf"
REPORT = WORK_FOLDER / "report.xml"


@dataclass(frozen=True)
class Verdict:
    """What became of a mutation: noticed by a failing test, or why not."""

    noticed: bool
    said: str


@dataclass(frozen=True)
class Results:
    """Tests by how they ended, each with the first line of what it said."""

    passed: dict[str, str]
    failed: dict[str, str]
    broken: dict[str, str]


def run_tests(nodes: list[str], elf_folder: Path | None) -> Results:
    """Run tests; the programs in `elf_folder` take the place of the committed ones.

    Raises:
        BuildError: pytest did not get as far as a report.
    """
    REPORT.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "--tb=line", f"--junitxml={REPORT}", *nodes]
    environment = os.environ | {"GTX_ELF_FOLDER": str(elf_folder or "")}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if not REPORT.exists():
        raise build.BuildError(f"pytest: {(done.stdout + done.stderr).strip()[-500:]}")
    return _results(ET.parse(REPORT).getroot())  # noqa: S314 - written by our own pytest


def _results(report: ET.Element) -> Results:
    results = Results({}, {}, {})
    for case in report.iter("testcase"):
        failure, error = case.find("failure"), case.find("error")
        kind = results.passed if failure is None else results.failed
        reason = failure
        if error is not None:
            kind, reason = results.broken, error
        message = "" if reason is None else reason.get("message", "")
        name = f"{case.get('classname')}::{case.get('name')}"
        kind[name] = message.removeprefix("AssertionError: ").partition("\n")[0]
    return results


def build_without(defence: Defence, toolchain: build.Toolchain) -> None:
    """Put the program without this defence, alone, into the folder of mutated programs.

    Raises:
        BuildError: it does not compile.
    """
    command = build.cargo_command(defence.program, toolchain, TARGET_FOLDER, [defence.name])
    done = subprocess.run(
        command,
        cwd=build.HERE,
        env=toolchain.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise build.BuildError(f"does not compile: {done.stderr.strip()[-800:]}")
    ELF_FOLDER.mkdir(parents=True, exist_ok=True)
    for old in ELF_FOLDER.iterdir():
        old.unlink()
    elf = build.built_elf(defence.program, TARGET_FOLDER).read_bytes()
    (ELF_FOLDER / f"{defence.program}.so").write_bytes(elf)


def judge(defence: Defence, toolchain: build.Toolchain) -> Verdict:
    """Build without the defence and run its test, which must fail in its own body."""
    try:
        build_without(defence, toolchain)
        results = run_tests([defence.test], ELF_FOLDER)
    except build.BuildError as error:
        return Verdict(noticed=False, said=str(error))
    if results.broken:
        return Verdict(noticed=False, said=f"the test broke: {next(iter(results.broken.values()))}")
    if len(results.failed) != 1 or results.passed:
        return Verdict(noticed=False, said="the test passes without it")
    return Verdict(noticed=True, said=next(iter(results.failed.values())))
