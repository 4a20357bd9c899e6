"""What the Solana endpoint says is believed only where it fits."""

import base64
import contextlib
from collections.abc import Callable
from typing import Any

import base58
import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.transaction import Transaction
from tests.guardian.facts import (
    ADDRESSES,
    NOW,
    RESERVATION,
    TRADING,
    executed_trade,
    key,
    reservation_terms,
)
from tests.guardian.json_values import JSON
from tests.guardian.said import Said

from gridtokenx_guardian.errors import (
    EndpointError,
    EndpointNonsense,
    HeightWentBackwards,
    WrongChain,
)
from gridtokenx_guardian.solana.market import CLOCK, TradingMarket
from gridtokenx_programs.program import EVENT_TAG
from gridtokenx_protocol.deployment import deployment_id

GENESIS = bytes(range(32))
DEPLOYMENT = deployment_id(GENESIS, bytes(ADDRESSES.registry))
OFFICE = [key("one"), key("two")]


def account(data: bytes, owner: Pubkey = TRADING.id) -> dict[str, Any]:
    return {"owner": str(owner), "data": [base64.b64encode(data).decode(), "base64"]}


def at(slot: int, value: Any) -> dict[str, Any]:
    return {"context": {"slot": slot}, "value": value}


def reservation(**changed: Any) -> dict[str, Any]:
    return account(TRADING.encode_account("Reservation", reservation_terms(**changed)))


def clock(time_s: int = NOW) -> dict[str, Any]:
    return account(bytes(32) + time_s.to_bytes(8, "little", signed=True), CLOCK)


def market(deployment: bytes = DEPLOYMENT) -> dict[str, Any]:
    roles = ["authority", "treasury", "oracle", "pauser", "registry_program"]
    fields: dict[str, Any] = {name: key(name) for name in [*roles, "energy_mint", "grx_mint"]}
    numbers = ["next_order_number", "next_offer_number", "event_sequence", "bump"]
    fields |= dict.fromkeys(numbers, 1) | {"paused": False, "deployment": deployment}
    return account(TRADING.encode_account("Market", fields))


def office(**changed: Any) -> dict[str, Any]:
    fields = {
        "epoch": 3,
        "threshold": 2,
        "count": 2,
        "guardians": [*OFFICE, *[Pubkey.default()] * 7],
        "evm_chain_id": 1,
        "bridge": bytes(20),
        "bump": 1,
    }
    return account(TRADING.encode_account("Guardians", fields | changed))


def event(**changed: Any) -> bytes:
    trade = executed_trade(**changed)
    tags = {name: tag for tag, name in TRADING.idl.event_names.items()}
    encoded = TRADING._codec.encode_struct(TRADING._struct("TradeExecuted"), trade)
    return EVENT_TAG + tags["TradeExecuted"] + encoded


def transaction(*called: bytes, program: Pubkey = TRADING.id, err: Any = None) -> dict[str, Any]:
    payer = Keypair.from_seed(bytes(32))
    message = Message([Instruction(program, b"", [])], payer.pubkey())
    signed = Transaction([payer], message, Hash.default())
    inner = [{"programIdIndex": 1, "data": base58.b58encode(data).decode()} for data in called]
    return {
        "meta": {"err": err, "innerInstructions": [{"instructions": inner}]},
        "transaction": [base64.b64encode(bytes(signed)).decode(), "base64"],
    }


def honest(**changed: Any) -> dict[str, Any]:
    """What an honest endpoint answers to each method."""
    return {
        "getGenesisHash": base58.b58encode(GENESIS).decode(),
        "getMultipleAccounts": at(9, [clock(), market(), office()]),
        "getAccountInfo": at(9, reservation()),
        "getProgramAccounts": [{"pubkey": str(RESERVATION), "account": reservation()}],
        "getSignaturesForAddress": lambda _, options: (
            [] if "before" in options else [{"signature": "s", "err": None}]
        ),
        "getTransaction": transaction(event()),
    } | changed


def asked(**changed: Any) -> TradingMarket:
    said = Said(results=honest(**changed), name="solana")
    return TradingMarket(said, TRADING, ADDRESSES, GENESIS)


async def test_an_honest_one_is_believed() -> None:
    found = await asked().market()
    assert (found.slot, found.time_s, found.deployment) == (9, NOW, DEPLOYMENT)
    assert (found.guardian_epoch, list(found.guardians)) == (3, OFFICE)
    assert await asked().reservation(RESERVATION) == reservation_terms()
    assert await asked().reservations() == [(RESERVATION, reservation_terms())]
    assert await asked().trade(RESERVATION) == executed_trade()


