"""`./run screens`: pictures of the main pages, made by a real browser, into docs/screens."""

import subprocess
import sys

from workbench.environment import PYTHON, ROOT

SCREENS = ROOT / "docs" / "screens"


def main() -> int:
    """Take the pictures; return the exit code."""
    SCREENS.mkdir(exist_ok=True)
    command = [str(PYTHON), "-m", "pytest", "-q", "tests/hub/web/screens.py"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode  # noqa: S603 - our own command


if __name__ == "__main__":
    sys.exit(main())
