"""Keys and genesis of a private cluster: made once, the same for every authority."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey
from solders.token import ID as TOKEN_PROGRAM

from gridtokenx_programs import PROGRAM_NAMES, load
from gridtokenx_programs.tokens import ASSOCIATED_TOKEN_PROGRAM
from workbench.console import SetupError

FINAL_LOADER = "BPFLoader2111111111111111111111111111111111"
TICKS_PER_SLOT = 16  # of 6.25 ms each: slots of 100 ms
SLOTS_PER_EPOCH = 432_000
FAUCET_LAMPORTS = 500_000_000 * 10**9
PROGRAM_DATA_HEADER = 45  # bytes before the ELF file of an upgradeable program
FACTS = "cluster.json"


@dataclass(frozen=True, slots=True)
class Authority:
    """One authority's folder; the names in it are those that solana-test-validator expects."""

    ledger: Path

    @property
    def identity(self) -> Path:
        """The key by which it makes blocks and votes."""
        return self.ledger / "validator-keypair.json"

    @property
    def vote(self) -> Path:
        """The key of its vote account."""
        return self.ledger / "vote-account-keypair.json"

    @property
    def stake(self) -> Path:
        """The key of its stake account."""
        return self.ledger / "stake-account-keypair.json"

    @property
    def log(self) -> Path:
        """What it says."""
        return self.ledger / "authority.log"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster that has its genesis."""

    authorities: tuple[Authority, ...]
    genesis_hash: str


def make_cluster(folder: Path, authorities: int, solana_genesis: str) -> Cluster:
    """Return the cluster in `folder`, made now unless it is there.

    Raises:
        SetupError: it is there with another number of authorities, or cannot be made.
    """
    own = tuple(Authority(folder / f"authority-{n}") for n in range(1, authorities + 1))
    facts = folder / FACTS
    if facts.exists():
        found = json.loads(facts.read_text())
        if found["authorities"] != authorities:
            raise SetupError(
                f"the cluster in {folder} has {found['authorities']} authorities: run as many, or"
                " begin anew with --reset"
            )
        return Cluster(own, found["genesis_hash"])
    shutil.rmtree(folder, ignore_errors=True)
    genesis_hash = _make_genesis(folder, own, solana_genesis)
    facts.write_text(json.dumps({"authorities": authorities, "genesis_hash": genesis_hash}))
    return Cluster(own, genesis_hash)


def _make_genesis(folder: Path, authorities: tuple[Authority, ...], solana_genesis: str) -> str:
    first, *others = authorities
    first.ledger.mkdir(parents=True, mode=0o700)
    faucet = first.ledger / "faucet-keypair.json"
    command = [solana_genesis, "--ledger", str(first.ledger), "--cluster-type", "development"]
    command += ["--hashes-per-tick", "sleep", "--ticks-per-slot", str(TICKS_PER_SLOT)]
    command += ["--slots-per-epoch", str(SLOTS_PER_EPOCH)]
    # No fees, as far as the validator lets its genesis decide: Agave 4.2 does not, and charges
    # 5,000 lamports a signature, of which the faucet has as many as one likes.
    command += ["--target-lamports-per-signature", "0", "--target-signatures-per-slot", "0"]
    command += ["--faucet-pubkey", _new_key(faucet), "--faucet-lamports", str(FAUCET_LAMPORTS)]
    for authority in authorities:
        authority.ledger.mkdir(exist_ok=True, mode=0o700)
        keys = (authority.identity, authority.vote, authority.stake)
        command += ["--bootstrap-validator", *(_new_key(path) for path in keys)]
    for address, elf in _programs():
        file = folder / f"{address}.so"
        file.write_bytes(elf)
        command += ["--bpf-program", str(address), FINAL_LOADER, str(file)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    found = re.search(r"^Genesis hash: (\w+)$", made.stdout, re.MULTILINE)
    if made.returncode != 0 or found is None:
        raise SetupError(f"solana-genesis failed: {made.stderr or made.stdout}")
    for other in others:
        shutil.copy(first.ledger / "genesis.bin", other.ledger)
        shutil.copytree(first.ledger / "rocksdb", other.ledger / "rocksdb")
    return found[1]


def _programs() -> Iterator[tuple[Pubkey, bytes]]:
    """Our programs, and the token programs that the local chain has as well."""
    for name in PROGRAM_NAMES:
        program = load(name)
        yield program.id, program.elf()
    chain = LiteSVM()
    for address in (TOKEN_PROGRAM, ASSOCIATED_TOKEN_PROGRAM):
        yield address, _elf(chain, address)


def _elf(chain: LiteSVM, address: Pubkey) -> bytes:
    account = chain.get_account(address)
    if account is None:
        raise SetupError(f"this version of solders has no program at {address}")
    if str(account.owner) == FINAL_LOADER:
        return bytes(account.data)
    data = chain.get_account(Pubkey(account.data[4:36]))
    if data is None:
        raise SetupError(f"this version of solders has no data of the program at {address}")
    return bytes(data.data[PROGRAM_DATA_HEADER:])


def _new_key(path: Path) -> str:
    """Make a key file as Solana's tools write them; return its address."""
    keypair = Keypair()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(list(bytes(keypair)), file)
    return str(keypair.pubkey())
