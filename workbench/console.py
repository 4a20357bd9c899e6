"""How the workbench speaks to the person who runs it."""

import sys


class SetupError(RuntimeError):
    """Something that this machine lacks; the message says what to do."""


def say(text: str) -> None:
    """Write a line for people: to standard error, which leaves standard output to results."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
