"""The clients of other people: how each is started, and which form of the IDLs it reads.

A client gets one job and gives one answer, both JSON objects:

=============  =============================================  ==================================
in the job     what it holds                                  in the answer
=============  =============================================  ==================================
``idls``       path of each program's IDL                     ``errors``: those of each program
``builds``     instructions to build                          ``builds``: program, data, accounts
``accounts``   data of accounts to decode                     ``accounts``: name and values
``events``     data of inner instructions to decode           ``events``: name and values
``rpc_url``    the chain for what follows, and ``keys``
``steps``      instructions to send, one after the other      ``steps``: signature and events, or
                                                              the error by which it was refused
``fetches``    addresses of accounts to read afterwards       ``fetched``: their values
=============  =============================================  ==================================
"""

import hashlib
import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.interop.tools import isolated, node_command

from gridtokenx_programs import PROGRAM_NAMES

from .values import Json

INTEROP = Path(__file__).resolve().parents[1]
IDLS = INTEROP.parents[1] / "programs" / "src" / "gridtokenx_programs" / "idl"
TIMEOUT_S = 300
EMPTY_JOB: Json = {
    "rpc_url": "http://127.0.0.1:1",
    "keys": {},
    "builds": [],
    "accounts": [],
    "events": [],
    "steps": [],
    "fetches": [],
}


@dataclass(frozen=True)
class Client:
    """One client; `finds_addresses` if it works out addresses from seeds by itself."""

    name: str
    command: Callable[[], list[str]]
    script: Path
    idls: Path = IDLS
    finds_addresses: bool = False

    def __str__(self) -> str:
        return self.name

    def answer(self, job: Json) -> Json:
        """Do the job in a process of the client's own environment."""
        idls = {name: str(self.idls / f"{name}.json") for name in PROGRAM_NAMES}
        run = subprocess.run(
            [*self.command(), str(self.script)],
            input=json.dumps({**EMPTY_JOB, "idls": idls, **job}),
            capture_output=True, text=True, check=False, cwd=self.script.parent, timeout=TIMEOUT_S,
        )  # fmt: skip
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout)


def _anchor_ts() -> list[str]:
    """Node, with the packages of the lock file beside the script."""
    folder = INTEROP / "anchor_ts"
    stamp = folder / "node_modules" / ".installed"
    wanted = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        install = [*node_command("npm"), "ci", "--no-progress"]
        run = subprocess.run(install, cwd=folder, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            pytest.fail(f"npm could not install the locked packages: {run.stderr}")
        stamp.write_text(wanted)
    return node_command("node")


def _python(requirement: str) -> Callable[[], list[str]]:
    return lambda: [*isolated(requirement), "python"]


ANCHOR_PY = INTEROP / "anchor_py" / "client.py"
CLIENTS = (
    Client(
        "@coral-xyz/anchor 0.32.1",
        _anchor_ts,
        INTEROP / "anchor_ts" / "client.mjs",
        finds_addresses=True,
    ),
    Client("anchorpy3 0.4.5", _python("anchorpy3==0.4.5"), ANCHOR_PY),
    Client("anchorpy 0.21.0", _python("anchorpy==0.21.0"), ANCHOR_PY, IDLS / "legacy"),
)
