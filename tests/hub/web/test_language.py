"""The languages: whole, alike, and the only place where the pages' words are."""

import datetime as dt
import re
import string
from importlib.resources import files
from pathlib import Path

import pytest

from gridtokenx_hub.web.language import choose, languages

WEB = Path(str(files("gridtokenx_hub.web")))
TEMPLATES = sorted(path for path in (WEB / "templates").glob("*.html"))
OWN_WORDS = {"explain.html"}  # its script has words of its own, in both languages
JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
SPOKEN = re.compile(r'\s(?:aria-label|title|placeholder|alt|content)="([^"]*)"')
UNITS = {"V", "Hz", "P", "Ed"}
NOW = dt.datetime(2025, 11, 24, 10, 35, tzinfo=dt.UTC)


def placeholders(words: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(words) if name is not None}


def test_every_language_says_the_same_things() -> None:
    english, thai = languages()["en"], languages()["th"]
    assert english.words.keys() == thai.words.keys()
    for key, words in english.words.items():
        assert placeholders(words) == placeholders(thai.words[key]), key
        assert words.strip()
        assert thai.words[key].strip()


def test_thai_is_thai() -> None:
    same = {
        key
        for key, words in languages()["en"].words.items()
        if languages()["th"].words[key] == words
    }
    assert same <= {
        "site.name",
        "site.api",
        "unit.kwh",
        "unit.grx",
        "unit.price",
        "date.day",
        "date.short",
    }


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_words_of_its_own(template: Path) -> None:
    if template.name in OWN_WORDS:
        return
    bare = JINJA.sub(" ", template.read_text("utf-8"))
    spoken = [
        text for text in SPOKEN.findall(bare) if not text.startswith(("width=", "light dark"))
    ]
    text = re.sub(r"<[^>]*>", " ", bare)
    assert not re.findall(r"[A-Za-z\u0e00-\u0e7f]+", " ".join([text, *spoken]))


def test_every_word_is_used() -> None:
    used = "".join(path.read_text("utf-8") for path in (*TEMPLATES, *WEB.rglob("*.py")))
    by_name = re.findall(
        r'"([a-z_]+)\." ~|group\("([a-z_]+)"\)|_one_of, language, "([a-z_]+)"', used
    )
    groups = {name for found in by_name for name in found if name} | {
        "problem",
        "ago",
        "date",
        "month",
    }
    unused = [
        key
        for key in languages()["en"].words
        if key.partition(".")[0] not in groups and f"{key}" not in used
    ]
    assert not unused


@pytest.mark.parametrize(
    ("cookie", "header", "code"),
    [
        (None, None, "en"),
        (None, "th-TH,th;q=0.9,en;q=0.8", "th"),
        (None, "de-DE,de;q=0.9,th;q=0.5,en;q=0.4", "th"),
        (None, "en;q=0.3, th;q=0", "en"),
        (None, "fr", "en"),
        (None, "TH", "th"),
        ("en", "th", "en"),
        ("th", "en", "th"),
        ("../th", "th;q=x,,;;q=1,\x00", "en"),
        (None, "th," * 100_000, "th"),
    ],
)
def test_the_choice(cookie: str | None, header: str | None, code: str) -> None:
    assert choose(cookie, header).code == code


def test_dates_are_thailands_and_thai_ones_of_the_buddhist_era() -> None:
    late = dt.datetime(2025, 12, 31, 17, 0, tzinfo=dt.UTC)
    assert languages()["en"].moment(NOW) == "24 Nov 2025, 17:35"
    assert languages()["th"].moment(NOW) == "24 พ.ย. 2568 17:35 น."
    assert languages()["th"].day(late) == "1 ม.ค. 2569"


@pytest.mark.parametrize(
    ("seconds", "english", "thai"),
    [
        (-5, "just now", "เมื่อครู่"),
        (59, "just now", "เมื่อครู่"),
        (60, "1 min ago", "1 นาทีที่แล้ว"),
        (3_599, "59 min ago", "59 นาทีที่แล้ว"),
        (3_600, "1 h ago", "1 ชั่วโมงที่แล้ว"),
        (200_000, "2 d ago", "2 วันที่แล้ว"),
        (8 * 86_400, "16 Nov 2025", "16 พ.ย. 2568"),
    ],
)
def test_ago(seconds: int, english: str, thai: str) -> None:
    instant = NOW - dt.timedelta(seconds=seconds)
    assert languages()["en"].ago(instant, NOW) == english
    assert languages()["th"].ago(instant, NOW) == thai
