"""Documents that describe what is not there fail."""

import functools
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
VERB = re.compile(r"\./run ([a-z]+)")
INLINE_PATH = re.compile(
    r"`((?:protocol|edge|provisioning|firmware-sim|programs|hub|guardian|tests|demo|workbench|docs)"
    r"/[^`*… ]*)`"
)


def documents() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / line for line in listed.stdout.splitlines()]


@functools.cache
def verbs() -> set[str]:
    listed = subprocess.run([ROOT / "run"], capture_output=True, text=True, check=True).stderr
    return set(re.findall(r"^  ([a-z]+)", listed, re.MULTILINE))


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
class TestDocument:
    def test_links_lead_somewhere(self, document: Path) -> None:
        links = [link for link in LINK.findall(document.read_text()) if "://" not in link]
        broken = [link for link in links if not (document.parent / link).exists()]
        assert not broken

    def test_paths_exist(self, document: Path) -> None:
        paths = INLINE_PATH.findall(document.read_text())
        assert not [path for path in paths if not (ROOT / path).exists()]

    def test_verbs_exist(self, document: Path) -> None:
        assert set(VERB.findall(document.read_text())) <= verbs()


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = set(LINK.findall((folder / "README.md").read_text()))
    assert listed == {path.name for path in folder.glob("0*.md")}
