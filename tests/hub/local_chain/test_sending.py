import asyncio
import base64
import json
import random
from typing import Any

import pytest
from solders.address_lookup_table_account import ID as LOOKUP_TABLE_PROGRAM
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from gridtokenx_hub import base58
from gridtokenx_hub.chain import RequestRefused
from gridtokenx_hub.chain.rpc import RpcConnection

from . import harness

SOL = harness.SOL
PAYEE = Keypair().pubkey()


async def refused_transfer(rpc: RpcConnection, transaction: VersionedTransaction) -> Any:
    with pytest.raises(RequestRefused) as refused:
        await harness.send(rpc, transaction)
    return refused.value


async def test_transfer_is_there_when_it_is_answered(rpc: RpcConnection) -> None:
    payer, to = await harness.funded(rpc), Keypair().pubkey()
    transaction = harness.transfer_of(7 * SOL, payer, to, await harness.blockhash(rpc))
    signature = await harness.send(rpc, transaction)
    assert signature == str(transaction.signatures[0])
    assert await harness.balance(rpc, to) == 7 * SOL
    assert await harness.balance(rpc, payer.pubkey()) == 93 * SOL - harness.FEE
    status = await harness.status_of(rpc, signature)
    assert status["err"] is None
    assert (status["confirmations"], status["confirmationStatus"]) == (None, "finalized")


async def test_base58_is_the_default_encoding(rpc: RpcConnection) -> None:
    payer, to = await harness.funded(rpc), Keypair().pubkey()
    transaction = harness.transfer_of(SOL, payer, to, await harness.blockhash(rpc))
    await rpc.call("sendTransaction", base58.encode(bytes(transaction)))
    assert await harness.balance(rpc, to) == SOL


async def test_failing_trial_is_told_and_costs_nothing(rpc: RpcConnection) -> None:
    payer, to = await harness.funded(rpc), Keypair().pubkey()
    transaction = harness.transfer_of(200 * SOL, payer, to, await harness.blockhash(rpc))
    refused = await refused_transfer(rpc, transaction)
    assert refused.code == -32002
    assert refused.message == (
        "Transaction simulation failed: Error processing Instruction 0: custom program error: 0x1"
    )
    assert refused.data["err"] == {"InstructionError": [0, {"Custom": 1}]}
    assert refused.data["logs"] == [
        "Program 11111111111111111111111111111111 invoke [1]",
        f"Transfer: insufficient lamports {100 * SOL - 5000}, need {200 * SOL}",
        "Program 11111111111111111111111111111111 failed: custom program error: 0x1",
    ]
    assert refused.data["unitsConsumed"] == 150
    assert await harness.status_of(rpc, str(transaction.signatures[0])) is None
    assert await harness.balance(rpc, payer.pubkey()) == 100 * SOL


async def test_without_trial_a_failure_is_recorded_and_pays(rpc: RpcConnection) -> None:
    payer, to = await harness.funded(rpc), Keypair().pubkey()
    transaction = harness.transfer_of(200 * SOL, payer, to, await harness.blockhash(rpc))
    signature = await harness.send(rpc, transaction, preflight=False)
    status = await harness.status_of(rpc, signature)
    assert status["err"] == {"InstructionError": [0, {"Custom": 1}]}
    assert status["status"] == {"Err": status["err"]}
    assert await harness.balance(rpc, payer.pubkey()) == 100 * SOL - harness.FEE
    shown: Any = await rpc.call("getTransaction", signature)
    assert shown["meta"]["err"] == status["err"]
    assert shown["meta"]["fee"] == harness.FEE


async def test_repetition_is_refused(rpc: RpcConnection) -> None:
    payer, to = await harness.funded(rpc), Keypair().pubkey()
    transaction = harness.transfer_of(SOL, payer, to, await harness.blockhash(rpc))
    signature = await harness.send(rpc, transaction)
    refused = await refused_transfer(rpc, transaction)
    assert (refused.code, refused.message) == (
        -32002,
        "Transaction simulation failed: This transaction has already been processed",
    )
    assert refused.data["err"] == "AlreadyProcessed"
    assert await harness.send(rpc, transaction, preflight=False) == signature
    assert await harness.balance(rpc, to) == SOL


async def test_repetitions_that_arrive_together_count_once(rpc: RpcConnection) -> None:
    payer, to = await harness.funded(rpc), Keypair().pubkey()
    transaction = harness.transfer_of(SOL, payer, to, await harness.blockhash(rpc))
    results = await asyncio.gather(
        *(harness.send(rpc, transaction) for _ in range(20)), return_exceptions=True
    )
    assert sum(isinstance(result, str) for result in results) == 1
    assert await harness.balance(rpc, to) == SOL


