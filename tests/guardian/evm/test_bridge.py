"""What the bridge's endpoint says is believed only where it fits."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st
from tests.guardian.facts import AMOUNT, BRIDGE, BUYER, DEADLINE, PAYER, RESERVATION
from tests.guardian.json_values import JSON
from tests.guardian.said import Said

from gridtokenx_guardian.errors import (
    EndpointError,
    EndpointNonsense,
    HeightWentBackwards,
    WrongChain,
)
from gridtokenx_guardian.evm.bridge import PAYMENT_RECEIVED, Bridge
from gridtokenx_guardian.facts import Block, Kept
from gridtokenx_programs.evm import PaymentState

GENESIS = bytes(range(32))
BLOCK = Block(7, bytes([7]) * 32, 1000)


def hexed(data: bytes) -> str:
    return "0x" + data.hex()


def header(number: int = 7, **changed: Any) -> dict[str, Any]:
    return {
        "number": hex(number),
        "hash": hexed(bytes([number % 256]) * 32),
        "timestamp": hex(1000),
    } | changed


def log(**changed: Any) -> dict[str, Any]:
    topics = [PAYMENT_RECEIVED, bytes(RESERVATION), bytes(12) + PAYER, bytes(BUYER)]
    return {
        "address": hexed(BRIDGE.address),
        "topics": [hexed(topic) for topic in topics],
        "data": hexed(encode(["uint256", "uint64"], [AMOUNT, DEADLINE])),
        "blockNumber": hex(7),
        "blockHash": hexed(BLOCK.hash),
    } | changed


def honest(**changed: Any) -> dict[str, Any]:
    """What an honest endpoint answers to each method."""
    return {
        "eth_chainId": hex(BRIDGE.chain_id),
        "eth_blockNumber": hex(9),
        "eth_getBlockByNumber": lambda number, _: header(
            7 if number == "finalized" else int(number, 16)
        ),
        "eth_call": hexed(GENESIS),
        "eth_getLogs": [log()],
    } | changed


def bridge(confirmations: int | None = None, **changed: Any) -> Bridge:
    return Bridge(Said(results=honest(**changed)), BRIDGE, GENESIS, confirmations)


async def test_an_honest_one_is_believed() -> None:
    assert await bridge().final_block() == BLOCK
    (payment,) = await bridge().payments_received(5, 7)
    assert (payment.reservation, payment.payer, payment.wallet) == (RESERVATION, PAYER, BUYER)
    assert (payment.amount_micro_thbc, payment.deadline_s) == (AMOUNT, DEADLINE)
    assert (payment.block_number, payment.block_time_s) == (7, 1000)


async def test_by_confirmations_the_newest_blocks_are_not_final() -> None:
    assert (await bridge(confirmations=2).final_block()).number == 7
    assert (await bridge(confirmations=20).final_block()).number == 0


async def test_a_node_that_knows_no_final_block_says_what_to_do() -> None:
    with pytest.raises(EndpointNonsense, match=r"configure evm\.confirmations"):
        await bridge(eth_getBlockByNumber=None).final_block()


@pytest.mark.parametrize(
    "changed",
    [
        {"eth_chainId": "0x1"},
        {"eth_call": hexed(bytes(32))},
        {"eth_call": "0x"},
    ],
)
async def test_another_chain_or_bridge_is_named(changed: dict[str, Any]) -> None:
    with pytest.raises(WrongChain):
        await bridge(**changed).final_block()


async def test_a_height_that_goes_backwards_is_not_believed_at_once() -> None:
    numbers = iter([7, 6, 6])
    going = bridge(eth_getBlockByNumber=lambda *_: header(next(numbers)))
    await going.final_block()
    with pytest.raises(HeightWentBackwards):
        await going.final_block()
    assert (await going.final_block()).number == 6


@pytest.mark.parametrize(
    "wrong",
    [
        log(blockHash=hexed(bytes(32))),
        log(blockNumber=hex(8), blockHash=hexed(bytes([8]) * 32)),
        log(address=hexed(bytes(20))),
        log(topics=[hexed(bytes(32))] * 4),
        log(topics=log()["topics"][:3]),
        log(data="0x"),
        log(data=hexed(encode(["uint256", "uint256"], [1, 2**63]))),
        log(topics=[*log()["topics"][:2], hexed(b"\1" * 32), log()["topics"][3]]),
    ],
)
async def test_a_log_that_does_not_fit_is_nonsense(wrong: dict[str, Any]) -> None:
    with pytest.raises(EndpointNonsense):
        await bridge(eth_getLogs=[log(), wrong]).payments_received(5, 7)


async def test_a_block_of_another_number_is_nonsense() -> None:
    with pytest.raises(EndpointNonsense):
        await bridge(eth_getBlockByNumber=header(8)).block(7)


async def test_storage_is_read_at_the_block() -> None:
    asked: list[Any] = []

    def call(*params: Any) -> str:
        asked.append(params)
        kinds = ["address", "uint64", "uint8", "uint256"]
        return hexed(encode(kinds, [hexed(PAYER), DEADLINE, 1, AMOUNT]))

    kept = await bridge(eth_call=call).kept(RESERVATION, BLOCK)
    assert kept == Kept(PAYER, DEADLINE, PaymentState.LOCKED, AMOUNT)
    assert asked[0][1] == {"blockHash": hexed(BLOCK.hash), "requireCanonical": True}


async def test_guardians_are_an_array_of_addresses() -> None:
    found = [bytes([number]) * 20 for number in (1, 2, 3)]

    def call(asked: dict[str, str], _: Any) -> str:
        if len(answers) == 2:
            return hexed(answers.pop())
        return hexed(answers[0])

    answers = [encode(["address[]"], [[hexed(one) for one in found]]), encode(["uint64"], [4])]
    guardians = await bridge(eth_call=call).guardians(BLOCK)
    assert (guardians.epoch, list(guardians.addresses)) == (4, found)


QUESTIONS: list[Callable[[Bridge], Any]] = [
    lambda asked: asked.final_block(),
    lambda asked: asked.block(7),
    lambda asked: asked.payments_received(5, 7),
    lambda asked: asked.kept(RESERVATION, BLOCK),
    lambda asked: asked.guardians(BLOCK),
]


@pytest.mark.parametrize("question", QUESTIONS)
@given(method=st.sampled_from(sorted(honest())), told=JSON)
async def test_whatever_it_says_has_a_name(
    question: Callable[[Bridge], Any], method: str, told: Any
) -> None:
    with contextlib.suppress(EndpointError):
        await question(bridge(**{method: told}))
