"""`./run contracts`: builds the EVM contracts from source, with the compiler of their lock file.

What the product uses of a contract (its interface and bytecode) is committed as JSON beside the
Solana programs; `--check` proves that it comes from the sources.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench.console import SetupError, say
from workbench.environment import ROOT
from workbench.isolated import node_command

FOLDER = ROOT / "programs" / "thaibaht"
ARTIFACTS = ROOT / "programs" / "src" / "gridtokenx_programs" / "evm"
CONTRACTS = ("THBC", "ThaiBahtBridge")


def prepare(folder: Path = FOLDER) -> None:
    """Install forge, anvil, solc and OpenZeppelin where the lock file's are not there yet.

    Raises:
        SetupError: npm could not.
    """
    modules = folder / "node_modules"
    stamp = modules / ".gridtokenx-lock"
    wanted = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say("installing the contracts' tools (once) …")
    command = [*node_command("npm"), "ci", "--no-audit", "--no-fund", "--loglevel=error"]
    if _run(command, folder) != 0:
        raise SetupError("npm could not install the contracts' tools: see its message above")
    stamp.write_text(wanted)


def tool(name: str, folder: Path = FOLDER) -> Path:
    """Where forge or anvil is: from npm on Linux x86-64, elsewhere on PATH.

    Raises:
        SetupError: it is not here.
    """
    packaged = folder / "node_modules" / "@foundry-rs" / f"{name}-linux-amd64" / "bin" / name
    if packaged.exists():
        return packaged
    if found := shutil.which(name):
        return Path(found)
    raise SetupError(f"install {name} (https://getfoundry.sh): npm has none for this machine")


def forge(*arguments: str, folder: Path = FOLDER) -> int:
    """Run forge; returns its exit status."""
    return _run([str(tool("forge", folder)), *arguments], folder)


def copy_project(folder: Path) -> Path:
    """Make a copy of the project that shares its installed tools, and return it."""
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("node_modules", "out"))
    (folder / "node_modules").symlink_to(FOLDER / "node_modules")
    return folder


def build() -> dict[str, str]:
    """Compile, and return the committed form of each contract.

    Raises:
        SetupError: the sources do not compile.
    """
    if forge("build", "--quiet", "--skip", "test") != 0:
        raise SetupError("the contracts do not compile: see forge's message above")
    return {name: _artifact(name) for name in CONTRACTS}


def _artifact(name: str) -> str:
    compiled: dict[str, Any] = json.loads(
        (FOLDER / "out" / f"{name}.sol" / f"{name}.json").read_text()
    )
    metadata = compiled["metadata"]
    content = {
        "contract": name,
        "compiler": metadata["compiler"]["version"],
        "evm_version": metadata["settings"]["evmVersion"],
        "abi": compiled["abi"],
        "bytecode": compiled["bytecode"]["object"],
    }
    return json.dumps(content, indent=1) + "\n"


def check() -> list[str]:
    """Return what is wrong: a format that is not forge's, or an artifact of other sources."""
    faults = []
    if forge("fmt", "--check") != 0:
        faults.append("the contracts are not in forge's format: run forge fmt")
    for name, content in build().items():
        path = ARTIFACTS / f"{name}.json"
        if not path.exists() or path.read_text() != content:
            faults.append(f"{path.relative_to(ROOT)} is not what the sources give: ./run contracts")
    return faults


def _run(command: Sequence[str], folder: Path) -> int:
    # forge starts solc.mjs, which needs a node on PATH.
    node = shutil.which("node")
    if node is None:
        command = [*node_command("node")[:-1], *command]
    return subprocess.run(command, cwd=folder, env=os.environ, check=False).returncode  # noqa: S603 - the lock file's own tools


def main(arguments: Sequence[str]) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="./run contracts", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with what is committed")
    chosen = parser.parse_args(arguments)
    try:
        prepare()
        if chosen.check:
            faults = check()
            for fault in faults:
                say(fault)
            return 1 if faults else 0
        ARTIFACTS.mkdir(exist_ok=True)
        for name, content in build().items():
            (ARTIFACTS / f"{name}.json").write_text(content)
            say(f"{name}: {len(content):,} bytes of JSON")
    except SetupError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
