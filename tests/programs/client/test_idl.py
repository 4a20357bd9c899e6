"""Each IDL follows Anchor's spec 0.1.0, so that an off-the-shelf client reads it."""

import hashlib
import json
from importlib.resources import files
from typing import Any

import pytest
from solders.pubkey import Pubkey

from gridtokenx_programs import PROGRAM_NAMES, load
from gridtokenx_programs.idl import discriminator

Idl = dict[str, Any]
PRIMITIVES = {"bool", "u8", "u16", "u32", "u64", "i64", "pubkey"}


@pytest.fixture(params=PROGRAM_NAMES)
def source(request: pytest.FixtureRequest) -> Idl:
    idl: Idl = json.loads(
        (files("gridtokenx_programs") / "idl" / f"{request.param}.json").read_text()
    )
    return idl


def test_the_address_is_a_hash_that_nobody_holds_a_key_for(source: Idl) -> None:
    name = source["metadata"]["name"].replace("_", "-")
    digest = hashlib.sha256(f"gridtokenx {name}".encode()).digest()
    assert source["address"] == str(Pubkey(digest))
    assert source["metadata"]["spec"] == "0.1.0"


def test_discriminators_are_anchors(source: Idl) -> None:
    for namespace, kind in (
        ("global", "instructions"),
        ("account", "accounts"),
        ("event", "events"),
    ):
        for item in source[kind]:
            assert bytes(item["discriminator"]) == discriminator(namespace, item["name"])


def test_errors_count_from_6000(source: Idl) -> None:
    assert [error["code"] for error in source["errors"]] == [
        6000 + index for index in range(len(source["errors"]))
    ]
    assert all(error["msg"] for error in source["errors"])


def test_every_type_that_is_named_is_defined(source: Idl) -> None:
    defined = {item["name"] for item in source["types"]}
    assert {item["name"] for item in source["accounts"] + source["events"]} <= defined
    fields = [field for item in source["types"] for field in item["type"].get("fields", [])]
    fields += [argument for item in source["instructions"] for argument in item["args"]]
    for field in fields:
        match field["type"]:
            case str() as name:
                assert name in PRIMITIVES
            case {"defined": {"name": name}}:
                assert name in defined
            case {"array": ["u8" | "pubkey", length]}:
                assert length > 0
            case other:
                pytest.fail(f"{field['name']} has type {other}")


def test_events_begin_with_their_sequence_number(source: Idl) -> None:
    types = {item["name"]: item for item in source["types"]}
    for event in source["events"]:
        first = types[event["name"]]["type"]["fields"][0]
        assert first == {"name": "sequence", "type": "u64"}


def test_instructions_that_emit_end_with_the_event_accounts(source: Idl) -> None:
    for instruction in source["instructions"]:
        names = [account["name"] for account in instruction["accounts"]]
        assert names[-2:] == ["event_authority", "program"]


def test_constant_seeds_give_the_pda_that_the_client_derives(source: Idl) -> None:
    program = load(source["metadata"]["name"])
    for instruction in source["instructions"]:
        for account in instruction["accounts"]:
            if account["name"] == "event_authority":
                seeds = [bytes(seed["value"]) for seed in account["pda"]["seeds"]]
                derived = Pubkey.find_program_address(seeds, program.id)[0]
                assert derived == program.event_authority
