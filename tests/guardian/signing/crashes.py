"""A guardian's state whose process dies at any of its steps."""

import shutil
import sqlite3
from pathlib import Path
from typing import Any


class Died(BaseException):
    """The process is no more: nothing of it runs on, and nobody can catch this."""


class Dying:
    """Lets so many more steps pass, and then dies, leaving the files as they are at that moment.

    A step is each statement, before and after it, and whatever a test counts itself.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.steps_left: int | None = None
        self.is_dead = False
        self._copies = 0
        self.remains = folder

    def step(self) -> None:
        if self.is_dead:
            raise Died
        if self.steps_left is None:
            return
        if self.steps_left == 0:
            self._copies += 1
            self.remains = self.folder.with_name(f"{self.folder.name}-{self._copies}")
            shutil.copytree(self.folder, self.remains)
            self.is_dead = True
            raise Died
        self.steps_left -= 1

    def connect(self, path: str) -> sqlite3.Connection:
        connection = sqlite3.connect(path, factory=_Connection)
        connection.dying = self
        return connection


class _Connection(sqlite3.Connection):
    dying: Dying

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        self.dying.step()
        cursor = super().execute(*arguments)
        self.dying.step()
        return cursor
