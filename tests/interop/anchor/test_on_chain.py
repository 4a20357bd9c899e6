"""Other people's clients do all that our programs can do, on our chain with our IDLs, unchanged."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from tests.hub.chain import validator

from .chain import Chain, fast_validator, local_chain
from .clients import CLIENTS, Client, Session
from .described import PROGRAMS
from .flow import flow
from .steps import PEOPLE, Read, Step, Wait
from .values import Json, assert_same_fields, same_name

Name = tuple[str, str]
LOCAL_CHAIN, VALIDATOR = "local chain", "validator"
# Once is enough on a validator: by the client that follows transactions over the websocket.
CASES = [(client, LOCAL_CHAIN) for client in CLIENTS] + [
    (client, VALIDATOR) for client in CLIENTS[:1] if validator.find()
]
# What the flow does after its first wait: nobody can set a validator's clock.
LATE_INSTRUCTIONS = {
    ("trading", "release_reservation"),
    ("trading", "expire"),
    ("trading", "expire_offer"),
    ("trading", "close_order"),
    ("trading", "close_offer"),
}
LATE_EVENTS = {
    ("trading", "ReservationReleased"),
    ("trading", "OrderExpired"),
    ("trading", "OfferExpired"),
    ("trading", "OrderClosed"),
    ("trading", "OfferClosed"),
}


@dataclass
class Done:
    """What a client did, and what it made of it."""

    payer: Pubkey
    accepted: list[tuple[Step, Json]] = field(default_factory=list)
    refused: list[tuple[Step, Json]] = field(default_factory=list)
    read: list[tuple[Read, Json, Json]] = field(default_factory=list)


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def case(request: pytest.FixtureRequest) -> tuple[Client, str]:
    """A client, and where it acts."""
    client, kind = request.param
    return client, kind


@pytest.fixture(scope="module")
def chain(case: tuple[Client, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """A chain for each client, since programs are initialised once."""
    start = local_chain if case[1] == LOCAL_CHAIN else fast_validator
    with start(tmp_path_factory.mktemp("chain")) as running:
        yield running


@pytest.fixture(scope="module")
def done(case: tuple[Client, str], chain: Chain) -> Done:
    client, _ = case
    people = {name: Keypair() for name in PEOPLE}
    done = Done(people["payer"].pubkey())
    chain.fund(done.payer)
    with client.session(people, chain.rpc_url) as session:
        for item in flow(chain, people):
            if isinstance(item, Wait):
                if chain.time is None:
                    break
                chain.time.pass_s(item.seconds)
            elif isinstance(item, Read):
                ours = chain.account(item.program, item.kind, item.address)
                done.read.append((item, ours, session.ask("fetch", **item.job())))
            else:
                answer = _send(session, item, people, client)
                (done.refused if item.error else done.accepted).append((item, answer))
    return done


def _send(session: Session, step: Step, people: dict[str, Keypair], client: Client) -> Json:
    answer = session.ask("send", **step.job(people, finds_addresses=client.finds_addresses))
    assert ("error" in answer) is (step.error is not None), f"{step}: {answer}"
    return answer


def test_one_of_each_instruction_is_sent(chain: Chain, done: Done) -> None:
    sent = {(step.program, step.name) for step, _ in done.accepted}
    assert sent == _all("instructions") - (LATE_INSTRUCTIONS if chain.time is None else set())


def test_events_are_decoded_from_inner_instructions(chain: Chain, done: Done) -> None:
    seen = set()
    for step, answer in done.accepted:
        program = PROGRAMS[step.program]
        (ours,) = chain.events(step.program, answer["signature"])
        (theirs,) = answer["events"]
        assert same_name(theirs["name"]) == same_name(ours.name)
        fields = program.fields(ours.name)
        assert_same_fields(program.types, fields, ours.data, theirs["values"], step.name)
        seen.add((step.program, ours.name))
    assert seen == _all("events") - (LATE_EVENTS if chain.time is None else set())


def test_refusals_have_their_names(chain: Chain, done: Done) -> None:
    on_chain = [step for step, _ in done.refused if not step.preflight]
    assert len(chain.failures(done.payer)) == len(on_chain)
    assert {(step.program, step.preflight) for step, _ in done.refused} == {
        (name, preflight) for name in PROGRAMS for preflight in (True, False)
    }
    for step, answer in done.refused:
        known = {item["code"]: item for item in PROGRAMS[step.program].idl["errors"]}
        ours = known[answer["error"]["code"]]
        assert ours["name"] == step.error
        assert same_name(answer["error"]["name"]) == same_name(ours["name"])
        assert answer["error"]["msg"] == ours["msg"]


def test_accounts_are_read(done: Done) -> None:
    for item, ours, theirs in done.read:
        program = PROGRAMS[item.program]
        assert_same_fields(program.types, program.fields(item.kind), ours, theirs, item.kind)
    assert {(item.program, item.kind) for item, _, _ in done.read} == _all("accounts")


def _all(kind: str) -> set[Name]:
    """Everything of a kind that the IDLs name."""
    return {(p.name, item["name"]) for p in PROGRAMS.values() for item in p.idl[kind]}
