"""How settlements share transactions, without a chain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.pubkey import Pubkey
from tests.hub.onchain import ADDRESSES, PROGRAMS

from gridtokenx_hub.chain import MAX_TRANSACTION_BYTES
from gridtokenx_hub.settlement.instructions import SettleMeter
from gridtokenx_hub.settlement.outbox import Waiting
from gridtokenx_hub.settlement.packing import ALONE_AFTER_ATTEMPTS, Batch, pack
from gridtokenx_programs import signature_instruction
from gridtokenx_protocol.cose import COSE_ALGORITHM, signed_record_message
from gridtokenx_protocol.keys import Algorithm

ED25519, P256 = Algorithm.ED25519, Algorithm.P256
MAKE = SettleMeter(PROGRAMS, ADDRESSES)
KEY_SIZES = {ED25519: 32, P256: 33}


def row(number: int, algorithm: Algorithm = ED25519, attempts: int = 0) -> Waiting:
    return Waiting(
        row_id=number,
        meter_id=number.to_bytes(16, "big"),
        owner=Pubkey(bytes([7]) + number.to_bytes(31, "big")),
        sequence=9,
        key_algorithm=int(algorithm),
        public_key=bytes(KEY_SIZES[algorithm]),
        signature=bytes(64),
        message=signed_record_message(COSE_ALGORITHM[algorithm], bytes(120)),
        attempts=attempts,
    )


def table_of(*rows: Waiting, number: int = 1) -> AddressLookupTableAccount:
    own = [address for each in rows for address in MAKE.own_accounts(each)]
    held = [*MAKE.shared_accounts(), *own]
    return AddressLookupTableAccount(Pubkey(bytes([9]) * 31 + bytes([number])), held)


def packed(
    rows: list[Waiting], tables: dict[int, AddressLookupTableAccount] | None = None
) -> list[Batch]:
    return pack(rows, tables or {}, MAKE.instructions)


def ids(batches: list[Batch]) -> list[list[int]]:
    return [[each.row_id for each in batch.rows] for batch in batches]


@pytest.mark.parametrize(
    ("algorithm", "count", "size"),
    [(ED25519, 1, 769), (ED25519, 2, 1140), (P256, 1, 770), (P256, 2, 1142)],
)
def test_two_share_a_legacy_transaction(algorithm: Algorithm, count: int, size: int) -> None:
    assert [batch.size for batch in packed([row(n, algorithm) for n in range(count)])] == [size]
    assert ids(packed([row(n, algorithm) for n in range(5)])) == [[0, 1], [2, 3], [4]]


@pytest.mark.parametrize(
    ("algorithm", "count", "size"),
    [
        (ED25519, 1, 557),
        (ED25519, 2, 835),
        (ED25519, 3, 1113),
        (P256, 1, 558),
        (P256, 2, 837),
        (P256, 3, 1116),
    ],
)
def test_three_share_one_with_a_lookup_table(algorithm: Algorithm, count: int, size: int) -> None:
    rows = [row(n, algorithm) for n in range(7)]
    tables = dict.fromkeys(range(7), table_of(*rows))
    assert [batch.size for batch in packed(rows[:count], tables)] == [size]
    assert ids(packed(rows, tables)) == [[0, 1, 2], [3, 4, 5], [6]]


def test_a_proof_is_directly_before_its_settlement() -> None:
    rows = [row(0), row(1), row(2, P256)]
    (batch,) = packed(rows, dict.fromkeys(range(3), table_of(*rows)))
    settling = PROGRAMS["energy_token"].id
    for each, proof, settle in zip(
        rows, batch.instructions[::2], batch.instructions[1::2], strict=True
    ):
        assert proof == signature_instruction(
            each.key_algorithm, each.public_key, each.signature, each.message
        )
        assert settle.program_id == settling
        assert ADDRESSES.meter(each.meter_id) in [meta.pubkey for meta in settle.accounts]


def test_who_is_in_another_table_goes_in_another_transaction() -> None:
    rows = [row(n) for n in range(4)]
    first, second = table_of(*rows[:2], number=1), table_of(rows[2], number=2)
    batches = packed(rows, {0: first, 1: first, 2: second})
    assert ids(batches) == [[0, 1], [2], [3]]
    assert [batch.table for batch in batches] == [first, second, None]


def test_who_came_back_too_often_goes_alone() -> None:
    rows = [row(0), row(1, attempts=ALONE_AFTER_ATTEMPTS), row(2), row(3)]
    batches = packed(rows, dict.fromkeys(range(4), table_of(*rows)))
    assert sorted(ids(batches)) == [[0, 2, 3], [1]]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([ED25519, P256]), st.integers(0, 4), st.sampled_from([None, 1, 2])
        ),
        max_size=12,
    )
)
def test_every_row_goes_once_and_no_transaction_is_too_large(
    drawn: list[tuple[Algorithm, int, int | None]],
) -> None:
    rows = [row(n, algorithm, attempts) for n, (algorithm, attempts, _) in enumerate(drawn)]
    shelves = {
        number: [each for each, (_, _, table) in zip(rows, drawn, strict=True) if table == number]
        for number in (1, 2)
    }
    tables = {
        each.row_id: table_of(*shelf, number=number)
        for number, shelf in shelves.items()
        for each in shelf
    }
    batches = packed(rows, tables)
    assert sorted(each for batch in ids(batches) for each in batch) == list(range(len(rows)))
    for batch in batches:
        assert 1 <= len(batch.rows) <= (3 if batch.table else 2)
        assert batch.size <= MAX_TRANSACTION_BYTES
