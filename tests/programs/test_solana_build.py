"""The build with Solana's own compiler: how it is found and called, and what is said when it fails.

The driver is a script in its place: the real one needs a compiler of 1.6 GB.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from programs import build, solana_build

ROOT = Path(__file__).parents[2]
# What these releases say of themselves; the last line of the older one is its compiler's, if there.
VERSIONS = {
    "4.1.0": "cargo-build-sbf 4.1.0\nplatform-tools v1.54\n",
    "4.5.0": "cargo-build-sbf 4.5.0\nDefault platform-tools: v1.54\nDefault Rust: 1.95.0",
}


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = tmp_path / "output"
    folder.mkdir()
    monkeypatch.setattr(solana_build, "OUTPUT_FOLDER", folder)
    return folder


def put_driver(folder: Path, body: str, version: str = VERSIONS["4.1.0"]) -> Path:
    """A driver that tells its version, or else does as the body says."""
    folder.mkdir(parents=True, exist_ok=True)
    driver = folder / "cargo-build-sbf"
    driver.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo "{version}" && exit 0\n{body}')
    driver.chmod(0o755)
    return driver


def environment(driver: Path, home: Path) -> dict[str, str]:
    return {
        "GTX_SOLANA_BIN": str(driver.parent),
        "PATH": "/usr/bin:/bin",
        "SOLANA_PLATFORM_TOOLS_DIR": str(home),
        "RUSTC": "/another/rustc",
    }


def test_without_the_driver_it_says_what_to_install() -> None:
    own = os.environ | {"PATH": "/nonexistent", "GTX_SOLANA_BIN": ""}
    command = [sys.executable, "-m", "programs.build", "--with", "cargo-build-sbf"]
    done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("cargo-build-sbf is neither on PATH nor in the folder")
    assert "https://docs.anza.xyz/cli/install" in done.stderr
    assert done.stdout == ""


def test_the_named_folder_comes_before_path(tmp_path: Path) -> None:
    first, second = put_driver(tmp_path / "a", ""), put_driver(tmp_path / "b", "")
    found = solana_build.find_driver(
        {"GTX_SOLANA_BIN": str(first.parent), "PATH": str(second.parent)}
    )
    assert found == first
    assert solana_build.find_driver({"PATH": str(second.parent)}) == second


def test_the_driver_is_asked_for_what_clusters_take(tmp_path: Path, output: Path) -> None:
    script = f'echo "$@" > {output}/asked; echo "$RUSTC" >> {output}/asked\nprintf elf > '
    driver = put_driver(tmp_path / "bin", script + f"{output}/energy_token.so\n")
    said = solana_build.build("energy-token", "energy_token", driver, environment(driver, tmp_path))
    built = f"energy_token: 3 bytes, SHA-256 {hashlib.sha256(b'elf').hexdigest()}; "
    shipped = (build.ELF_FOLDER / "energy_token.so").read_bytes()
    digest = hashlib.sha256(shipped).hexdigest()
    assert said == f"{built}shipped is another: {len(shipped)} bytes, SHA-256 {digest}"
    asked, rustc = (output / "asked").read_text().splitlines()
    manifest = build.HERE / "energy-token" / "Cargo.toml"
    assert asked == f"--arch v3 --manifest-path {manifest} --sbf-out-dir {output} -- --locked"
    assert rustc == ""


def test_the_same_bytes_are_told(tmp_path: Path, output: Path) -> None:
    driver = put_driver(tmp_path / "bin", f"cp {build.ELF_FOLDER}/registry.so {output}\n")
    said = solana_build.build("registry", "registry", driver, environment(driver, tmp_path))
    assert said.endswith(", as shipped")


@pytest.mark.parametrize("release", VERSIONS)
def test_the_compilers_are_named(tmp_path: Path, release: str) -> None:
    driver = put_driver(tmp_path / "bin", "", VERSIONS[release])
    rustc = tmp_path / "v1.54" / "platform-tools" / "rust" / "bin" / "rustc"
    rustc.parent.mkdir(parents=True)
    rustc.write_text("#!/bin/sh\necho rustc 1.89.0-dev\n")
    rustc.chmod(0o755)
    named = solana_build.compilers(driver, environment(driver, tmp_path))
    assert named == f"cargo-build-sbf {release}, platform-tools v1.54, rustc 1.89.0-dev"


def test_missing_platform_tools_are_named(tmp_path: Path, output: Path) -> None:
    driver = put_driver(tmp_path / "bin", "exit 1\n")
    missing = tmp_path / "v1.54" / "platform-tools"
    with pytest.raises(solana_build.SolanaBuildError, match=f"not in {missing} and could not"):
        solana_build.build("registry", "registry", driver, environment(driver, tmp_path))
    missing.mkdir(parents=True)
    with pytest.raises(solana_build.SolanaBuildError, match=r"exit status 1\): see its message"):
        solana_build.build("registry", "registry", driver, environment(driver, tmp_path))


def test_an_old_file_is_not_taken_for_a_new_one(tmp_path: Path, output: Path) -> None:
    (output / "registry.so").write_bytes(b"old")
    driver = put_driver(tmp_path / "bin", "exit 0\n")
    with pytest.raises(solana_build.SolanaBuildError, match="did not build registry"):
        solana_build.build("registry", "registry", driver, environment(driver, tmp_path))
