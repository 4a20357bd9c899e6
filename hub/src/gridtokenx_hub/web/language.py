"""The languages of the pages: one file of words each, and how each writes times.

Every word that a page shows is in `languages/CODE.toml`. Times are Thailand's (UTC+7, no summer
time), in Thai with the years of the Buddhist era.
"""

import datetime as dt
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

THAILAND = dt.timezone(dt.timedelta(hours=7))
DEFAULT = "en"
COOKIE = "gtx_language"
MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
_WEIGHTED = re.compile(r"\s*([A-Za-z-]{1,35})\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?))?\s*")


@dataclass(frozen=True, slots=True)
class Language:
    """One language: its code (BCP 47), its own name and its words by dotted keys."""

    code: str
    name: str
    era_years: int
    words: Mapping[str, str]

    def say(self, key: str, **values: object) -> str:
        """Return the words of a key with the values put in; a key that is missing is an error."""
        return self.words[key].format(**values)

    def group(self, prefix: str) -> dict[str, str]:
        """Return the words whose keys begin with `prefix.`, by the rest of the key."""
        begin = f"{prefix}."
        return {
            key.removeprefix(begin): words
            for key, words in self.words.items()
            if key.startswith(begin)
        }

    def day(self, instant: dt.datetime) -> str:
        """Write the day of an instant."""
        there = instant.astimezone(THAILAND)
        return self.say(
            "date.day",
            day=there.day,
            month=self.words[f"month.{there.month}"],
            year=there.year + self.era_years,
        )

    def moment(self, instant: dt.datetime) -> str:
        """Write an instant to the minute."""
        time = instant.astimezone(THAILAND).strftime("%H:%M")
        return self.say("date.moment", day=self.day(instant), time=time)

    def ago(self, instant: dt.datetime, now: dt.datetime) -> str:
        """Write how long ago something was; what is older than a week, by its date."""
        seconds = int((now - instant).total_seconds())
        if seconds < MINUTE_S:
            return self.say("ago.now")
        if seconds < HOUR_S:
            return self.say("ago.minutes", count=seconds // MINUTE_S)
        if seconds < DAY_S:
            return self.say("ago.hours", count=seconds // HOUR_S)
        if seconds < 7 * DAY_S:
            return self.say("ago.days", count=seconds // DAY_S)
        return self.day(instant)


@cache
def languages() -> Mapping[str, Language]:
    """Return every language by its code."""
    folder = files("gridtokenx_hub.web") / "languages"
    made = (_language(entry.read_text("utf-8")) for entry in folder.iterdir())
    return {language.code: language for language in made}


def choose(cookie: str | None, accept_language: str | None) -> Language:
    """Return what the visitor chose, else what the browser asks for, else English.

    `accept_language` is a header of RFC 9110, section 12.5.4.
    """
    known = languages()
    if cookie is not None and cookie in known:
        return known[cookie]
    wanted = sorted(_weighted(accept_language or ""), key=lambda entry: -entry[0])
    return next(
        (known[code] for weight, code in wanted if code in known and weight), known[DEFAULT]
    )


def _weighted(header: str) -> Iterator[tuple[float, str]]:
    for part in header[:1000].split(","):
        match = _WEIGHTED.fullmatch(part)
        if match:
            yield float(match[2] or 1), match[1].partition("-")[0].lower()


def _language(text: str) -> Language:
    content = tomllib.loads(text)
    code, name, era_years = (content.pop(key) for key in ("code", "name", "era_years"))
    return Language(code, name, era_years, dict(_flat(content)))


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        if isinstance(value, str):
            yield prefix + key, value
        else:
            yield from _flat(value, f"{prefix}{key}.")
