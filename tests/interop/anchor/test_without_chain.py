"""Everything in our IDLs, unchanged, means the same to other people's clients as to ours."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from solders.keypair import Keypair

from gridtokenx_programs import Event, load

from .clients import Client, Session
from .described import PROGRAMS, Call, Described
from .seeds import derivable
from .values import assert_same_fields, same_name, taken_apart

INSTRUCTIONS = [(p, name) for p in PROGRAMS.values() for name in p.instruction_names]
ACCOUNTS = [(p, item["name"]) for p in PROGRAMS.values() for item in p.idl["accounts"]]
EVENTS = [(p, item["name"]) for p in PROGRAMS.values() for item in p.idl["events"]]


def named(value: object) -> str:
    return value.name if isinstance(value, Described) else str(value)


@pytest.fixture(scope="module")
def session(client: Client) -> Iterator[Session]:
    """The client, with no chain to speak to."""
    with client.session({"payer": Keypair()}) as running:
        yield running


@pytest.mark.parametrize(("program", "name"), INSTRUCTIONS, ids=named)
def test_an_instruction_is_the_same_bytes_and_accounts(
    session: Session, client: Client, program: Described, name: str
) -> None:
    call = program.made_up_call(name)
    assert session.ask("build", **call.job()) == taken_apart(call.build())
    if client.finds_addresses:
        found = session.ask("build", **call.job(without=frozenset(derivable(call))))
        derived = Call(program, name, call.args, {**call.accounts, **derivable(call)})
        assert found == taken_apart(derived.build())


@pytest.mark.parametrize(("program", "name"), ACCOUNTS, ids=named)
def test_an_account_is_decoded(session: Session, program: Described, name: str) -> None:
    ours = program.made_up_values(name)
    data = program.client.encode_account(name, ours)
    answer = session.ask("account", program=program.name, data=data.hex())
    assert same_name(answer["name"]) == same_name(name)
    assert_same_fields(program.types, program.fields(name), ours, answer["values"], name)


@pytest.mark.parametrize(("program", "name"), EVENTS, ids=named)
def test_an_event_is_decoded(session: Session, program: Described, name: str) -> None:
    ours = program.made_up_values(name)
    data = program.event_data(Event(name, ours))
    answer = session.ask("event", program=program.name, data=data.hex())
    assert same_name(answer["name"]) == same_name(name)
    assert_same_fields(program.types, program.fields(name), ours, answer["values"], name)


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=named)
def test_every_error_is_named(session: Session, program: Described) -> None:
    for error in program.idl["errors"]:
        code, name, message = error["code"], error["name"], error["msg"]
        said = f"Error Code: {name}. Error Number: {code}. Error Message: {message}."
        logs = [
            f"Program {program.client.id} invoke [1]",
            f"Program log: AnchorError occurred. {said}",
            f"Program {program.client.id} failed: custom program error: {code:#x}",
        ]
        theirs = session.ask("error", program=program.name, code=code, logs=logs)
        assert (theirs["code"], theirs["msg"]) == (code, message)
        assert same_name(theirs["name"]) == same_name(name)


def test_programs_at_other_addresses(client: Client, tmp_path: Path) -> None:
    """Whoever deploys them elsewhere changes the IDL's address and nothing more."""
    moved = [Described(p.name, load(p.name, Keypair().pubkey())) for p in PROGRAMS.values()]
    for program in moved:
        text = (client.idls / f"{program.name}.json").read_text("utf-8")
        old, new = str(PROGRAMS[program.name].client.id), str(program.client.id)
        assert text.count(f'"{old}"') == 1
        (tmp_path / f"{program.name}.json").write_text(text.replace(old, new), "utf-8")
    with client.session({"payer": Keypair()}, idls=tmp_path) as session:
        for program in moved:
            call = program.made_up_call(program.instruction_names[0])
            found = derivable(call) if client.finds_addresses else {}
            made = session.ask("build", **call.job(without=frozenset(found)))
            derived = Call(program, call.name, call.args, {**call.accounts, **found})
            assert made == taken_apart(derived.build())
