"""The hub's quote and the bridge as built: it takes this one, from whom it names, and no other."""

import dataclasses
import time
from typing import Any

import pytest
from baht_world import CHAIN_ID, Baht
from coincurve import PrivateKey
from eth_abi.abi import encode
from solders.pubkey import Pubkey
from test_reservations import reserved

from gridtokenx_hub.bridge import Quotes, SignedQuote, calldata
from gridtokenx_hub.clocks import utc_now
from gridtokenx_programs.evm import BridgeId, address_of_key, sign
from gridtokenx_programs.evm.words import address_word, keccak, word

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOCKED = 1
QUOTE = "(address,bytes32,bytes32,bytes32,uint256,uint64)"


async def paying(baht: Baht) -> tuple[str, Any, Any]:
    """A payer with baht, and the reservation with its quote."""
    _, answer = await reserved(baht, 1)
    payer = answer["payment"]["quote"]["payer"]
    await baht.fund(payer)
    return payer, answer, answer["payment"]["calls"]


async def stored(baht: Baht, answer: Any) -> SignedQuote:
    row = await baht.world.pool.fetchrow(
        "SELECT * FROM quotes WHERE reservation_id = $1", answer["reservation_id"]
    )
    return baht.bridge.quotes.read(row)


async def test_the_calls_of_the_answer_pay(baht: Baht) -> None:
    payer, answer, calls = await paying(baht)
    before = baht.contracts.balance(payer)
    for call in calls:
        baht.send(payer, call)
    assert baht.contracts.state(Pubkey.from_string(answer["reservation_id"])) == LOCKED
    assert before - baht.contracts.balance(payer) == 30_000_000
    assert baht.refusal(payer, calls[1]) == "AlreadyPaid"


async def test_paid_with_a_permit(baht: Baht) -> None:
    """EIP-2612: one transaction, with the payer's signature over the allowance."""
    _, answer, _ = await paying(baht)
    signed = await stored(baht, answer)
    key = await baht.bridge.accounts.key(signed.quote.payer)
    assert key is not None
    deadline = int(time.time()) + 600
    permit = keccak(
        keccak(
            b"Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
        )
        + address_word(signed.quote.payer)
        + address_word(baht.bridge.id.address)
        + word(signed.quote.amount_micro_thbc)
        + word(0)
        + word(deadline)
    )
    thbc = baht.contracts.thbc
    domain = baht.contracts._view(thbc, "DOMAIN_SEPARATOR()", [], [], ["bytes32"])
    made = sign(key, keccak(b"\x19\x01" + domain + permit))
    fields = tuple(answer["payment"]["quote"].values())
    fields = tuple(bytes.fromhex(f[2:]) if isinstance(f, str) else f for f in fields)
    baht.node.call("anvil_impersonateAccount", answer["payment"]["quote"]["payer"])
    baht.contracts._send(
        baht.contracts.bridge,
        f"payWithPermit({QUOTE},bytes,uint256,uint8,bytes32,bytes32)",
        [QUOTE, "bytes", "uint256", "uint8", "bytes32", "bytes32"],
        [("0x" + fields[0].hex(), *fields[1:]), signed.signature, deadline, made[64], made[:32],
         made[32:64]],
        answer["payment"]["quote"]["payer"],
    )  # fmt: skip
    assert baht.contracts.state(Pubkey.from_string(answer["reservation_id"])) == LOCKED


@pytest.mark.parametrize(
    "changed",
    ["payer", "reservation", "solana_wallet", "solana_chain", "amount_micro_thbc", "deadline_s"],
)
async def test_every_field_is_signed(baht: Baht, changed: str) -> None:
    payer, answer, calls = await paying(baht)
    signed = await stored(baht, answer)
    value = getattr(signed.quote, changed)
    other: Any = value - 1 if isinstance(value, int) else bytes(reversed(bytes(value)))
    if isinstance(value, Pubkey):
        other = Pubkey(other)
    quote = dataclasses.replace(signed.quote, **{changed: other})
    baht.send(payer, calls[0])
    sender = f"0x{quote.payer.hex()}"
    data = f"0x{calldata.pay(quote, signed.signature).hex()}"
    refused = "WrongSolanaChain" if changed == "solana_chain" else "InvalidQuote"
    assert baht.refusal(sender, {"to": baht.contracts.bridge, "data": data}) == refused
    baht.send(payer, calls[1])


@pytest.mark.parametrize("what", ["signer", "chain", "bridge"])
async def test_another_hub_or_bridge(baht: Baht, what: str) -> None:
    payer, answer, calls = await paying(baht)
    quote = (await stored(baht, answer)).quote
    key = PrivateKey(baht.contracts.hub.to_bytes())
    if what == "signer":
        signature = sign(PrivateKey(), quote.digest(baht.bridge.id))
    elif what == "chain":
        signature = sign(key, quote.digest(BridgeId(1, baht.bridge.id.address)))
    else:
        signature = sign(key, quote.digest(BridgeId(CHAIN_ID, bytes(20))))
    baht.send(payer, calls[0])
    data = f"0x{calldata.pay(quote, signature).hex()}"
    assert baht.refusal(payer, {"to": baht.contracts.bridge, "data": data}) == "InvalidQuote"
    baht.send(payer, calls[1])


async def test_calldata_is_the_abis(baht: Baht) -> None:
    """As another encoder writes it."""
    _, answer, calls = await paying(baht)
    signed = await stored(baht, answer)
    fields = (
        signed.quote.payer,
        bytes(signed.quote.reservation),
        bytes(signed.quote.solana_wallet),
        signed.quote.solana_chain,
        signed.quote.amount_micro_thbc,
        signed.quote.deadline_s,
    )
    assert calls[1]["data"][10:] == encode([QUOTE, "bytes"], [fields, signed.signature]).hex()
    approve = encode(["address", "uint256"], [baht.contracts.bridge, fields[4]])
    assert calls[0]["data"][10:] == approve.hex()


async def test_it_is_made_once(baht: Baht) -> None:
    """Asked for another payer, or by a hub with another key: the first one stands."""
    _, answer = await reserved(baht, 1)
    first = await stored(baht, answer)
    terms = {
        "buyer": first.quote.solana_wallet,
        "order": Pubkey.from_string(answer["order_id"]),
        "payment_micro_thbc": 1,
        "pay_deadline": 1,
    }
    other = Quotes(baht.world.pool, PrivateKey(), baht.bridge.id, first.quote.solana_chain, utc_now)
    user_id = await baht.world.pool.fetchval("SELECT min(id) FROM users")
    assert await other.make(first.quote.reservation, terms, user_id, bytes(20)) == first
    assert other.signer != baht.bridge.quotes.signer
    assert baht.bridge.quotes.signer == address_of_key(PrivateKey(baht.contracts.hub.to_bytes()))
