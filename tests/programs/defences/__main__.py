"""`./run soak defences`: takes each defence out of the programs; a test must notice each time."""

from __future__ import annotations

import argparse
import sys
import time

from tests.programs.defences import mutation, table

from programs import build


def say(text: str) -> None:
    """Print a line at once: the whole run takes a quarter of an hour."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def chosen(feature: str | None, program: str | None) -> list[table.Defence]:
    """The defences with this feature and in this program; all where none is named."""
    return [
        defence
        for defence in table.read_all()
        if feature in {None, defence.feature} and program in {None, defence.program}
    ]


def check_tests_pass(defences: list[table.Defence]) -> None:
    """See that the tests pass as long as nothing is taken out.

    Raises:
        BuildError: one fails.
    """
    results = mutation.run_tests(sorted({defence.test for defence in defences}), None)
    unsound = results.failed | results.broken
    if unsound:
        raise build.BuildError(
            "these tests fail with the programs as they are:\n" + "\n".join(unsound)
        )


def run(defences: list[table.Defence]) -> list[str]:
    """Take out each defence in turn; returns the names of those that no test noticed."""
    toolchain = build.find_toolchain()
    check_tests_pass(defences)
    unnoticed = []
    for defence in defences:
        verdict = mutation.judge(defence, toolchain)
        say(f"{'ok    ' if verdict.noticed else 'FAILED'} {defence.name} ({defence.program})")
        if not verdict.noticed:
            say(f"       {defence.attack}\n       {defence.test}: {verdict.said}")
            unnoticed.append(defence.name)
    return unnoticed


def main() -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="./run soak defences", description=__doc__)
    parser.add_argument("--only", metavar="FEATURE", help="a feature, as without-owner-check")
    parser.add_argument("--program", choices=build.CRATES, metavar="NAME", help="in this program")
    arguments = parser.parse_args()
    defences = chosen(arguments.only, arguments.program)
    if not defences:
        parser.error("no defence has that name: see tests/programs/defences/*.toml")
    started = time.monotonic()
    try:
        unnoticed = run(defences)
    except build.BuildError as error:
        say(str(error))
        return 1
    minutes = (time.monotonic() - started) / 60
    say(f"{len(defences) - len(unnoticed)} of {len(defences)} defences noticed ({minutes:.1f} min)")
    if unnoticed:
        say("no test noticed: " + ", ".join(unnoticed))
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
