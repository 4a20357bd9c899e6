"""Instructions, accounts and events, made and read by IDL."""

import hashlib
import json
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.token import ID as TOKEN_PROGRAM

from gridtokenx_programs import (
    Addresses,
    BadDataError,
    BadValueError,
    MissingNameError,
    UnknownNameError,
    UnknownProgramError,
    load,
)
from gridtokenx_programs.program import EVENT_TAG

U64 = st.integers(0, 2**64 - 1)
I64 = st.integers(-(2**63), 2**63 - 1)
PUBKEY = st.binary(min_size=32, max_size=32).map(Pubkey)

trading = load("trading")
arguments = {"nonce": 7, "amount_mwh": 10_000_000, "price_micro_grx": 3_000_000, "expires_at": -1}


def order_accounts() -> dict[str, Pubkey]:
    names = ["market", "seller", "seller_user", "order", "escrow"]
    names += ["seller_energy", "energy_mint", "payer"]
    return {name: Pubkey.new_unique() for name in names}


def test_an_instruction_has_the_idls_order_and_rights() -> None:
    accounts = order_accounts()
    instruction = trading.instruction("create_order", arguments, accounts)
    assert instruction.program_id == trading.id
    assert instruction.data[:8] == hashlib.sha256(b"global:create_order").digest()[:8]
    assert instruction.data[8:16] == (7).to_bytes(8, "little")
    assert instruction.data[32:] == b"\xff" * 8
    addresses = [meta.pubkey for meta in instruction.accounts]
    assert addresses[:8] == list(accounts.values())
    assert addresses[8:] == [TOKEN_PROGRAM, SYSTEM_PROGRAM, trading.event_authority, trading.id]
    signers = {meta.pubkey for meta in instruction.accounts if meta.is_signer}
    assert signers == {accounts["seller"], accounts["payer"]}
    readonly = {meta.pubkey for meta in instruction.accounts[:8] if not meta.is_writable}
    assert readonly == {accounts["seller"], accounts["seller_user"], accounts["energy_mint"]}


def test_a_given_account_wins_over_the_fixed_one() -> None:
    other = Pubkey.new_unique()
    accounts = order_accounts() | {"token_program": other}
    assert trading.instruction("create_order", arguments, accounts).accounts[8].pubkey == other


@pytest.mark.parametrize(
    ("name", "args", "missing_account", "error", "says"),
    [
        ("create_ordr", arguments, None, UnknownNameError, "no instruction 'create_ordr'"),
        ("create_order", arguments | {"amount": 1}, None, UnknownNameError, "amount"),
        ("create_order", {"nonce": 1}, None, MissingNameError, "amount_mwh"),
        ("create_order", arguments, "escrow", MissingNameError, "escrow"),
        ("create_order", arguments | {"nonce": 2**64}, None, BadValueError, "must fit u64"),
        ("create_order", arguments | {"nonce": -1}, None, BadValueError, "must fit u64"),
        ("create_order", arguments | {"nonce": 1.0}, None, BadValueError, "must be a u64"),
        ("create_order", arguments | {"nonce": True}, None, BadValueError, "must be a u64"),
    ],
)
def test_a_wrong_name_or_value_is_named(
    name: str, args: dict[str, Any], missing_account: str | None, error: type[Exception], says: str
) -> None:
    accounts = {key: value for key, value in order_accounts().items() if key != missing_account}
    with pytest.raises(error, match=says):
        trading.instruction(name, args, accounts)


def test_an_unknown_account_name_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="escrw"):
        trading.instruction("create_order", arguments, order_accounts() | {"escrw": trading.id})


ORDER = st.fixed_dictionaries(
    dict.fromkeys(("number", "nonce", "amount_mwh", "filled_mwh", "reserved_mwh"), U64)
    | dict.fromkeys(("returned_mwh", "price_micro_grx", "paid_micro_grx"), U64)
    | {"reserved_micro_grx": U64, "created_at": I64, "expires_at": I64}
    | {"seller": PUBKEY, "rent_payer": PUBKEY, "entered": st.booleans()}
    | {"status": st.sampled_from(["Created", "Active", "Matching", "Filled", "Expired"])}
    | {"ending": st.sampled_from(["None", "Cancelled", "Expired"])}
    | {"escrow_bump": st.integers(0, 255), "bump": st.integers(0, 255)}
)


@given(ORDER)
def test_an_account_is_the_same_after_encoding_and_decoding(order: dict[str, Any]) -> None:
    data = trading.encode_account("Order", order)
    assert len(data) == 8 + 11 * 8 + 2 * 32 + 2 + 3
    assert trading.decode_account("Order", data) == order


def test_damaged_account_data_is_refused() -> None:
    trader = {
        "wallet": Pubkey.new_unique(),
        "last_reservation_nonce": 4,
        "open_reservation": Pubkey.default(),
        "bump": 255,
    }
    data = trading.encode_account("Trader", trader)
    with pytest.raises(BadDataError, match="ends at"):
        trading.decode_account("Trader", data[:-1])
    with pytest.raises(BadDataError, match="Trader is 73 bytes, not 74"):
        trading.decode_account("Trader", data + b"\0")
    with pytest.raises(BadDataError, match="not a trading Market"):
        trading.decode_account("Market", data)
    with pytest.raises(UnknownNameError, match="no account type 'Bid'"):
        trading.decode_account("Bid", data)


