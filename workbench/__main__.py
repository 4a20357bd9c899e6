"""`./run VERB`: lists the verbs, sets up what a verb needs, and hands over to it."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workbench import environment
from workbench.console import SetupError, say


@dataclass(frozen=True, slots=True)
class Verb:
    """One word after `./run`."""

    summary: str
    run: Callable[[Sequence[str]], int]


def _python(
    module: str, *, broker: bool = False, tools: bool = False
) -> Callable[[Sequence[str]], int]:
    """Return a verb that runs `module`, with a `broker` or the tests' `tools` at hand."""

    def verb(arguments: Sequence[str]) -> int:
        environment.prepare()
        if broker:
            environment.offer_mosquitto()
        if tools:
            environment.offer_softhsm()
            environment.offer_strace()
            environment.offer_chromium()
            environment.offer_faketime()
        command = [str(environment.PYTHON), "-m", module, *arguments]
        os.chdir(environment.ROOT)
        # Tests of other people's clients make environments of their own with the same uv.
        uv_folder = os.path.dirname(environment.find_uv()[0])  # noqa: PTH120 - a PATH entry is text
        os.environ["PATH"] += os.pathsep + uv_folder
        os.execv(command[0], command)  # noqa: S606 - our own interpreter, no shell

    return verb


VERBS = {
    "demo": Verb(
        "from a meter to a trade on this machine [--once] [--json] [--scenario NAME] [--reset]",
        _python("demo", broker=True),
    ),
    "test": Verb(
        "all tests; arguments go to pytest", _python("workbench.tests", broker=True, tools=True)
    ),
    "check": Verb("format, lint, types, rebuild of the programs", _python("workbench.checks")),
    "bench": Verb(
        "NAME [--json]: a benchmark (chain, edge, index, ingest, settle)",
        _python("workbench.bench"),
    ),
    "screens": Verb(
        "pictures of the main pages into docs/screens", _python("workbench.screens", tools=True)
    ),
    "soak": Verb(
        "[TIMES]: kill loops and property tests, many times as long, and the programs without "
        "each of their defences; defences [--only FEATURE] [--program NAME], or contracts: "
        "these alone",
        _python("workbench.soak", broker=True, tools=True),
    ),
    "cluster": Verb(
        "a private Solana cluster on this machine: --authorities N [--port P] [--reset]",
        _python("workbench.cluster"),
    ),
    "programs": Verb(
        "build the Solana programs from source [--check] [--with cargo-build-sbf]",
        _python("programs.build"),
    ),
    "contracts": Verb(
        "build the EVM contracts from source [--check]", _python("workbench.contracts")
    ),
    "setup": Verb("set up the environment and nothing else", lambda _: environment.prepare()),
}


def usage() -> str:
    """One line for each verb."""
    width = max(map(len, VERBS))
    lines = (f"  {name:<{width}}  {verb.summary}" for name, verb in VERBS.items())
    return "./run VERB\n" + "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Run the verb that `arguments` begin with; return the exit code."""
    if not arguments or arguments[0] in {"help", "-h", "--help"}:
        say(usage())
        return 0
    verb = VERBS.get(arguments[0])
    if verb is None:
        say(f"there is no verb {arguments[0]!r}\n{usage()}")
        return 2
    try:
        return verb.run(arguments[1:]) or 0
    except SetupError as error:
        say(str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
