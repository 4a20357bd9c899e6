"""Other people's tools, each in an environment of its own that a lock file fixes."""

import importlib.util
import shutil
import sys
from pathlib import Path

from workbench.console import SetupError

NODE = Path(__file__).parent / "node"


def uv_command() -> list[str]:
    """How uv is started.

    Raises:
        SetupError: it is not here.
    """
    if found := shutil.which("uv"):
        return [found]
    if importlib.util.find_spec("uv"):
        return [sys.executable, "-m", "uv"]
    raise SetupError("install uv (https://docs.astral.sh/uv): it makes environments for tools")


def isolated(folder: Path) -> list[str]:
    """A command line's beginning: run what follows in the environment that `folder` locks."""
    own = ["--isolated", "--locked", "--project", str(folder), "--python", sys.executable]
    return [*uv_command(), "run", *own]


def node_command(tool: str) -> list[str]:
    """How `node` or `npm` is started: the machine's own, else those of `node/`."""
    if shutil.which("node") and shutil.which("npm"):
        return [tool]
    return [*isolated(NODE), tool]
