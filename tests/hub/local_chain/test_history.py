import base64
from typing import Any

import pytest
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.system_program import TransferParams, transfer
from solders.token import ID as TOKEN_PROGRAM
from solders.transaction import VersionedTransaction

from gridtokenx_hub.chain import RequestRefused
from gridtokenx_hub.chain.rpc import RpcConnection

from . import harness, tokens

SOL = harness.SOL


@pytest.fixture
async def payer(rpc: RpcConnection) -> Keypair:
    return await harness.funded(rpc)


async def sent_to(rpc: RpcConnection, payer: Keypair, to: Keypair, count: int) -> list[str]:
    """Signatures of transfers, newest first."""
    signatures = []
    for index in range(count):
        recent = await harness.blockhash(rpc)
        transaction = harness.transfer_of(SOL + index, payer, to.pubkey(), recent)
        signatures.append(await harness.send(rpc, transaction))
    return signatures[::-1]


async def history(rpc: RpcConnection, address: Keypair, **config: Any) -> list[str]:
    answer: Any = await rpc.call("getSignaturesForAddress", str(address.pubkey()), config)
    return [entry["signature"] for entry in answer]


async def test_pages_of_history(rpc: RpcConnection, payer: Keypair) -> None:
    to = Keypair()
    newest_first = await sent_to(rpc, payer, to, 7)
    assert await history(rpc, to) == newest_first
    assert await history(rpc, to, limit=3) == newest_first[:3]
    assert await history(rpc, to, limit=3, before=newest_first[2]) == newest_first[3:6]
    assert await history(rpc, to, until=newest_first[5]) == newest_first[:5]
    assert (
        await history(rpc, to, before=newest_first[1], until=newest_first[4]) == (newest_first[2:4])
    )
    assert await history(rpc, to, before=newest_first[-1]) == []
    assert await history(rpc, Keypair()) == []


async def test_entry_of_history(rpc: RpcConnection, payer: Keypair) -> None:
    to = Keypair()
    (signature,) = await sent_to(rpc, payer, to, 1)
    answer: Any = await rpc.call("getSignaturesForAddress", str(to.pubkey()))
    status = await harness.status_of(rpc, signature)
    assert answer == [
        {
            "blockTime": await rpc.call("getBlockTime", status["slot"]),
            "confirmationStatus": "finalized",
            "err": None,
            "memo": None,
            "signature": signature,
            "slot": status["slot"],
            "transactionIndex": 0,
        }
    ]


@pytest.mark.parametrize(
    ("config", "code", "message"),
    [
        ({"limit": 0}, -32602, "Invalid limit; max 1000"),
        ({"limit": 1001}, -32602, "Invalid limit; max 1000"),
        ({"before": "xx"}, -32602, "Invalid param: WrongSize"),
        ({"until": str(Keypair().sign_message(b""))}, -32020, "Transaction .* not found"),
        ({"commitment": "processed"}, -32602, "below `confirmed`"),
    ],
)
async def test_history_that_cannot_be_asked_for(
    rpc: RpcConnection, config: Any, code: int, message: str
) -> None:
    with pytest.raises(RequestRefused, match=message) as refused:
        await history(rpc, Keypair(), **config)
    assert refused.value.code == code


async def test_transaction_in_full(rpc: RpcConnection, payer: Keypair) -> None:
    to = Keypair()
    transaction = harness.transfer_of(SOL, payer, to.pubkey(), await harness.blockhash(rpc))
    signature = await harness.send(rpc, transaction)
    shown: Any = await rpc.call("getTransaction", signature)
    assert shown["meta"]["preBalances"] == [100 * SOL, 0, 1]
    assert shown["meta"]["postBalances"] == [99 * SOL - harness.FEE, SOL, 1]
    assert shown["meta"]["logMessages"] == [
        "Program 11111111111111111111111111111111 invoke [1]",
        "Program 11111111111111111111111111111111 success",
    ]
    assert "version" not in shown
    assert shown["transaction"] == {
        "message": {
            "accountKeys": [
                str(payer.pubkey()),
                str(to.pubkey()),
                "11111111111111111111111111111111",
            ],
            "header": {
                "numReadonlySignedAccounts": 0,
                "numReadonlyUnsignedAccounts": 1,
                "numRequiredSignatures": 1,
            },
            "instructions": [
                {
                    "accounts": [0, 1],
                    "data": "3Bxs3zzLZLuLQEYX",
                    "programIdIndex": 2,
                    "stackHeight": 1,
                }
            ],
            "recentBlockhash": str(transaction.message.recent_blockhash),
        },
        "signatures": [signature],
    }
    in_base64: Any = await rpc.call("getTransaction", signature, {"encoding": "base64"})
    assert base64.b64decode(in_base64["transaction"][0]) == bytes(transaction)
    assert in_base64["meta"] == shown["meta"]
    legacy: Any = await rpc.call("getTransaction", signature, {"maxSupportedTransactionVersion": 0})
    assert legacy["version"] == "legacy"


async def test_versioned_transaction_is_asked_for_by_name(
    rpc: RpcConnection, payer: Keypair
) -> None:
    parameters = TransferParams(
        from_pubkey=payer.pubkey(), to_pubkey=Keypair().pubkey(), lamports=SOL
    )
    message = MessageV0.try_compile(
        payer.pubkey(), [transfer(parameters)], [], await harness.blockhash(rpc)
    )
    signature = await harness.send(rpc, VersionedTransaction(message, [payer]))
    with pytest.raises(RequestRefused, match="maxSupportedTransactionVersion") as refused:
        await rpc.call("getTransaction", signature)
    assert refused.value.code == -32015
    shown: Any = await rpc.call("getTransaction", signature, {"maxSupportedTransactionVersion": 0})
    assert shown["version"] == 0
    assert shown["transaction"]["message"]["addressTableLookups"] == []


async def test_what_programs_called_and_tokens(rpc: RpcConnection, payer: Keypair) -> None:
    minted = await tokens.mint_to_new_account(rpc, payer, 2_500_000, 6)
    shown: Any = await rpc.call("getTransaction", minted.signature)
    keys = shown["transaction"]["message"]["accountKeys"]
    (called,) = shown["meta"]["innerInstructions"]
    assert called["index"] == 2  # the associated token program called others
    assert {keys[inner["programIdIndex"]] for inner in called["instructions"]} == {
        str(SYSTEM_PROGRAM),
        str(TOKEN_PROGRAM),
    }
    assert {inner["stackHeight"] for inner in called["instructions"]} == {2}
    assert shown["meta"]["preTokenBalances"] == []
    assert shown["meta"]["postTokenBalances"] == [
        {
            "accountIndex": keys.index(str(minted.account)),
            "mint": str(minted.mint),
            "owner": str(payer.pubkey()),
            "programId": str(TOKEN_PROGRAM),
            "uiTokenAmount": {
                "amount": "2500000",
                "decimals": 6,
                "uiAmount": 2.5,
                "uiAmountString": "2.5",
            },
        }
    ]


async def test_absent_transactions_are_null(rpc: RpcConnection) -> None:
    unknown = str(Keypair().sign_message(b"unknown"))
    assert await rpc.call("getTransaction", unknown) is None
    assert await harness.status_of(rpc, unknown) is None


async def test_block_times(rpc: RpcConnection) -> None:
    slot: Any = await rpc.call("getSlot")
    assert isinstance(await rpc.call("getBlockTime", slot), int)
    with pytest.raises(RequestRefused, match="Block not available for slot") as refused:
        await rpc.call("getBlockTime", slot + 1_000_000)
    assert refused.value.code == -32004
