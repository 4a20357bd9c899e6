"""The workspace's environment: uv, `.venv` from the lock file, and the broker."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from workbench.console import SetupError, say

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".gtx"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UV_VERSION = "0.13.9"
UV_VENV = STATE / "uv"
# Written when .venv was last made to agree with the lock file; its content is what they agreed on.
STAMP = VENV / ".gridtokenx-lock"


def prepare() -> int:
    """Make `.venv` agree with the lock file; does nothing when it already does."""
    wanted = _fingerprint()
    if PYTHON.exists() and STAMP.exists() and STAMP.read_text() == wanted:
        return 0
    say("setting up the environment (once) …")
    command = [
        *find_uv(),
        "sync",
        "--locked",
        "--all-packages",
        "--python",
        sys.executable,
        "--quiet",
    ]
    if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:  # noqa: S603 - our own command
        raise SetupError("uv could not install the locked packages: see its message above")
    STAMP.write_text(wanted)
    return 0


def find_uv() -> list[str]:
    """Return the command that starts uv, which is installed into `.gtx/uv` where it is missing."""
    found = shutil.which("uv")
    if found:
        return [found]
    own = UV_VENV / "bin" / "uv"
    if not own.exists():
        _install_uv()
    return [str(own)]


def offer_mosquitto() -> None:
    """Install mosquitto where this user may; otherwise the wheel broker takes its place."""
    if shutil.which("mosquitto") or Path("/usr/sbin/mosquitto").exists():
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        say("installing mosquitto …")
        if apt_install("mosquitto"):
            return
    say("mosquitto is not installed: a broker without client certificates takes its place")


def apt_install(*packages: str) -> bool:
    """Install Debian packages as root, without questions; return whether it worked."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        return False
    for command in (
        [apt, "update", "-q"],
        [apt, "install", "-q", "-y", "--no-install-recommends", *packages],
    ):
        result = subprocess.run(  # noqa: S603 - fixed words and our own package names
            command,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    return result.returncode == 0


def _install_uv() -> None:
    say("installing uv …")
    STATE.mkdir(exist_ok=True)
    if not _make_venv() and not (apt_install("python3-venv") and _make_venv()):
        raise SetupError(
            "this Python cannot make a virtual environment: install uv (pip install uv), "
            "or run apt-get install python3-venv, and try again"
        )
    pip = [str(UV_VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", f"uv=={UV_VERSION}"]
    if subprocess.run(pip, check=False).returncode != 0:  # noqa: S603 - our own command
        raise SetupError("pip could not install uv: see its message above")


def _make_venv() -> bool:
    command = [sys.executable, "-m", "venv", "--clear", str(UV_VENV)]
    result = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)  # noqa: S603 - our own command
    return result.returncode == 0


def _fingerprint() -> str:
    """What the environment depends on: the lock file and the interpreter."""
    return f"{sys.version}\n{(ROOT / 'uv.lock').read_text()}"