async def test_same_message_signed_anew_is_a_repetition(rpc: RpcConnection) -> None:
    """Ed25519 lets the signer make two signatures of one message; it is one transaction."""
    payer, to = await harness.funded(rpc), Keypair().pubkey()
    transaction = harness.transfer_of(SOL, payer, to, await harness.blockhash(rpc))
    await harness.send(rpc, transaction)
    other = VersionedTransaction.populate(transaction.message, [Keypair().sign_message(b"other")])
    assert (await refused_transfer(rpc, other)).data["err"] == "AlreadyProcessed"


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ("signature", "SignatureFailure", "Transaction did not pass signature verification"),
        ("blockhash", "BlockhashNotFound", "Blockhash not found"),
        (
            "payer",
            "AccountNotFound",
            "Attempt to debit an account but found no record of a prior credit.",
        ),
    ],
)
async def test_what_is_never_executed(
    rpc: RpcConnection, change: str, error: str, message: str
) -> None:
    payer = Keypair() if change == "payer" else await harness.funded(rpc)
    recent = Hash.new_unique() if change == "blockhash" else await harness.blockhash(rpc)
    transaction = harness.transfer_of(SOL, payer, Keypair().pubkey(), recent)
    if change == "signature":
        false = Keypair().sign_message(bytes(transaction.message))
        transaction = VersionedTransaction.populate(transaction.message, [false])
    refused = await refused_transfer(rpc, transaction)
    assert (refused.code, refused.message) == (-32002, f"Transaction simulation failed: {message}")
    assert refused.data["err"] == error
    signature = await harness.send(rpc, transaction, preflight=False)
    assert await harness.status_of(rpc, signature) is None


@pytest.mark.parametrize(
    ("encoded", "encoding", "message"),
    [
        ("!!!!", "base64", "invalid base64 encoding"),
        ("0OIl", "base58", "invalid base58 encoding: InvalidCharacter"),
        ("AAAA", "base64", "failed to deserialize"),
        ("A" * 4_000, "base64", "too large"),
        ("AA==", "hex", "unknown variant `hex`"),
        ("AA==", "jsonParsed", "unsupported encoding: jsonParsed"),
    ],
)
async def test_what_is_no_transaction(
    rpc: RpcConnection, encoded: str, encoding: str, message: str
) -> None:
    with pytest.raises(RequestRefused, match=message) as refused:
        await rpc.call("sendTransaction", encoded, {"encoding": encoding})
    assert refused.value.code == -32602


async def test_simulation_keeps_nothing(rpc: RpcConnection) -> None:
    payer, to = await harness.funded(rpc), Keypair().pubkey()
    transaction = harness.transfer_of(SOL, payer, to, await harness.blockhash(rpc))
    encoded = base64.b64encode(bytes(transaction)).decode()
    config: Any = {
        "encoding": "base64",
        "sigVerify": True,
        "innerInstructions": True,
        "accounts": {"addresses": [str(to)], "encoding": "base64"},
    }
    answer: Any = await rpc.call("simulateTransaction", encoded, config)
    assert answer["value"]["err"] is None
    assert answer["value"]["accounts"][0]["lamports"] == SOL
    assert answer["value"]["innerInstructions"] == []
    assert await harness.balance(rpc, to) == 0
    assert await harness.status_of(rpc, str(transaction.signatures[0])) is None


async def test_simulation_of_what_is_not_signed_yet(rpc: RpcConnection) -> None:
    payer = await harness.funded(rpc)
    transaction = harness.transfer_of(SOL, payer, Keypair().pubkey(), Hash.default())
    unsigned = VersionedTransaction.populate(transaction.message, [Keypair().sign_message(b"none")])
    encoded = base64.b64encode(bytes(unsigned)).decode()

    async def simulated(**config: bool) -> Any:
        answer: Any = await rpc.call(
            "simulateTransaction", encoded, {"encoding": "base64", **config}
        )
        return answer["value"]

    replaced = await simulated(replaceRecentBlockhash=True)
    assert replaced["err"] is None
    assert set(replaced["replacementBlockhash"]) == {"blockhash", "lastValidBlockHeight"}
    assert (await simulated())["err"] == "BlockhashNotFound"
    with pytest.raises(RequestRefused, match="sigVerify may not be used"):
        await simulated(sigVerify=True, replaceRecentBlockhash=True)


async def test_signatures_are_checked_after_an_unsigned_simulation(rpc: RpcConnection) -> None:
    payer, to = await harness.funded(rpc), Keypair().pubkey()
    transaction = harness.transfer_of(SOL, payer, to, await harness.blockhash(rpc))
    unsigned = VersionedTransaction.populate(transaction.message, [Keypair().sign_message(b"")])
    encoded = base64.b64encode(bytes(unsigned)).decode()
    answer: Any = await rpc.call("simulateTransaction", encoded, {"encoding": "base64"})
    assert answer["value"]["err"] is None
    await harness.send(rpc, unsigned, preflight=False)
    assert await harness.balance(rpc, to) == 0


async def test_equal_airdrops_all_arrive(rpc: RpcConnection) -> None:
    to = str(Keypair().pubkey())
    signatures = await asyncio.gather(*(rpc.call("requestAirdrop", to, SOL) for _ in range(5)))
    assert len(set(map(str, signatures))) == 5
    assert await harness.balance(rpc, Pubkey.from_string(to)) == 5 * SOL


