#!/usr/bin/env python3
"""Builds the Solana programs with Debian's Rust and the upstream BPF linker.

Writes one ELF file per program, and `build.json` with the compilers and SHA-256 of each.
The same compilers give the same bytes in any folder; `--check` proves it for the committed
files. What is missing is installed where that is allowed, and named exactly where it is not.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from programs import solana_build

HERE = Path(__file__).resolve().parent
ELF_FOLDER = HERE / "src" / "gridtokenx_programs" / "elf"
BUILD_RECORD = ELF_FOLDER / "build.json"
CRATES = {"registry": "registry", "energy_token": "energy-token", "trading": "trading"}

RUSTC_VERSION = "1.96."
LLVM_PREFIX = Path("/usr/lib/llvm-22")
LLVM_MAJOR = "22."
LINKER_VERSION = "0.2.6"
PACKAGES = ("rustc-web", "cargo-web", "rust-web-src", "llvm-22-dev")
INSTALL_LINKER = (
    "install", "sbpf-linker", "--version", LINKER_VERSION,
    "--no-default-features", "--features", "bpf-linker/llvm-22",
)  # fmt: skip


class BuildError(Exception):
    """The programs cannot be built, or are not what is committed."""


@dataclasses.dataclass(frozen=True)
class Toolchain:
    """The compilers in use: where they are, and the versions that `build.json` records."""

    rustc: Path
    cargo: Path
    linker: Path
    versions: dict[str, str]

    def environment(self) -> dict[str, str]:
        """Environment for cargo: this rustc, and the linker first on PATH."""
        path = os.pathsep.join([str(self.linker.parent), os.environ.get("PATH", "")])
        # Without RUSTC_BOOTSTRAP a stable compiler refuses build-std and target files.
        return os.environ | {"RUSTC": str(self.rustc), "RUSTC_BOOTSTRAP": "1", "PATH": path}


def output_of(*command: str | Path) -> str:
    """Standard output of a command; empty when it is not there or fails."""
    try:
        # S603: the commands are this file's own, without a shell.
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError:
        return ""
    return done.stdout if done.returncode == 0 else ""


def run(command: list[str | Path], environment: dict[str, str] | None = None) -> None:
    """Run a command, showing it and what it says; raise `BuildError` when it fails."""
    line = " ".join(str(part) for part in command)
    say(f"$ {line}")
    # S603: as above.
    done = subprocess.run(command, env=environment, cwd=HERE, check=False)  # noqa: S603
    if done.returncode != 0:
        raise BuildError(f"failed with exit status {done.returncode}: {line}")


def say(text: str) -> None:
    """Print a line at once, in order with what the compilers print."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def versions_of(rustc: Path) -> dict[str, str]:
    """Fields of `rustc -vV`, for example `release` and `LLVM version`."""
    lines = output_of(rustc, "-vV").splitlines()
    return dict(line.split(": ", 1) for line in lines if ": " in line)


def find_rustc() -> Path | None:
    """A rustc of the right version with its library sources and a cargo beside it."""
    named = [os.environ.get("RUSTC"), "/usr/bin/rustc", shutil.which("rustc")]
    for rustc in (Path(name) for name in named if name):
        versions = versions_of(rustc)
        library = Path(output_of(rustc, "--print", "sysroot").strip(), "lib/rustlib/src/rust")
        if (
            versions.get("release", "").startswith(RUSTC_VERSION)
            and versions.get("LLVM version", "").startswith(LLVM_MAJOR)
            and (library / "library/core/Cargo.toml").exists()
            and (rustc.parent / "cargo").exists()
        ):
            return rustc
    return None


def find_linker() -> Path | None:
    """An sbpf-linker of the right version, linked with the right LLVM."""
    cargo_home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    for linker in (shutil.which("sbpf-linker"), cargo_home / "bin" / "sbpf-linker"):
        if linker and is_right_linker(output_of(linker, "--version").split()):
            return Path(linker)
    return None


def is_right_linker(version: list[str]) -> bool:
    """True for the words of `sbpf-linker 0.2.6 / LLVM 22.x.y`."""
    return version[:3] == ["sbpf-linker", LINKER_VERSION, "LLVM"] and version[3].startswith(
        LLVM_MAJOR
    )


def install_compiler() -> None:
    """Install rustc and LLVM from Debian, or say how."""
    command: list[str | Path] = ["apt-get", "install", "--yes", *PACKAGES]
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise BuildError(
            f"rustc {RUSTC_VERSION}x with LLVM {LLVM_MAJOR}x, its cargo and its library sources "
            f"are needed. On Debian, run as root: {' '.join(map(str, command))}\n"
            "Elsewhere, set RUSTC to such a compiler that has cargo beside it."
        )
    run(["apt-get", "update"])
    run(command)


