"""The `solana` command line shows what is on a node: accounts, balances, programs, transactions."""

import base64
from decimal import Decimal
from pathlib import Path

import pytest
from solders.pubkey import Pubkey
from solders.token.state import Mint, TokenAccount
from tests.hub.chain import validator
from tests.interop.programs import ADDRESSES, PROGRAMS

from .conftest import GRX_CAP, GRX_MINTED, INTERVAL_S, Node

pytestmark = pytest.mark.skipif(
    validator.find("solana") is None,
    reason="no solana on PATH or in the folder that GTX_SOLANA_BIN names",
)
LAMPORTS_PER_SOL = 10**9


def data(node: Node, address: Pubkey) -> bytes:
    content, encoding = node.account(address)["data"]
    assert encoding == "base64"
    return base64.b64decode(content)


@pytest.mark.parametrize(
    ("program", "kind", "address", "expected"),
    [
        ("registry", "Config", ADDRESSES.registry_config(), {"settlement_interval_s": INTERVAL_S}),
        ("energy_token", "Config", ADDRESSES.energy_config(), {"grx_cap": GRX_CAP}),
        ("trading", "Market", ADDRESSES.market(), {"grx_mint": ADDRESSES.grx_mint()}),
    ],
)
def test_an_account(
    node: Node, program: str, kind: str, address: Pubkey, expected: dict[str, object]
) -> None:
    assert node.account(address)["owner"] == str(PROGRAMS[program].id)
    fields = PROGRAMS[program].decode_account(kind, data(node, address))
    assert fields.items() >= expected.items()


def test_tokens(node: Node) -> None:
    mint = ADDRESSES.grx_mint()
    held = TokenAccount.from_bytes(data(node, ADDRESSES.associated_token(node.holder, mint)))
    assert (held.owner, held.mint, held.amount) == (node.holder, mint, GRX_MINTED)
    assert Mint.from_bytes(data(node, mint)).supply == GRX_MINTED


def test_an_account_for_eyes(node: Node) -> None:
    address = ADDRESSES.market()
    shown = node.solana("account", str(address))
    assert f"Owner: {ADDRESSES.trading}" in shown
    first = data(node, address)[:16].hex(" ")
    assert " ".join(shown[shown.index("0000:") :].split()[1:17]) == first


def test_a_balance(node: Node) -> None:
    payer = node.roles.fee_payers[0].pubkey()
    sol, unit = node.solana("balance", str(payer)).split()
    assert unit == "SOL"
    assert Decimal(sol) * LAMPORTS_PER_SOL == node.account(payer)["lamports"]
    assert node.solana("balance", str(node.holder)).split() == ["0", "SOL"]


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program(node: Node, name: str, tmp_path: Path) -> None:
    address, elf = str(PROGRAMS[name].id), PROGRAMS[name].elf()
    shown = node.solana("program", "show", address)
    assert f"Program Id: {address}" in shown
    assert f"Data Length: {len(elf)} " in shown
    node.solana("program", "dump", address, str(tmp_path / "dumped.so"))
    assert (tmp_path / "dumped.so").read_bytes() == elf


def test_a_transaction(node: Node) -> None:
    holder = ADDRESSES.associated_token(node.holder, ADDRESSES.grx_mint())
    assert node.solana("transaction-history", str(holder)).split()[0] == node.signature
    shown = node.solana("confirm", "--verbose", node.signature)
    assert f"Program {ADDRESSES.energy_token} success" in shown
