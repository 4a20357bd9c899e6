"""What is done already, in a file of the folder, so that what broke off goes on."""

import json
from pathlib import Path
from typing import Any, Final

from gridtokenx_provisioning.errors import FolderError
from gridtokenx_provisioning.files import write_file

INSTALLATION: Final = "provisioning.json"


class Progress:
    """The answers of the steps that are done, by the step's name; no code and no key in it."""

    def __init__(self, folder: Path, file: str = INSTALLATION) -> None:
        self._path = folder / file
        self._steps = _load(self._path)

    def __getitem__(self, step: str) -> dict[str, Any]:
        return self._steps[step]

    def __contains__(self, step: str) -> bool:
        return step in self._steps

    def get(self, step: str) -> dict[str, Any] | None:
        """The answer of a step; None when it is not done."""
        return self._steps.get(step)

    def clear(self) -> None:
        """Begin anew; the file is replaced with the first step."""
        self._steps = {}

    def save(self, step: str, answer: dict[str, Any]) -> None:
        """Remember a step; on disk before this returns.

        Raises:
            FolderError: It cannot be written.
        """
        self._steps[step] = answer
        write_file(self._path, json.dumps(self._steps, indent=2) + "\n")


def _load(path: Path) -> dict[str, dict[str, Any]]:
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise FolderError(f"{path}: {error.strerror}; run this as the agent's user") from error
    except ValueError as error:
        raise FolderError(f"{path} is damaged: {error}; restore it, or use a new folder") from error
    if not isinstance(value, dict) or not all(isinstance(step, dict) for step in value.values()):
        raise FolderError(f"{path} is damaged; restore it, or use a new folder")
    return value
