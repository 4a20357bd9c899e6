"""`./run cluster`: a private Solana cluster of one to five authorities on this machine.

Its genesis has our programs at the addresses of their IDLs, and slots of 100 ms. One authority runs
in `solana-test-validator`, which is content with any limit of open files; several run in
`agave-validator`. Both come with Solana's own installer.
"""

import argparse
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from workbench.cluster_genesis import Authority, Cluster, make_cluster
from workbench.cluster_machine import (
    GENESIS,
    TEST_VALIDATOR,
    VALIDATOR,
    Machine,
    lacking,
    look_at_machine,
)
from workbench.console import SetupError, say
from workbench.environment import STATE

MOST_AUTHORITIES = 5
RPC_PORT = 8899
# Relative to the first RPC port: the faucet, and where each authority speaks to the others.
FAUCET_OFFSET = 90
PEERS_OFFSET = 100
PORTS_EACH = 40
START_TIMEOUT_S = 120
POLL_S = 0.2

Process = subprocess.Popen[bytes]


def rpc_port(first: int, index: int) -> int:
    """The RPC port of an authority; its websocket has the next."""
    return first + 2 * index


def command(machine: Machine, cluster: Cluster, index: int, first_port: int) -> list[str]:
    """The command line of one authority."""
    authority = cluster.authorities[index]
    entrypoint = first_port + PEERS_OFFSET
    peers = entrypoint + PORTS_EACH * index
    common = ["--ledger", str(authority.ledger), "--bind-address", "127.0.0.1"]
    common += ["--rpc-port", str(rpc_port(first_port, index)), "--gossip-port", str(peers)]
    common += ["--dynamic-port-range", f"{peers + 1}-{peers + PORTS_EACH}"]
    if len(cluster.authorities) == 1:
        faucet = ["--faucet-port", str(first_port + FAUCET_OFFSET)]
        return [str(machine.tools[TEST_VALIDATOR]), *common, *faucet, "--quiet"]
    return [
        *[str(machine.tools[VALIDATOR]), *common],
        *["--identity", str(authority.identity), "--vote-account", str(authority.vote)],
        *(["--entrypoint", f"127.0.0.1:{entrypoint}"] if index else []),
        *["--expected-genesis-hash", cluster.genesis_hash, "--log", str(authority.log)],
        *["--no-genesis-fetch", "--no-snapshot-fetch", "--no-wait-for-vote-to-start-leader"],
        *["--no-os-network-limits-test", "--no-xdp", "--allow-private-addr"],
        *["--full-rpc-api", "--enable-rpc-transaction-history"],
    ]


@contextmanager
def running(machine: Machine, cluster: Cluster, first_port: int) -> Iterator[list[str]]:
    """Run the authorities; yields their RPC addresses when each has confirmed blocks."""
    deadline = time.monotonic() + START_TIMEOUT_S
    started: list[tuple[Authority, Process, str]] = []
    try:
        for index, authority in enumerate(cluster.authorities):
            line = command(machine, cluster, index, first_port)
            with authority.log.open("ab") as log:
                # a group of its own: Ctrl-C reaches us alone, and we stop them all
                process = subprocess.Popen(line, stdout=log, stderr=log, start_new_session=True)  # noqa: S603 - our own command
            url = f"http://127.0.0.1:{rpc_port(first_port, index)}"
            started.append((authority, process, url))
            if index == 0:
                # The others ask the first for the way, and end when nobody is there.
                _wait_until(lambda: _listens(first_port + PEERS_OFFSET), *started[0][:2], deadline)
        if len(started) == 1:
            _wait_until(lambda: _may_vote(machine, started[0][0]), *started[0][:2], deadline)
        for authority, process, url in started:
            _wait_until(functools.partial(_has_blocks, url), authority, process, deadline)
        yield [url for _, _, url in started]
    finally:
        for _, process, _ in started:
            process.terminate()
        for _, process, _ in started:
            process.wait()


def _wait_until(
    condition: Callable[[], bool], authority: Authority, process: Process, deadline: float
) -> None:
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SetupError(f"an authority does not start: see {authority.log}")
        time.sleep(POLL_S)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _may_vote(machine: Machine, authority: Authority) -> bool:
    """Hand the test validator the key that may vote: it takes another for granted."""
    line = [str(machine.tools[VALIDATOR]), "--ledger", str(authority.ledger)]
    line += ["authorized-voter", "add", str(authority.identity)]
    return subprocess.run(line, capture_output=True, check=False).returncode == 0  # noqa: S603 - our own command


def _has_blocks(url: str) -> bool:
    """Whether an authority knows of a block that the cluster confirmed."""
    body = {"jsonrpc": "2.0", "id": 1, "method": "getSlot", "params": [{"commitment": "confirmed"}]}
    request = urllib.request.Request(  # noqa: S310 - our own http address
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - as above
            return int(json.load(answer).get("result", 0)) > 0
    except (OSError, ValueError):
        return False


def run(arguments: Sequence[str]) -> None:
    """Make the cluster unless it is there, run it, and stop it when told.

    Raises:
        SetupError: this machine lacks something, or an authority does not start.
    """
    options = _options(arguments)
    machine = look_at_machine()
    if missing := lacking(machine, options.authorities):
        raise SetupError("\n".join(missing))
    if options.reset:
        shutil.rmtree(options.folder, ignore_errors=True)
    cluster = make_cluster(options.folder, options.authorities, str(machine.tools[GENESIS]))
    with running(machine, cluster, options.port) as urls:
        facts = {"ready": "cluster", "rpc_urls": urls, "genesis_hash": cluster.genesis_hash}
        sys.stdout.write(json.dumps(facts) + "\n")
        sys.stdout.flush()
        say("Ctrl-C stops it; its data stays for the next time")
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        raise SetupError(f"an authority ended: see the logs in {options.folder}")


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run cluster", description=__doc__)
    parser.add_argument(
        "--authorities", type=int, choices=range(1, MOST_AUTHORITIES + 1), required=True
    )
    parser.add_argument(
        "--port", type=int, default=RPC_PORT, help="RPC port of the first authority"
    )
    parser.add_argument("--folder", type=Path, default=STATE / "cluster", help="where its data is")
    parser.add_argument("--reset", action="store_true", help="begin with a new, empty ledger")
    return parser.parse_args(arguments)


def _stop(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    # Set both: whoever starts us in the background may have made us deaf to Ctrl-C's signal.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        with suppress(KeyboardInterrupt):
            run(sys.argv[1:])
    except SetupError as error:
        say(str(error))
        sys.exit(1)
