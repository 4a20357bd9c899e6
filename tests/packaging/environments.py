"""Wheels of the workspace, and environments in which one of them is installed with its needs."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.environment import ROOT, find_uv


def build_wheels(folder: Path) -> None:
    """Build every distribution of the workspace."""
    uv("build", "--all-packages", "--wheel", "--out-dir", folder)


def wheel_of(distribution: str, wheels: Path) -> Path:
    (wheel,) = wheels.glob(f"{distribution.replace('-', '_')}-*.whl")
    return wheel


@dataclass(frozen=True)
class Environment:
    """A fresh environment with one wheel, and what it asks the registry for, compiled."""

    folder: Path

    @classmethod
    def install(cls, distribution: str, wheels: Path, folder: Path) -> "Environment":
        """The versions are those of the lock file, so that a test's result is this commit's."""
        constraints = folder.with_suffix(".txt")
        alone = ("--no-hashes", "--no-emit-workspace", "--package", distribution)
        constraints.write_text(uv("export", "--locked", *alone))
        uv("venv", "--python", sys.executable, folder)
        own = cls(folder)
        where = ("--python", own.program("python"), "--find-links", wheels)
        wheel = wheel_of(distribution, wheels)
        uv("pip", "install", "--compile-bytecode", "--constraint", constraints, *where, wheel)
        return own

    def program(self, name: str) -> Path:
        return self.folder / "bin" / name

    def run(self, name: str, *arguments: str) -> str:
        """Run one of its programs to its end, far from the workspace; its standard output."""
        return _run([str(self.program(name)), *arguments], self.folder)

    def distributions(self) -> set[str]:
        listed = uv("pip", "list", "--python", self.program("python"), "--format", "freeze")
        return {line.partition("==")[0].lower() for line in listed.splitlines()}

    def installed_bytes(self) -> int:
        packages = self.folder.glob("lib/python*/site-packages/**/*")
        return sum(path.stat().st_size for path in packages if path.is_file())


def uv(*words: object) -> str:
    """Run uv in the workspace; its standard output."""
    return _run([*find_uv(), "--quiet", *map(str, words)], ROOT)


def _run(command: Sequence[str], folder: Path) -> str:
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{' '.join(command)}:\n{result.stderr or result.stdout}"
    return result.stdout