@given(ORDER, st.integers(6, 255), st.integers(2, 255))
def test_impossible_enums_and_bools_are_refused(
    order: dict[str, Any], variant: int, truth: int
) -> None:
    data = bytearray(trading.encode_account("Order", order))
    entered = len(data) - 3
    with pytest.raises(BadDataError, match="not a bool"):
        trading.decode_account("Order", bytes(data[:entered]) + bytes([truth]) + bytes(data[-2:]))
    status = entered - 32 - 16 - 2
    data[status] = variant
    with pytest.raises(BadDataError, match="OrderStatus has no variant"):
        trading.decode_account("Order", bytes(data))


def guardians(keys: tuple[Pubkey, ...]) -> dict[str, Any]:
    return {
        "epoch": 1,
        "threshold": 2,
        "count": 3,
        "guardians": keys,
        "evm_chain_id": 1,
        "bridge": bytes(20),
        "bump": 255,
    }


@given(st.lists(PUBKEY, min_size=9, max_size=9).map(tuple))
def test_an_array_is_a_tuple(keys: tuple[Pubkey, ...]) -> None:
    data = trading.encode_account("Guardians", guardians(keys))
    assert data[18 : 18 + 9 * 32] == b"".join(bytes(key) for key in keys)
    assert trading.decode_account("Guardians", data) == guardians(keys)
    with pytest.raises(BadDataError, match="needs 32 bytes"):
        trading.decode_account("Guardians", data[: 18 + 9 * 32 - 1])


def test_an_array_has_its_length() -> None:
    key = Pubkey.new_unique()
    for wrong in ((key,) * 8, (key,) * 10, 9):
        with pytest.raises(BadValueError, match="must be 9 values"):
            trading.encode_account("Guardians", guardians(wrong))  # type: ignore[arg-type]  # the point
    with pytest.raises(BadValueError, match="must be a pubkey"):
        trading.encode_account("Guardians", guardians((1,) * 9))  # type: ignore[arg-type]  # the point


def test_an_unknown_variant_is_refused() -> None:
    accounts = dict.fromkeys(("config", "wallet", "user", "payer"), trading.id)
    with pytest.raises(BadValueError, match="Prosumer"):
        load("registry").instruction("register_user", {"user_type": "Prosumr"}, accounts)


def test_events_are_told_from_other_instructions() -> None:
    name, values = "MarketInitialized", [Pubkey.new_unique() for _ in range(4)]
    tag = EVENT_TAG + hashlib.sha256(f"event:{name}".encode()).digest()[:8]
    data = tag + (5).to_bytes(8, "little") + b"".join(bytes(value) for value in values)
    event = trading.decode_event(data)
    assert event is not None
    assert (event.name, event.data["sequence"], event.data["grx_mint"]) == (name, 5, values[3])
    assert trading.decode_event(data[8:]) is None
    assert trading.decode_event(EVENT_TAG + b"another!" + data[16:]) is None
    assert trading.decode_event(b"") is None
    with pytest.raises(BadDataError):
        trading.decode_event(data[:-1])


def test_an_instruction_is_read_back() -> None:
    data = trading.instruction("create_order", arguments, order_accounts()).data
    read = trading.decode_instruction(data)
    assert read is not None
    assert (read[0].name, read[1]) == ("create_order", arguments)
    assert trading.decode_instruction(b"another!" + data[8:]) is None
    assert trading.decode_instruction(b"") is None
    with pytest.raises(BadDataError):
        trading.decode_instruction(data[:-1])


def test_the_type_of_an_account() -> None:
    assert trading.account_type(trading.account_discriminator("Offer") + b"rest") == "Offer"
    assert trading.account_type(b"another!") is None
    assert trading.account_type(b"") is None


def test_the_event_tag_is_anchors() -> None:
    assert hashlib.sha256(b"anchor:event").digest()[:8][::-1] == EVENT_TAG


def test_errors_are_found_by_code() -> None:
    error = trading.error(6003)
    assert error is not None
    assert error.name == "AmountMismatch"
    assert trading.error(1) is None


def test_a_program_may_live_at_another_address() -> None:
    address = Pubkey.new_unique()
    program = load("trading", address=address)
    instruction = program.instruction("create_order", arguments, order_accounts())
    assert instruction.program_id == address
    assert instruction.accounts[-1].pubkey == address
    assert instruction.accounts[-2].pubkey != trading.event_authority
    assert load("trading") is trading


def test_an_unknown_program_is_refused() -> None:
    with pytest.raises(UnknownProgramError, match="bridge"):
        load("bridge")


def test_built_programs_are_those_of_the_build_record() -> None:
    build = json.loads((files("gridtokenx_programs") / "elf" / "build.json").read_text())
    for name in ("registry", "energy_token", "trading"):
        assert hashlib.sha256(load(name).elf()).hexdigest() == build[name]["sha256"]


def test_addresses_depend_on_their_seeds_and_program() -> None:
    ids = [Pubkey.new_unique() for _ in range(3)]
    addresses = Addresses(*ids)
    wallet, meter = Pubkey.new_unique(), bytes(range(16))
    order = addresses.order(wallet, 258)
    seeds = [b"order", bytes(wallet), b"\x02\x01" + bytes(6)]
    assert order == Pubkey.find_program_address(seeds, ids[2])[0]
    found = [
        addresses.registry_config(), addresses.registrar(wallet), addresses.user(wallet),
        addresses.meter(meter), addresses.energy_config(), addresses.energy_mint(),
        addresses.grx_mint(), addresses.ledger(meter), addresses.market(),
        addresses.trader(wallet), order, addresses.escrow(order),
        *(addresses.event_authority(program) for program in ids),
        addresses.associated_token(wallet, ids[0]),
    ]  # fmt: skip
    assert len(set(found)) == len(found)
