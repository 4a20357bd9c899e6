"""Everything in our IDLs, unchanged, means the same to other people's clients as to ours."""

import itertools
from dataclasses import dataclass

import pytest
from solders.instruction import Instruction
from solders.keypair import Keypair

from gridtokenx_programs import Event

from .clients import Client
from .described import PROGRAMS, Call, Described
from .seeds import derivable
from .values import Json, assert_same_fields, same_name

INSTRUCTIONS = [(p, name) for p in PROGRAMS.values() for name in p.instruction_names]
ACCOUNTS = [(p, item["name"]) for p in PROGRAMS.values() for item in p.idl["accounts"]]
EVENTS = [(p, item["name"]) for p in PROGRAMS.values() for item in p.idl["events"]]


def named(value: object) -> str:
    return value.name if isinstance(value, Described) else str(value)


@dataclass
class Answers:
    """What one client makes of everything."""

    builds: dict[tuple[Described, str], Json]
    found: dict[tuple[Described, str], Json]
    accounts: dict[tuple[Described, str], Json]
    events: dict[tuple[Described, str], Json]
    errors: dict[str, Json]


@pytest.fixture(scope="module")
def answers(client: Client) -> Answers:
    calls = [program.made_up_call(name) for program, name in INSTRUCTIONS]
    partial = [call.job(without=frozenset(derivable(call))) for call in calls]
    answer = client.answer(
        {
            "keys": {"payer": bytes(Keypair()).hex()},
            "builds": [call.job() for call in calls] + (partial if client.finds_addresses else []),
            "accounts": [
                {
                    "program": p.name,
                    "data": p.client.encode_account(name, p.made_up_values(name)).hex(),
                }
                for p, name in ACCOUNTS
            ],
            "events": [
                {"program": p.name, "data": p.event_data(Event(name, p.made_up_values(name))).hex()}
                for p, name in EVENTS
            ],
        }
    )
    builds = iter(answer["builds"])
    return Answers(
        builds=dict(zip(INSTRUCTIONS, itertools.islice(builds, len(calls)), strict=True)),
        found=dict(zip(INSTRUCTIONS, builds, strict=False)),
        accounts=dict(zip(ACCOUNTS, answer["accounts"], strict=True)),
        events=dict(zip(EVENTS, answer["events"], strict=True)),
        errors=answer["errors"],
    )


def taken_apart(instruction: Instruction) -> Json:
    return {
        "program_id": str(instruction.program_id),
        "data": bytes(instruction.data).hex(),
        "accounts": [
            [str(meta.pubkey), meta.is_signer, meta.is_writable] for meta in instruction.accounts
        ],
    }


@pytest.mark.parametrize(("program", "name"), INSTRUCTIONS, ids=named)
def test_an_instruction_is_the_same_bytes_and_accounts(
    answers: Answers, client: Client, program: Described, name: str
) -> None:
    call = program.made_up_call(name)
    assert answers.builds[program, name] == taken_apart(call.build())
    if client.finds_addresses:
        derived = Call(program, name, call.args, {**call.accounts, **derivable(call)})
        assert answers.found[program, name] == taken_apart(derived.build())


@pytest.mark.parametrize(("program", "name"), ACCOUNTS, ids=named)
def test_an_account_is_decoded(answers: Answers, program: Described, name: str) -> None:
    answer = answers.accounts[program, name]
    assert same_name(answer["name"]) == same_name(name)
    ours = program.made_up_values(name)
    assert_same_fields(program.types, program.fields(name), ours, answer["values"], name)


@pytest.mark.parametrize(("program", "name"), EVENTS, ids=named)
def test_an_event_is_decoded(answers: Answers, program: Described, name: str) -> None:
    answer = answers.events[program, name]
    assert same_name(answer["name"]) == same_name(name)
    ours = program.made_up_values(name)
    assert_same_fields(program.types, program.fields(name), ours, answer["values"], name)


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=named)
def test_errors_are_known_by_code(answers: Answers, program: Described) -> None:
    theirs = [
        (item["code"], same_name(item["name"]), item["msg"])
        for item in answers.errors[program.name]
    ]
    assert theirs == [
        (item["code"], same_name(item["name"]), item["msg"]) for item in program.idl["errors"]
    ]