async def test_everything_is_asked_for_as_it_is_final() -> None:
    """Of all methods that have a commitment, none may answer with less."""
    seen: dict[str, Any] = {}

    def noting(method: str, told: Any) -> Callable[..., Any]:
        def answer(*params: Any) -> Any:
            seen[method] = params[-1]
            return told(*params) if callable(told) else told

        return answer

    methods = {name: told for name, told in honest().items() if name != "getGenesisHash"}
    noted = asked(**{name: noting(name, told) for name, told in methods.items()})
    await noted.market()
    await noted.reservation(RESERVATION)
    await noted.reservations()
    await noted.trade(RESERVATION)
    assert seen.keys() == methods.keys()
    assert all(options["commitment"] == "finalized" for options in seen.values())


@pytest.mark.parametrize(
    "changed",
    [
        {"getGenesisHash": base58.b58encode(bytes(32)).decode()},
        {"getMultipleAccounts": at(9, [clock(), market(b"othr"), office()])},
    ],
)
async def test_another_chain_or_deployment_is_named(changed: dict[str, Any]) -> None:
    with pytest.raises(WrongChain):
        await asked(**changed).market()


async def test_a_slot_that_goes_backwards_is_not_believed_at_once() -> None:
    slots = iter([9, 8, 8])
    going = asked(getAccountInfo=lambda *_: at(next(slots), None))
    await going.reservation(RESERVATION)
    with pytest.raises(HeightWentBackwards):
        await going.reservation(RESERVATION)
    assert await going.reservation(RESERVATION) is None


@pytest.mark.parametrize(
    "wrong",
    [
        account(TRADING.encode_account("Reservation", reservation_terms()), key("thief")),
        reservation(nonce=2),
        reservation(buyer=key("thief")),
        account(b""),
        office(),
    ],
)
async def test_an_account_that_is_not_this_reservation_is_nonsense(wrong: dict[str, Any]) -> None:
    with pytest.raises(EndpointNonsense):
        await asked(getAccountInfo=at(9, wrong)).reservation(RESERVATION)


@pytest.mark.parametrize(
    "other",
    [
        transaction(event(reservation=key("another"))),
        transaction(event(), program=key("another program")),
        transaction(),
        transaction(b"\xe4" * 8),
    ],
)
async def test_what_is_not_its_trade_is_none(other: dict[str, Any]) -> None:
    assert await asked(getTransaction=other).trade(RESERVATION) is None


async def test_a_failed_transaction_is_no_trade() -> None:
    failed = [{"signature": "s", "err": {"InstructionError": [0, "Custom"]}}]
    page = {"getSignaturesForAddress": lambda _, options: [] if "before" in options else failed}
    assert await asked(**page).trade(RESERVATION) is None
    with pytest.raises(EndpointNonsense):
        await asked(getTransaction=transaction(event(), err="failed")).trade(RESERVATION)


async def test_the_trade_may_be_on_a_later_page() -> None:
    pages = {None: "first", "first": "second"}

    def page(_: Any, options: dict[str, Any]) -> list[dict[str, Any]]:
        signature = pages.get(options.get("before"))
        return [{"signature": signature, "err": None}] if signature else []

    found = {"first": transaction(), "second": transaction(event())}
    paged = asked(
        getSignaturesForAddress=page, getTransaction=lambda signature, _: found[signature]
    )
    assert await paged.trade(RESERVATION) == executed_trade()


async def test_a_history_without_end_is_nonsense() -> None:
    endless = asked(
        getSignaturesForAddress=[{"signature": "s", "err": None}], getTransaction=transaction()
    )
    with pytest.raises(EndpointNonsense, match="without an end"):
        await endless.trade(RESERVATION)


QUESTIONS: list[Callable[[TradingMarket], Any]] = [
    lambda market: market.market(),
    lambda market: market.reservation(RESERVATION),
    lambda market: market.reservations(),
    lambda market: market.trade(RESERVATION),
]


@pytest.mark.parametrize("question", QUESTIONS)
@given(method=st.sampled_from(sorted(honest())), told=JSON)
async def test_whatever_it_says_has_a_name(
    question: Callable[[TradingMarket], Any], method: str, told: Any
) -> None:
    with contextlib.suppress(EndpointError):
        await question(asked(**{method: told}))
