"""Fixtures of the programs' tests, and the chain that they run on.

By default each test has a chain of its own in memory. `--chain local` and `--chain validator` run
those that a real chain lets run on one, `--chain URL` on a node that was started for it.
"""

import itertools
import os
import sys
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gridtokenx_programs import Program

# pytest's importlib mode leaves sys.path alone; tests here share one module beside them.
sys.path.insert(0, str(Path(__file__).parent))

from tests.hub.chain import validator
from worlds import MemoryWorld, World
from worlds.nodes import on_local_chains, on_node, running_validator
from worlds.selection import SUMMARY, first_of_each, left_out, needs, part, uses_a_chain

PASSED = pytest.StashKey[bool]()
"""Whether the body of a test passed."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--chain", default="memory", help="memory, local, validator or a node's URL")
    parser.addoption("--part", default="1/1", help="which part of the tests, as 2/8")
    parser.addoption("--first", action="store_true", help="of each test its first parameters")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[SUMMARY] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.when == "call":
        item.stash[PASSED] = report.passed
    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for line in config.stash[SUMMARY]:
        terminalreporter.write_line(line)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if _chain(config) == "memory":
        return
    config.stash[SUMMARY].append(left_out(items))
    chosen = [item for item in items if uses_a_chain(item) and not needs(item)]
    if config.getoption("first"):
        chosen = first_of_each(chosen)
    chosen = part(chosen, config.getoption("part"))
    config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
    items[:] = chosen


def _chain(config: pytest.Config) -> str:
    return str(config.getoption("chain", "memory"))


@pytest.fixture(scope="session")
def real_worlds(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Iterator[World]]:
    """Fresh deployments on the chain that was asked for."""
    chain, folder = _chain(request.config), tmp_path_factory.mktemp("chain")
    first, step = map(int, request.config.getoption("part").split("/"))
    numbers = itertools.count(first, step)
    if chain == "local":
        with closing(on_local_chains(folder)) as worlds:
            yield worlds
    elif chain == "validator":
        with running_validator(validator.find() or validator.NAME, folder) as url:
            yield on_node(url, numbers)
    else:
        yield on_node(chain, numbers)


@pytest.fixture(scope="module")
def shared_world(request: pytest.FixtureRequest) -> Iterator[World]:
    """One deployment for the examples of a module's tests."""
    yield from _world(request)


# Where the mutation run (`defences/`) puts a program that it built without one of its defences.
MUTATED = Path(os.environ.get("GTX_ELF_FOLDER") or "/nonexistent")


@pytest.fixture(scope="session", autouse=True)
def _mutated_programs() -> Iterator[None]:
    """A mutated program takes the place of the committed one."""
    committed = Program.elf

    def elf(program: Program) -> bytes:
        mutated = MUTATED / f"{program.idl.name}.so"
        return mutated.read_bytes() if mutated.exists() else committed(program)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Program, "elf", elf)
        yield


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """A fresh deployment of the three programs."""
    yield from _world(request)


def _world(request: pytest.FixtureRequest) -> Iterator[World]:
    if _chain(request.config) != "memory":
        yield next(request.getfixturevalue("real_worlds"))
        return
    world = MemoryWorld()
    yield world
    if request.node.stash.get(PASSED, True):  # one that failed may not have got that far
        assert world.needs == needs(request.node), (
            "what it did, and what its marks say that it does"
        )
