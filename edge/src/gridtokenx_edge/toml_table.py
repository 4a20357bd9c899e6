"""Reading TOML so that every mistake is reported with its file, key and remedy."""

import tomllib
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

from gridtokenx_edge.errors import ConfigError


class TomlTable:
    """One table of a TOML file. Each key is taken once; what is left at the end is a mistake."""

    def __init__(self, values: Mapping[str, Any], file: Path, where: str = "") -> None:
        self._values = dict(values)
        self._file = file
        self._where = where

    @classmethod
    def load(cls, file: Path) -> Self:
        """Read a whole file.

        Raises:
            ConfigError: The file cannot be read or is not TOML.
        """
        try:
            return cls(tomllib.loads(file.read_text(encoding="utf-8")), file)
        except OSError as error:
            reason = error.strerror or "cannot be read"
            raise ConfigError(f"{file}: {reason}; give the path of a readable TOML file") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{file}: not TOML: {error}; correct the file") from error

    @property
    def folder(self) -> Path:
        """Folder of the file: paths in it are relative to this."""
        return self._file.parent

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def names(self) -> tuple[str, ...]:
        """Keys that are not taken yet."""
        return tuple(self._values)

    def error(self, key: str, problem: str) -> ConfigError:
        """The error for a key of this table."""
        return ConfigError(f"{self._file}: {self._where}{key}: {problem}")

    def text(self, key: str, default: str | None = None) -> str:
        """Text that is not empty."""
        value = self._take(key, default)
        if not isinstance(value, str) or not value.strip():
            raise self.error(key, "write text in quotes")
        return value

    def choice(self, key: str, choices: tuple[str, ...], default: str | None = None) -> str:
        """One of a few words."""
        value = self._take(key, default)
        if value not in choices:
            raise self.error(key, f"write one of {', '.join(choices)}")
        return str(value)

    def integer(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """An integer from ``low`` to ``high``."""
        value = self._take(key, default)
        if type(value) is not int or not low <= value <= high:
            raise self.error(key, f"write a whole number from {low} to {high}")
        return value

    def integers(self, key: str, low: int, high: int) -> tuple[int, ...]:
        """At least one integer from ``low`` to ``high``, each of them once."""
        value = self._take(key, None)
        if (
            not isinstance(value, list)
            or not value
            or len(set(map(repr, value))) != len(value)
            or not all(type(number) is int and low <= number <= high for number in value)
        ):
            raise self.error(key, f"write a list of different whole numbers from {low} to {high}")
        return tuple(value)

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false."""
        value = self._take(key, default)
        if not isinstance(value, bool):
            raise self.error(key, "write true or false")
        return value

    def fraction(self, key: str, default: str) -> Fraction:
        """An exact number written as text, such as "1/10" or "-1"."""
        value = self._take(key, default)
        try:
            return Fraction(value if isinstance(value, str) else "")
        except (ValueError, ZeroDivisionError):
            raise self.error(key, 'write an exact number as text, such as "1/10"') from None

    def hexadecimal(self, key: str, size: int) -> bytes:
        """Exactly ``size`` bytes in hex digits."""
        value = self._take(key, None)
        if not isinstance(value, str) or len(value) != 2 * size:
            raise self.error(key, f"write {2 * size} hex digits in quotes")
        try:
            return bytes.fromhex(value)
        except ValueError:
            raise self.error(key, f"write {2 * size} hex digits in quotes") from None

    def path(self, key: str) -> Path:
        """A path; a relative one starts at the folder of the file."""
        return self.folder / self.text(key)

    def table(self, key: str) -> "TomlTable":
        """A table inside this one."""
        value = self._take(key, None)
        if not isinstance(value, dict):
            raise self.error(key, f"write a table [{self._where}{key}]")
        return TomlTable(value, self._file, f"{self._where}{key}.")

    def tables(self, key: str) -> list["TomlTable"]:
        """An array of tables with at least one in it."""
        value = self._take(key, None)
        if not isinstance(value, list) or not value or not all(isinstance(v, dict) for v in value):
            raise self.error(key, f"write at least one table [[{key}]]")
        return [
            TomlTable(entry, self._file, f"{self._where}{key}[{index}].")
            for index, entry in enumerate(value)
        ]

    def finish(self) -> None:
        """Refuse what nothing has taken.

        Raises:
            ConfigError: A key is unknown.
        """
        for key in self._values:
            raise self.error(key, "unknown key; remove it or correct its spelling")

    def _take(self, key: str, default: object) -> Any:
        if key in self._values:
            return self._values.pop(key)
        if default is None:
            raise self.error(key, "missing; add it")
        return default
