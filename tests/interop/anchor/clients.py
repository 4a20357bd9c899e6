"""The clients of other people: how each is started, and which form of the IDLs it reads.

A client is a process that reads one JSON object a line and answers each with one line. The first
line opens it: ``idls`` (path of each program's IDL), ``rpc_url``, ``keys`` (secret keys by name,
``payer`` among them). Each line after that asks for one thing:

===========  ===============================================  ====================================
``do``       with                                             answer
===========  ===============================================  ====================================
``build``    program, instruction, args, accounts             program_id, data, accounts
``account``  program, data                                    name and values
``event``    program, data of an inner instruction            name and values
``error``    program, code, logs of a refusal                 code, name and msg
``send``     as ``build``, and signers, before (instructions  signature and events; or error: code,
             that go first), preflight                        name and msg
``fetch``    program, account (its type), address             its values
===========  ===============================================  ====================================

An instruction is ``program_id``, ``data`` (hexadecimal) and ``accounts``: address, whether it
signs, whether it is written.
"""

import hashlib
import json
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest
from solders.keypair import Keypair

from gridtokenx_programs import PROGRAM_NAMES
from workbench.isolated import isolated, node_command

from .values import Json

INTEROP = Path(__file__).resolve().parents[1]
ANCHOR_TS, ANCHOR_PY = INTEROP / "anchor_ts", INTEROP / "anchor_py"
IDLS = INTEROP.parents[1] / "programs" / "src" / "gridtokenx_programs" / "idl"
TIMEOUT_S = 300
NO_CHAIN = "http://127.0.0.1:1"


@dataclass(frozen=True)
class Session:
    """A client that is running."""

    process: subprocess.Popen[str]
    said: IO[str]

    def ask(self, do: str, **of: Json) -> Json:
        """One request and its answer; fails with what the client said if it broke down."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": do, **of}) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            self.process.wait()
            self.said.seek(0)
            pytest.fail(f"{do} {of}: {self.said.read()}")
        return json.loads(answer)


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

    @contextmanager
    def session(
        self,
        keys: Mapping[str, Keypair],
        rpc_url: str = NO_CHAIN,
        *,
        idls: Path | None = None,
    ) -> Iterator[Session]:
        """Run it in a process of its own environment, with these keys; `payer` pays.

        `idls` is the folder of the IDLs, where these are not the ones that we ship.
        """
        folder = idls or self.idls
        opening = {
            "idls": {name: str(folder / f"{name}.json") for name in PROGRAM_NAMES},
            "rpc_url": rpc_url,
            "keys": {name: bytes(keypair).hex() for name, keypair in keys.items()},
        }
        with (
            tempfile.TemporaryFile("w+") as said,
            subprocess.Popen(
                [*self.command(), str(self.script)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True,
                cwd=self.script.parent,
            ) as process,
        ):  # fmt: skip
            watchdog = threading.Timer(TIMEOUT_S, process.kill)
            watchdog.start()
            try:
                assert process.stdin is not None
                process.stdin.write(json.dumps(opening) + "\n")
                yield Session(process, said)
            finally:
                watchdog.cancel()
                process.kill()


def _anchor_ts() -> list[str]:
    """Node, with the packages of the lock file beside the script."""
    stamp = ANCHOR_TS / "node_modules" / ".installed"
    wanted = hashlib.sha256((ANCHOR_TS / "package-lock.json").read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        install = [*node_command("npm"), "ci", "--no-progress"]
        run = subprocess.run(install, cwd=ANCHOR_TS, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            pytest.fail(f"npm could not install the locked packages: {run.stderr}")
        stamp.write_text(wanted)
    return node_command("node")


def _anchor_py(name: str) -> Callable[[], list[str]]:
    return lambda: [*isolated(ANCHOR_PY / name), "python"]


CLIENTS = (
    Client("@coral-xyz/anchor", _anchor_ts, ANCHOR_TS / "client.mjs", finds_addresses=True),
    Client("anchorpy3", _anchor_py("anchorpy3"), ANCHOR_PY / "client.py"),
    Client("anchorpy", _anchor_py("anchorpy"), ANCHOR_PY / "client.py", IDLS / "legacy"),
)
