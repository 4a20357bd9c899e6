# ruff: noqa: INP001 - beside build.py, which runs as a script too: this folder is no package
"""Builds the programs with Solana's own compiler, beside those that are shipped.

`cargo-build-sbf` is Solana's driver of cargo; its compiler and linker ("platform-tools") it fetches
from github.com where it has them not. Its bytes differ from ours and from version to version.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parent
ELF_FOLDER = HERE / "src" / "gridtokenx_programs" / "elf"
OUTPUT_FOLDER = HERE / "target" / "cargo-build-sbf"
INSTALL = "https://docs.anza.xyz/cli/install"


class SolanaBuildError(Exception):
    """Solana's compiler is not there, or does not build the programs."""


def build_all(crates: Mapping[str, str]) -> None:
    """Build programs, given with the folders of their crates; what is shipped is left alone.

    Raises:
        SolanaBuildError: as `find_driver` and `build`.
    """
    driver = find_driver(os.environ)
    sys.stdout.write(f"{driver} builds into {OUTPUT_FOLDER}\n")
    for name, crate in crates.items():
        sys.stdout.flush()
        sys.stdout.write(build(crate, name, driver, os.environ) + "\n")
    sys.stdout.write(f"built with {compilers(driver, os.environ)}\n")


def find_driver(environment: Mapping[str, str]) -> Path:
    """`cargo-build-sbf` in the folder that GTX_SOLANA_BIN names, or else on PATH.

    Raises:
        SolanaBuildError: it is in neither.
    """
    folder = environment.get("GTX_SOLANA_BIN")
    places = [folder] if folder else []
    found = shutil.which(
        "cargo-build-sbf", path=os.pathsep.join([*places, environment.get("PATH", "")])
    )
    if found is None:
        raise SolanaBuildError(
            "cargo-build-sbf is neither on PATH nor in the folder that GTX_SOLANA_BIN names: "
            f"install Solana's tools ({INSTALL}), or run ./run programs without --with"
        )
    return Path(found)


def platform_tools(driver: Path, environment: Mapping[str, str]) -> Path | None:
    """Where this driver keeps its platform-tools, there or not; None when it names no version."""
    version = re.search(r"platform-tools:? (v[0-9.]+)", _version_of(driver))
    if version is None:
        return None
    cache = environment.get("SOLANA_PLATFORM_TOOLS_DIR") or Path.home() / ".cache" / "solana"
    return Path(cache, version.group(1), "platform-tools")


def compilers(driver: Path, environment: Mapping[str, str]) -> str:
    """The driver, its platform-tools and the rustc in them, each with its version."""
    named = _version_of(driver).splitlines()[:1]
    tools = platform_tools(driver, environment)
    if tools is not None:
        rustc = _version_of(tools / "rust" / "bin" / "rustc").strip()
        named += [f"platform-tools {tools.parent.name}", rustc]
    return ", ".join(named)


def _version_of(program: Path) -> str:
    # S603: the driver that was found, or the compiler in its folder, without a shell.
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    return said.stdout


def build(crate: str, name: str, driver: Path, environment: Mapping[str, str]) -> str:
    """Build one program into the folder; returns a line that compares it with what is shipped.

    Raises:
        SolanaBuildError: the driver failed; the message says whether its compiler is there.
    """
    manifest = HERE / crate / "Cargo.toml"
    command: list[str | Path] = [
        driver, "--arch", "v3", "--manifest-path", manifest, "--sbf-out-dir", OUTPUT_FOLDER,
        "--", "--locked",
    ]  # fmt: skip
    own = {key: value for key, value in environment.items() if not key.startswith("RUSTC")}
    elf_file = OUTPUT_FOLDER / f"{name}.so"
    elf_file.unlink(missing_ok=True)
    # S603: as above.
    done = subprocess.run(command, env=own, cwd=HERE, check=False)  # noqa: S603
    if done.returncode != 0 or not elf_file.exists():
        raise SolanaBuildError(
            f"{driver} did not build {name} (exit status {done.returncode}): {_reason(driver, own)}"
        )
    shipped = ELF_FOLDER / elf_file.name
    if elf_file.read_bytes() == shipped.read_bytes():
        return f"{name}: {_described(shipped)}, as shipped"
    return f"{name}: {_described(elf_file)}; shipped is another: {_described(shipped)}"


def _described(elf_file: Path) -> str:
    elf = elf_file.read_bytes()
    return f"{len(elf)} bytes, SHA-256 {hashlib.sha256(elf).hexdigest()}"


def _reason(driver: Path, environment: Mapping[str, str]) -> str:
    tools = platform_tools(driver, environment)
    if tools is None or tools.exists():
        return "see its message above"
    return (
        f"its platform-tools are not in {tools} and could not be fetched from github.com. "
        "Run it once where that can be reached, or unpack them there"
    )