def install_linker(rustc: Path) -> None:
    """Build sbpf-linker into cargo's own folder (about three minutes)."""
    if not (LLVM_PREFIX / "bin" / "llvm-config").exists():
        raise BuildError(f"LLVM 22 is not in {LLVM_PREFIX}: install the Debian package llvm-22-dev")
    path = os.pathsep.join([str(LLVM_PREFIX / "bin"), os.environ.get("PATH", "")])
    extra = {"RUSTC": str(rustc), "LLVM_PREFIX": str(LLVM_PREFIX), "PATH": path}
    run([rustc.parent / "cargo", *INSTALL_LINKER], os.environ | extra)


def find_toolchain() -> Toolchain:
    """Find the compilers, installing what is missing where that is allowed."""
    rustc = find_rustc()
    if rustc is None:
        install_compiler()
        rustc = find_rustc()
    if rustc is None:
        raise BuildError(f"rustc is still not {RUSTC_VERSION}x with LLVM {LLVM_MAJOR}x and sources")
    linker = find_linker()
    if linker is None:
        install_linker(rustc)
        linker = find_linker()
    if linker is None:
        raise BuildError(f"sbpf-linker {LINKER_VERSION} with LLVM {LLVM_MAJOR}x is still missing")
    rust = versions_of(rustc)
    return Toolchain(
        rustc=rustc,
        cargo=rustc.parent / "cargo",
        linker=linker,
        versions={
            "rustc": f"{rust['release']} ({rust['commit-hash']})",
            "rustc_llvm": rust["LLVM version"],
            "sbpf_linker": LINKER_VERSION,
            "sbpf_linker_llvm": output_of(linker, "--version").split()[3],
        },
    )


def cargo_command(
    name: str, toolchain: Toolchain, target_folder: Path, features: Sequence[str] = ()
) -> list[str | Path]:
    """The command that builds one program; with features only for the mutation run."""
    return [
        toolchain.cargo, "sbpf", "--locked", "--quiet",
        "--package", CRATES[name], "--target-dir", target_folder,
        *(f"--features={feature}" for feature in features),
    ]  # fmt: skip


def built_elf(name: str, target_folder: Path) -> Path:
    """Where cargo puts a program's ELF file."""
    return target_folder / "sbpf-solana" / "release" / f"lib{name}.so"


def build(name: str, toolchain: Toolchain, target_folder: Path) -> bytes:
    """Build one program; returns its ELF file."""
    run(cargo_command(name, toolchain, target_folder), toolchain.environment())
    return built_elf(name, target_folder).read_bytes()


def record_of(elf: bytes, toolchain: Toolchain) -> dict[str, object]:
    """The entry of one program in `build.json`."""
    digest = hashlib.sha256(elf).hexdigest()
    return {"sha256": digest, "size": len(elf), "compilers": toolchain.versions}


def read_record() -> dict[str, dict[str, object]]:
    """The committed `build.json`; empty before the first build."""
    if not BUILD_RECORD.exists():
        return {}
    record: dict[str, dict[str, object]] = json.loads(BUILD_RECORD.read_text())
    return record


def build_and_write(names: list[str], toolchain: Toolchain) -> None:
    """Build the programs and write their ELF files and record."""
    ELF_FOLDER.mkdir(parents=True, exist_ok=True)
    for name in names:
        elf = build(name, toolchain, HERE / "target")
        (ELF_FOLDER / f"{name}.so").write_bytes(elf)
        record = read_record() | {name: record_of(elf, toolchain)}
        BUILD_RECORD.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n")
        say(f"{name}: {len(elf)} bytes, SHA-256 {record[name]['sha256']}")


def check(names: list[str], toolchain: Toolchain) -> None:
    """Rebuild elsewhere and compare bit for bit with what is committed."""
    committed = read_record()
    differing = []
    with tempfile.TemporaryDirectory(prefix="gridtokenx-programs-") as folder:
        for name in names:
            built = record_of(build(name, toolchain, Path(folder)), toolchain)
            expected = committed.get(name, {})
            elf_file = ELF_FOLDER / f"{name}.so"
            on_disk = hashlib.sha256(elf_file.read_bytes()).hexdigest() if elf_file.exists() else ""
            if not built["sha256"] == expected.get("sha256") == on_disk:
                differing.append(
                    f"{name} differs:\n  built here: {built}\n  build.json: {expected}\n"
                    f"  file {elf_file.name}: {on_disk or 'missing'}"
                )
            else:
                say(f"{name}: same as committed")
    if differing:
        raise BuildError(
            "\n".join(differing) + "\nRun ./run programs and commit its result, "
            "or install the compilers that build.json names."
        )


def main() -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--check", action="store_true", help="rebuild and compare, write nothing")
    way.add_argument(
        "--with",
        dest="compiler",
        choices=["cargo-build-sbf"],
        help="Solana's own compiler, into a folder of its own",
    )
    parser.add_argument(
        "--only", choices=CRATES, metavar="NAME", help=f"one of {', '.join(CRATES)}"
    )
    arguments = parser.parse_args()
    names = [arguments.only] if arguments.only else list(CRATES)
    try:
        if arguments.compiler:
            solana_build.build_all({name: CRATES[name] for name in names})
            return 0
        toolchain = find_toolchain()
        (check if arguments.check else build_and_write)(names, toolchain)
    except (BuildError, solana_build.SolanaBuildError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
