"""A private cluster: what it asks of the machine, and one authority where Solana's tools are."""

import asyncio
import dataclasses
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from solders.keypair import Keypair

from demo.processes import free_port
from gridtokenx_hub.bootstrap import bootstrap
from gridtokenx_hub.chain import ChainClient, FeePayerPool, TransactionSender
from gridtokenx_hub.keys import RoleKeys
from gridtokenx_programs import PROGRAM_NAMES, Addresses, load
from workbench import cluster
from workbench.cluster_genesis import Authority, Cluster, make_cluster
from workbench.cluster_machine import (
    GENESIS,
    OPEN_FILES,
    TEST_VALIDATOR,
    VALIDATOR,
    Machine,
    lacking,
    look_at_machine,
)
from workbench.console import SetupError

ROOT = Path(__file__).parents[2]
TOOLS = (GENESIS, VALIDATOR, TEST_VALIDATOR)
AMPLE = Machine(OPEN_FILES, 64 << 30, {name: f"/bin/{name}" for name in TOOLS})
INTERVAL_S = 60
GRX_CAP = 10**15
PROGRAMS = {name: load(name) for name in PROGRAM_NAMES}
ADDRESSES = Addresses(*(program.id for program in PROGRAMS.values()))


def without(*names: str) -> dict[str, str | None]:
    return {name: None if name in names else path for name, path in AMPLE.tools.items()}


def start(folder: Path, *arguments: str, tools: Path | None = None) -> subprocess.Popen[str]:
    environment = {**os.environ, **({"GTX_SOLANA_BIN": str(tools)} if tools else {})}
    command = [sys.executable, "-m", "workbench.cluster", "--folder", str(folder), *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


class TestLimits:
    @pytest.mark.parametrize("authorities", [1, 5])
    def test_an_ample_machine_lacks_nothing(self, authorities: int) -> None:
        assert lacking(AMPLE, authorities) == []

    @pytest.mark.parametrize("name", TOOLS)
    def test_a_missing_tool_is_named(self, name: str) -> None:
        (lack,) = lacking(dataclasses.replace(AMPLE, tools=without(name)), 1)
        assert name in lack
        assert "GTX_SOLANA_BIN" in lack

    def test_several_authorities_do_without_the_test_validator(self) -> None:
        machine = dataclasses.replace(AMPLE, tools=without(TEST_VALIDATOR))
        assert lacking(machine, 2) == []

    def test_too_few_open_files_matter_to_several_authorities_alone(self) -> None:
        machine = dataclasses.replace(AMPLE, open_files=OPEN_FILES - 1)
        (lack,) = lacking(machine, 2)
        assert "999,999 open files" in lack
        assert lacking(machine, 1) == []

    def test_memory_is_needed_for_each_authority(self) -> None:
        machine = dataclasses.replace(AMPLE, memory_bytes=3 << 30)
        assert lacking(machine, 3) == []
        (lack,) = lacking(machine, 4)
        assert "3.0 GiB of memory" in lack

    def test_the_command_says_all_that_is_missing_and_makes_nothing(self, tmp_path: Path) -> None:
        process = start(tmp_path / "cluster", "--authorities", "1", tools=tmp_path)
        _, said = process.communicate(timeout=60)
        assert process.returncode == 1
        assert [line.split()[0] for line in said.splitlines()] == list(TOOLS)
        assert not (tmp_path / "cluster").exists()

    def test_no_more_than_five(self, tmp_path: Path) -> None:
        process = start(tmp_path, "--authorities", "6")
        assert "invalid choice: 6" in process.communicate(timeout=60)[1]
        assert process.returncode == 2


class TestGenesis:
    def test_another_number_of_authorities_is_refused(self, tmp_path: Path) -> None:
        facts = {"authorities": 3, "genesis_hash": "hash"}
        (tmp_path / "cluster.json").write_text(json.dumps(facts))
        assert make_cluster(tmp_path, 3, "never started").genesis_hash == "hash"
        with pytest.raises(SetupError, match="has 3 authorities"):
            make_cluster(tmp_path, 2, "never started")

    def test_what_solana_genesis_says_is_passed_on(self, tmp_path: Path) -> None:
        with pytest.raises(SetupError, match="solana-genesis failed"):
            make_cluster(tmp_path / "cluster", 1, "/bin/false")
        assert not (tmp_path / "cluster" / "cluster.json").exists()

    def test_keys_are_for_their_owner_alone(self, tmp_path: Path) -> None:
        with pytest.raises(SetupError):
            make_cluster(tmp_path, 2, "/bin/false")
        keys = list(tmp_path.glob("authority-*/*-keypair.json"))
        assert len(keys) == 2 * 3 + 1
        assert {path.stat().st_mode & 0o777 for path in keys} == {0o600}


def test_several_authorities_have_ports_of_their_own_and_find_the_first(tmp_path: Path) -> None:
    several = Cluster(tuple(Authority(tmp_path / str(n)) for n in range(5)), "hash")
    lines = [cluster.command(AMPLE, several, index, 8899) for index in range(5)]
    ports = [
        line[line.index(option) + 1] for line in lines for option in ("--rpc-port", "--gossip-port")
    ]
    assert len(set(ports)) == len(ports)
    assert [line.count("--entrypoint") for line in lines] == [0, 1, 1, 1, 1]
    assert all(line[line.index("--expected-genesis-hash") + 1] == "hash" for line in lines)


@contextmanager
def one_authority(folder: Path) -> Iterator[str]:
    port = min(free_port(), 60_000)
    process = start(folder, "--authorities", "1", "--port", str(port))
    assert process.stdout is not None
    try:
        said = process.stdout.readline()
        if not said:
            pytest.fail(process.communicate()[1])
        yield json.loads(said)["rpc_urls"][0]
    finally:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said


class TestOneAuthority:
    __test__ = not lacking(look_at_machine(), 1)

    def test_our_programs_are_set_up_there_and_outlive_a_restart(self, tmp_path: Path) -> None:
        authority, treasury, oracle, settlement, payer = (Keypair() for _ in range(5))
        keys = RoleKeys(authority, treasury, oracle, Keypair().pubkey(), settlement, (payer,))
        with one_authority(tmp_path / "cluster") as url:
            asyncio.run(self.set_up(url, keys))
        with one_authority(tmp_path / "cluster") as url:
            assert asyncio.run(self.authority(url)) == keys.authority.pubkey()

    async def set_up(self, url: str, keys: RoleKeys) -> None:
        client = ChainClient(url)
        try:
            sender = TransactionSender(client, FeePayerPool(keys.fee_payers), PROGRAMS)
            await bootstrap(client, sender, PROGRAMS, ADDRESSES, keys, INTERVAL_S, GRX_CAP)
        finally:
            await client.close()

    async def authority(self, url: str) -> object:
        client = ChainClient(url)
        try:
            account = await client.account(ADDRESSES.registry_config())
            assert account is not None
            return PROGRAMS["registry"].decode_account("Config", account.data)["authority"]
        finally:
            await client.close()