async def test_concurrent_transfers_add_up(rpc: RpcConnection) -> None:
    payers = [await harness.funded(rpc) for _ in range(4)]
    to, recent = Keypair().pubkey(), await harness.blockhash(rpc)
    amounts = range(SOL, SOL + 80)
    await asyncio.gather(
        *(
            harness.send(rpc, harness.transfer_of(amount, payers[amount % 4], to, recent))
            for amount in amounts
        )
    )
    assert await harness.balance(rpc, to) == sum(amounts)


async def test_lookup_table(rpc: RpcConnection) -> None:
    """Made from a recent slot, extended, and used by a transaction whose receiver is in it."""
    payer, to = await harness.funded(rpc), Keypair().pubkey()
    slot: Any = await rpc.call("getSlot")
    table, bump = Pubkey.find_program_address(
        [bytes(payer.pubkey()), slot.to_bytes(8, "little")], LOOKUP_TABLE_PROGRAM
    )
    accounts = [
        AccountMeta(table, is_signer=False, is_writable=True),
        AccountMeta(payer.pubkey(), is_signer=True, is_writable=False),
        AccountMeta(payer.pubkey(), is_signer=True, is_writable=True),
        AccountMeta(SYSTEM_PROGRAM, is_signer=False, is_writable=False),
    ]
    create = b"\0\0\0\0" + slot.to_bytes(8, "little") + bytes([bump])
    extend = b"\2\0\0\0" + (1).to_bytes(8, "little") + bytes(to)
    making = [Instruction(LOOKUP_TABLE_PROGRAM, data, accounts) for data in (create, extend)]
    await harness.send(rpc, harness.signed(making, payer, await harness.blockhash(rpc)))

    parameters = TransferParams(from_pubkey=payer.pubkey(), to_pubkey=to, lamports=SOL)
    message = MessageV0.try_compile(
        payer.pubkey(),
        [transfer(parameters)],
        [AddressLookupTableAccount(table, [to])],
        await harness.blockhash(rpc),
    )
    assert to not in message.account_keys
    signature = await harness.send(rpc, VersionedTransaction(message, [payer]))
    assert await harness.balance(rpc, to) == SOL
    shown: Any = await rpc.call("getTransaction", signature, {"maxSupportedTransactionVersion": 0})
    assert shown["meta"]["loadedAddresses"] == {"writable": [str(to)], "readonly": []}
    history: Any = await rpc.call("getSignaturesForAddress", str(to))
    assert [entry["signature"] for entry in history] == [signature]


async def test_lookup_in_what_is_no_table(rpc: RpcConnection) -> None:
    payer, no_table = await harness.funded(rpc), (await harness.funded(rpc)).pubkey()
    to = Keypair().pubkey()
    parameters = TransferParams(from_pubkey=payer.pubkey(), to_pubkey=to, lamports=SOL)
    message = MessageV0.try_compile(
        payer.pubkey(),
        [transfer(parameters)],
        [AddressLookupTableAccount(no_table, [to])],
        await harness.blockhash(rpc),
    )
    transaction = VersionedTransaction(message, [payer])
    refused = await refused_transfer(rpc, transaction)
    assert refused.data["err"] == "InvalidAddressLookupTableOwner"
    await harness.send(rpc, transaction, preflight=False)
    assert await rpc.call("getHealth") == "ok"


async def test_no_transaction_whatever_stops_the_chain(rpc: RpcConnection) -> None:
    """Good transactions with a few bytes changed and signed as they are then."""
    chance = random.Random(7)  # noqa: S311 - bytes of a test, not secrets
    payer = await harness.funded(rpc)
    good = [
        bytes(harness.transfer_of(SOL, payer, PAYEE, await harness.blockhash(rpc))),
        bytes(await versioned_transfer(rpc, payer)),
    ]
    codes = set()
    for preflight in [True, False] * 15:
        config = {"encoding": "base64", "skipPreflight": not preflight}
        changed = [mutated(chance.choice(good), payer, chance) for _ in range(40)]
        batch = [
            {"jsonrpc": "2.0", "id": 1, "method": "sendTransaction", "params": [each, config]}
            for each in changed
        ]
        _, answered = await harness.post(rpc.url, json.dumps(batch).encode())
        codes |= {answer.get("error", {}).get("code") for answer in json.loads(answered)}
    assert codes == {None, -32002, -32602}


def mutated(good: bytes, payer: Keypair, chance: random.Random) -> str:
    message = bytearray(good[65:])
    for _ in range(chance.randint(1, 3)):
        message[chance.randrange(len(message))] = chance.choice((*range(16), 255))
    return base64.b64encode(b"\1" + bytes(payer.sign_message(bytes(message))) + message).decode()


async def versioned_transfer(rpc: RpcConnection, payer: Keypair) -> VersionedTransaction:
    parameters = TransferParams(from_pubkey=payer.pubkey(), to_pubkey=PAYEE, lamports=SOL)
    table = AddressLookupTableAccount(payer.pubkey(), [PAYEE])
    message = MessageV0.try_compile(
        payer.pubkey(), [transfer(parameters)], [table], await harness.blockhash(rpc)
    )
    return VersionedTransaction(message, [payer])
