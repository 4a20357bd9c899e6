"""The tables of defences agree with the programs: what is declared is used, named and tested."""

import re
import subprocess
import sys
import tomllib
from collections import Counter

import pytest
from tests.programs.defences.table import CRATES, ROOT, crate_folder, read, read_all

NAME = re.compile(r"without(-[a-z0-9]+)+")
USE = re.compile(r'feature = "([^"]+)"')


def features(crate: str) -> dict[str, list[str]]:
    manifest = tomllib.loads((crate_folder(crate) / "Cargo.toml").read_text())
    return dict(manifest.get("features", {}))


@pytest.mark.parametrize("crate", CRATES)
def test_each_feature_is_declared_used_and_in_the_table(crate: str) -> None:
    sources = (crate_folder(crate) / "src").rglob("*.rs")
    used = {name for source in sources for name in USE.findall(source.read_text())}
    in_table = [defence.feature for defence in read(crate)]
    assert sorted(features(crate)) == sorted(used) == sorted(in_table)


@pytest.mark.parametrize("crate", CRATES)
def test_no_feature_is_on_by_itself(crate: str) -> None:
    """Nothing that is shipped is built without a defence."""
    for name, implied in features(crate).items():
        assert NAME.fullmatch(name), name
        assert implied == [], name
    manifest = (crate_folder(crate) / "Cargo.toml").read_text()
    assert not re.search(r"^(?!\[)(?!without-).*\bfeatures\b.*without-", manifest, re.MULTILINE)


def test_each_defence_is_named_once_and_says_what_it_stops() -> None:
    counted = Counter(defence.name for defence in read_all())
    assert [name for name, count in counted.items() if count > 1] == []
    for defence in read_all():
        assert re.fullmatch(r"[A-Z].+\.", defence.attack), defence.name
        assert defence.program in CRATES, defence.name
        assert defence.program != "common", defence.name
        assert defence.crate in {"common", defence.program}, defence.name


def test_each_named_test_exists() -> None:
    nodes = sorted({defence.test for defence in read_all()})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *nodes]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    collected = {line for line in done.stdout.splitlines() if "::" in line}
    assert collected == set(nodes), "each node id names one test, with its parameters"
