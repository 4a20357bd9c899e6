"""What is shipped and not ours is what its npm package has, byte for byte."""

import base64
import hashlib
import io
import subprocess
import tarfile
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from workbench.isolated import node_command

WEB = Path(str(files("gridtokenx_hub.web")))
PACKAGES = tomllib.loads((WEB / "vendored.toml").read_text())["package"]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package["name"])
def test_the_files_are_the_packages(package: dict[str, object], tmp_path: Path) -> None:
    wanted = f"{package['name']}@{package['version']}"
    subprocess.run(
        [*node_command("npm"), "pack", wanted, "--pack-destination", tmp_path, "--silent"],
        check=True,
        capture_output=True,
        cwd=tmp_path,
    )
    (archive,) = tmp_path.glob("*.tgz")
    content = archive.read_bytes()
    digest = base64.b64encode(hashlib.sha512(content).digest()).decode()
    assert package["integrity"] == f"sha512-{digest}"
    shipped = package["files"]
    assert isinstance(shipped, dict)
    with tarfile.open(fileobj=io.BytesIO(content)) as opened:
        for ours, theirs in shipped.items():
            original = opened.extractfile(f"package/{theirs}")
            assert original is not None
            assert (WEB / "static" / ours).read_bytes() == original.read(), ours


def test_all_that_is_not_ours_is_listed() -> None:
    listed = {ours for package in PACKAGES for ours in package["files"]}
    static = WEB / "static"
    found = {
        str(path.relative_to(static))
        for folder in ("vendor", "fonts")
        for path in (static / folder).iterdir()
    }
    assert found == listed
