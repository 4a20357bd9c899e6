"""The build: what it accepts as compilers, what it says when it cannot go on, and its check."""

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "programs" / "build.py"


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The build script as a module, with a folder of its own for results."""
    spec = importlib.util.spec_from_file_location("programs_build", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ELF_FOLDER", tmp_path)
    monkeypatch.setattr(module, "BUILD_RECORD", tmp_path / "build.json")
    return module


def toolchain(build: ModuleType, version: str) -> object:
    nowhere = Path("/nowhere")
    return build.Toolchain(nowhere, nowhere, nowhere, {"rustc": version})


def compile_to(monkeypatch: pytest.MonkeyPatch, build: ModuleType, elf: bytes) -> None:
    monkeypatch.setattr(build, "build", lambda *_: elf)


def test_a_rebuild_with_the_same_bytes_passes(
    build: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    compile_to(monkeypatch, build, b"elf")
    build.build_and_write(["trading"], toolchain(build, "1.96.0"))
    build.check(["trading"], toolchain(build, "1.96.7"))
    assert "trading: same as committed" in capsys.readouterr().out


def test_a_mismatch_names_both_compilers(
    build: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    compile_to(monkeypatch, build, b"elf")
    build.build_and_write(["trading"], toolchain(build, "1.96.0"))
    compile_to(monkeypatch, build, b"another")
    with pytest.raises(build.BuildError, match=r"(?s)trading differs.*1\.96\.7.*1\.96\.0"):
        build.check(["trading"], toolchain(build, "1.96.7"))


@pytest.mark.parametrize("damaged", [b"edited", None])
def test_a_committed_file_that_is_not_its_records_is_seen(
    build: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, damaged: bytes | None
) -> None:
    compile_to(monkeypatch, build, b"elf")
    build.build_and_write(["trading"], toolchain(build, "1.96.0"))
    elf = tmp_path / "trading.so"
    elf.unlink() if damaged is None else elf.write_bytes(damaged)
    with pytest.raises(build.BuildError, match="trading differs"):
        build.check(["trading"], toolchain(build, "1.96.0"))


def test_building_one_keeps_the_record_of_the_others(
    build: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    compile_to(monkeypatch, build, b"elf")
    build.build_and_write(["registry"], toolchain(build, "1.96.0"))
    build.build_and_write(["trading"], toolchain(build, "1.96.1"))
    record = build.read_record()
    assert record["registry"]["compilers"] == {"rustc": "1.96.0"}
    assert record["trading"]["compilers"] == {"rustc": "1.96.1"}


def test_who_may_not_install_is_told_what_to(
    build: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(build.BuildError, match="apt-get install --yes rustc-web cargo-web"):
        build.install_compiler()
    monkeypatch.setattr(build, "LLVM_PREFIX", Path("/nowhere"))
    with pytest.raises(build.BuildError, match="llvm-22-dev"):
        build.install_linker(Path("/usr/bin/rustc"))


def test_a_failing_command_is_named(build: ModuleType) -> None:
    with pytest.raises(build.BuildError, match="exit status 1: false"):
        build.run(["false"])


@pytest.mark.parametrize(
    ("version", "right"),
    [
        ("sbpf-linker 0.2.6\nLLVM 22.1.8", True),
        ("sbpf-linker 0.2.7\nLLVM 22.1.8", False),
        ("sbpf-linker 0.2.6\nLLVM 21.1.0", False),
        ("sbpf-linker 0.2.6", False),
        ("", False),
    ],
)
def test_the_linker_is_one_version(build: ModuleType, version: str, right: bool) -> None:
    assert build.is_right_linker(version.split()) is right


def test_an_older_rustc_is_passed_over(
    build: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old = tmp_path / "rustc"
    old.write_text("#!/bin/sh\necho 'release: 1.80.0'\necho 'LLVM version: 18.1.7'\n")
    old.chmod(0o755)
    assert build.versions_of(old) == {"release": "1.80.0", "LLVM version": "18.1.7"}
    monkeypatch.setenv("RUSTC", str(old))
    assert build.find_rustc() != old
