"""Other people's clients register, settle and trade on our chain with our IDLs, unchanged."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from solders.pubkey import Pubkey

from .chain import Chain, running_chain
from .clients import Client
from .described import PROGRAMS
from .flow import Household, Step
from .values import Json, assert_same_fields, same_name


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """One chain; each client has people and a meter of its own."""
    with running_chain(tmp_path_factory.mktemp("chain")) as running:
        yield running


@dataclass
class Done:
    """What a client was told, and what it says that came of it."""

    steps: list[tuple[Step, Json]]
    accounts: list[tuple[tuple[str, str, Pubkey], Json]]


@pytest.fixture(scope="module")
def done(client: Client, chain: Chain) -> Done:
    household = Household(chain)
    chain.prepare(household.payer, household.seller, household.buyer)
    steps, accounts = household.steps(), household.accounts()
    payer, finds_addresses = household.payer.pubkey(), client.finds_addresses
    answer = client.answer(
        {
            "rpc_url": chain.rpc_url,
            "keys": household.keys(),
            "steps": [step.job(payer, finds_addresses=finds_addresses) for step in steps],
            "fetches": [
                {"program": program, "account": kind, "address": str(address)}
                for program, kind, address in accounts
            ],
        }
    )
    return Done(
        steps=list(zip(steps, answer["steps"], strict=True)),
        accounts=list(zip(accounts, answer["fetched"], strict=True)),
    )


def test_every_step_is_accepted_and_its_events_are_decoded(chain: Chain, done: Done) -> None:
    for step, answer in done.steps:
        if step.event is None:
            continue
        program, ours = PROGRAMS[step.program], chain.events(step.program, answer["signature"])
        assert [event.name for event in ours] == [step.event]
        (theirs,) = answer["events"]
        assert same_name(theirs["name"]) == same_name(step.event)
        fields = program.fields(step.event)
        assert_same_fields(program.types, fields, ours[0].data, theirs["values"], step.name)


def test_refusals_have_their_names(done: Done) -> None:
    refused = [(step, answer["error"]) for step, answer in done.steps if step.error]
    assert {step.program for step, _ in refused} == PROGRAMS.keys()
    for step, error in refused:
        known = {item["code"]: item for item in PROGRAMS[step.program].idl["errors"]}
        ours = known[error["code"]]
        assert ours["name"] == step.error
        assert same_name(error["name"]) == same_name(ours["name"])
        assert error["msg"] == ours["msg"]


def test_accounts_are_read(chain: Chain, done: Done) -> None:
    for (name, kind, address), theirs in done.accounts:
        program, ours = PROGRAMS[name], chain.account(name, kind, address)
        assert_same_fields(program.types, program.fields(kind), ours, theirs, kind)
