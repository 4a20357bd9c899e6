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
UV_HOME = STATE / "uv"
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
    own = UV_HOME / "bin" / "uv"
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


def offer_softhsm() -> None:
    """Install SoftHSM where this user may; otherwise the tests of keys in tokens are skipped."""
    if shutil.which("softhsm2-util") is None and not apt_install("softhsm2"):
        say("softhsm2 is not installed: the tests of keys in tokens are skipped")


def offer_strace() -> None:
    """Install strace where this user may; otherwise the tests that need it say so."""
    if shutil.which("strace") is None and not apt_install("strace"):
        say("strace is not installed: the tests that kill a process at each write need it")


def offer_chromium() -> None:
    """Install Chromium where this user may; otherwise the tests of pages say so."""
    if shutil.which("chromium") is None and not apt_install("chromium"):
        say("chromium is not installed: the tests that look at pages need it")


def find_faketime() -> Path | None:
    """The library that gives a process a wall clock of its own; None where it is missing."""
    return next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


def offer_faketime() -> None:
    """Install libfaketime where this user may; otherwise the tests that need it say so."""
    if find_faketime() is None and not apt_install("libfaketime"):
        say("libfaketime is not installed: the tests that move a process's wall clock need it")


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
    """Install uv with pip, from whichever of three places has one.

    Debian's Python comes without venv and pip; both may be there, or this user may install them.
    """
    say("installing uv …")
    STATE.mkdir(exist_ok=True)
    wanted = ["install", "--quiet", "--disable-pip-version-check", f"uv=={UV_VERSION}"]
    own_pip = [str(UV_HOME / "bin" / "python"), "-m", "pip", *wanted]
    if _make_venv() or (apt_install("python3-venv") and _make_venv()):
        command = own_pip
    else:
        command = [sys.executable, "-m", "pip", *wanted, "--target", str(UV_HOME)]
    if subprocess.run(command, check=False).returncode != 0:  # noqa: S603 - our own command
        raise SetupError(
            "uv could not be installed (see above): run apt-get install python3-venv as root, "
            "or install uv yourself, and try again"
        )


def _make_venv() -> bool:
    command = [sys.executable, "-m", "venv", "--clear", str(UV_HOME)]
    result = subprocess.run(  # noqa: S603 - our own command
        command, stdout=subprocess.DEVNULL, check=False
    )
    return result.returncode == 0


def _fingerprint() -> str:
    """What the environment depends on: the lock file and the interpreter."""
    return f"{sys.version}\n{(ROOT / 'uv.lock').read_text()}"
