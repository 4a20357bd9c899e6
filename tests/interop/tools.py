"""Other people's tools, which the tests of this folder find or install."""

import importlib.util
import shutil
import sys
from pathlib import Path

import pytest

NODE = Path(__file__).parent / "node"


def uv_command() -> list[str]:
    """How uv is started; a test that needs it fails where it is missing."""
    if found := shutil.which("uv"):
        return [found]
    if importlib.util.find_spec("uv"):
        return [sys.executable, "-m", "uv"]
    pytest.fail("install uv (https://docs.astral.sh/uv): it makes environments for other clients")


def isolated(folder: Path) -> list[str]:
    """A command line's beginning: run what follows in the environment that `folder` locks."""
    own = ["--isolated", "--locked", "--project", str(folder), "--python", sys.executable]
    return [*uv_command(), "run", *own]


def node_command(tool: str) -> list[str]:
    """How `node` or `npm` is started: the machine's own, else those of `node/`."""
    if shutil.which("node") and shutil.which("npm"):
        return [tool]
    return [*isolated(NODE), tool]
