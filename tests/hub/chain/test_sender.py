import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from solders.compute_budget import ID as COMPUTE_BUDGET
from solders.keypair import Keypair
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.system_program import TransferParams, transfer
from solders.transaction import Transaction as SignedTransaction
from tests.hub.local_chain import harness

from gridtokenx_hub.chain import (
    ChainClient,
    ChainUnavailable,
    FeePayerPool,
    LatestBlockhash,
    SignatureStatus,
    TransactionExpired,
    TransactionRefused,
    TransactionSender,
)
from gridtokenx_hub.local_chain import Genesis
from gridtokenx_programs import Addresses

from .conftest import PROGRAM, make_sender
from .transfers import UNITS, transfer_to

SOL = harness.SOL


async def test_sent_is_confirmed(any_client: ChainClient) -> None:
    sender, to = await make_sender(any_client), Keypair().pubkey()
    confirmation = await sender.send(transfer_to(to, SOL), compute_units=UNITS)
    assert await any_client.balance(to) == SOL
    (status,) = await any_client.signature_statuses([confirmation.signature])
    assert status is not None
    assert (status.slot, status.is_confirmed) == (confirmation.slot, True)
    assert await sender.outcome(confirmation.signature) == confirmation


async def test_many_at_once(any_client: ChainClient) -> None:
    """All the same but for what the sender adds, so each would be a repetition of the first."""
    sender, to = await make_sender(any_client), Keypair().pubkey()
    confirmations = await asyncio.gather(
        *(sender.send(transfer_to(to, SOL), compute_units=UNITS) for _ in range(40))
    )
    assert len({confirmation.signature for confirmation in confirmations}) == 40
    assert await any_client.balance(to) == 40 * SOL


async def test_other_signers_sign(any_client: ChainClient) -> None:
    sender, wallet, to = await make_sender(any_client), Keypair(), Keypair().pubkey()
    await any_client.airdrop(wallet.pubkey(), 2 * SOL)
    parameters = TransferParams(from_pubkey=wallet.pubkey(), to_pubkey=to, lamports=2 * SOL)
    await sender.send([transfer(parameters)], [wallet], compute_units=UNITS)
    assert await any_client.balance(to) == 2 * SOL
    assert await any_client.account(wallet.pubkey()) is None


async def test_delivered_twice_happens_once(any_client: ChainClient) -> None:
    sender, to = await make_sender(any_client), Keypair().pubkey()
    prepared = await sender.prepare(transfer_to(to, SOL), compute_units=UNITS)
    assert await sender.outcome(prepared.signature) is None
    first = await sender.deliver(prepared)
    assert await sender.deliver(prepared) == first
    assert await any_client.balance(to) == SOL


async def test_rehearsed(any_client: ChainClient) -> None:
    """Tried without a signature: nothing happens, and what would fail is named."""
    sender, to = await make_sender(any_client), Keypair().pubkey()
    await sender.rehearse(await sender.draft(transfer_to(to, SOL), compute_units=UNITS))
    assert await any_client.account(to) is None
    with pytest.raises(TransactionRefused) as refused:
        await sender.rehearse(await sender.draft(transfer_to(to, 1_000 * SOL), compute_units=UNITS))
    assert refused.value.name == "ResultWithNegativeLamports"


async def test_refused_before_it_is_sent(any_client: ChainClient) -> None:
    sender = await make_sender(any_client)
    with pytest.raises(TransactionRefused) as refused:
        await sender.send(transfer_to(Keypair().pubkey(), 1_000 * SOL), compute_units=UNITS)
    assert (refused.value.program, refused.value.code) == (SYSTEM_PROGRAM, 1)
    assert refused.value.name == "ResultWithNegativeLamports"
    assert "insufficient lamports" in "".join(refused.value.logs)


async def test_refused_when_it_is_executed(any_client: ChainClient) -> None:
    """It passed its trial; what it needs was gone by the time it was executed."""
    sender, to = await make_sender(any_client, payers=1), Keypair().pubkey()
    first, second = [
        await sender.prepare(transfer_to(to, 60 * SOL), compute_units=UNITS) for _ in range(2)
    ]
    await any_client.send_raw(first.raw)
    await any_client.send_raw(second.raw, preflight=False)
    with pytest.raises(TransactionRefused) as refused:
        await asyncio.gather(sender.deliver(first), sender.deliver(second))
    assert refused.value.name == "ResultWithNegativeLamports"
    assert "insufficient lamports" in "".join(refused.value.logs)
    assert await any_client.balance(to) == 60 * SOL


async def test_programs_own_name_for_an_error(client: ChainClient) -> None:
    sender, wallet = await make_sender(client), Keypair()
    addresses = Addresses(PROGRAM.id, PROGRAM.id, PROGRAM.id)

    with pytest.raises(TransactionRefused) as refused:
        await sender.send(
            lambda payer: [
                PROGRAM.instruction(
                    "register_user",
                    {"user_type": "Prosumer"},
                    {
                        "config": addresses.registry_config(),  # which nobody has initialised
                        "wallet": wallet.pubkey(),
                        "user": addresses.user(wallet.pubkey()),
                        "payer": payer,
                    },
                )
            ],
            [wallet],
            compute_units=20_000,
        )
    assert refused.value.program == PROGRAM.id
    assert refused.value.code is not None
    known = PROGRAM.error(refused.value.code)
    assert known is not None
    assert (refused.value.name, refused.value.message) == (known.name, known.msg)


async def test_compute_limit_is_in_front_and_the_order_stays(client: ChainClient) -> None:
    sender = await make_sender(client)
    targets = [Keypair().pubkey() for _ in range(3)]
    prepared = await sender.prepare(
        lambda payer: [transfer_to(to, SOL)(payer)[0] for to in targets], compute_units=5_000
    )
    message = SignedTransaction.from_bytes(prepared.raw).message
    called = [message.account_keys[each.program_id_index] for each in message.instructions]
    assert called == [COMPUTE_BUDGET, *[SYSTEM_PROGRAM] * 3]
    limit = int.from_bytes(message.instructions[0].data[1:], "little")
    assert 5_000 <= limit < 5_000 + 1_024
    assert [message.account_keys[each.accounts[1]] for each in message.instructions[1:]] == targets


async def test_payers_take_turns(client: ChainClient) -> None:
    sender = await make_sender(client, payers=3)
    payers = []
    for _ in range(6):
        prepared = await sender.prepare(transfer_to(Keypair().pubkey(), SOL))
        payers.append(SignedTransaction.from_bytes(prepared.raw).message.account_keys[0])
    assert len(set(payers)) == 3
    assert payers[:3] == payers[3:]


def test_pool_needs_a_payer() -> None:
    with pytest.raises(ValueError, match="there is no fee payer"):
        FeePayerPool([])


class CountingClient(ChainClient):
    """Counts how often it is asked what became of transactions, and for blockhashes."""

    status_calls = 0
    blockhash_calls = 0

    async def signature_statuses(
        self, signatures: Sequence[str], *, search_history: bool = False
    ) -> list[SignatureStatus | None]:
        self.status_calls += 1
        return await super().signature_statuses(signatures, search_history=search_history)

    async def latest_blockhash(self) -> LatestBlockhash:
        self.blockhash_calls += 1
        return await super().latest_blockhash()


async def test_waiting_for_many_asks_for_all_at_once(local_url: str) -> None:
    client = CountingClient(local_url)
    sender, to = await make_sender(client), Keypair().pubkey()
    before = client.status_calls
    prepared = [await sender.prepare(transfer_to(to, SOL), compute_units=UNITS) for _ in range(100)]
    assert client.blockhash_calls <= 3
    await asyncio.gather(*(sender.deliver(each) for each in prepared))
    assert client.status_calls - before < 50
    await client.close()


async def test_never_executed_in_time(tmp_path: Path) -> None:
    """The transaction is lost on its way; when its blockhash is gone, it is given up for good."""
    time = harness.FakeTime()
    async with harness.served(tmp_path, time, Genesis(programs=())) as url:
        client = ChainClient(url)
        sender = await quick_sender(client)
        to = Keypair().pubkey()
        prepared = await sender.prepare(transfer_to(to, SOL))
        time.pass_s(61)
        with pytest.raises(TransactionExpired, match="make a new one") as expired:
            await sender.deliver(prepared)
        assert expired.value.signature == prepared.signature
        assert await client.balance(to) == 0
        await client.close()


async def test_executed_in_time_and_asked_for_late(tmp_path: Path) -> None:
    time = harness.FakeTime()
    async with harness.served(tmp_path, time, Genesis(programs=())) as url:
        client = ChainClient(url)
        sender = await quick_sender(client)
        prepared = await sender.prepare(transfer_to(Keypair().pubkey(), SOL))
        await sender.submit(prepared)
        time.pass_s(61)
        assert (await sender.deliver(prepared)).signature == prepared.signature
        await client.close()


class ShortMemoryClient(ChainClient):
    """A node that knows older transactions only when it searches its history."""

    async def signature_statuses(
        self, signatures: Sequence[str], *, search_history: bool = False
    ) -> list[SignatureStatus | None]:
        if not search_history:
            return [None] * len(signatures)
        return await super().signature_statuses(signatures, search_history=True)


async def test_history_is_searched_before_a_transaction_is_given_up(tmp_path: Path) -> None:
    time = harness.FakeTime()
    async with harness.served(tmp_path, time, Genesis(programs=())) as url:
        payer = Keypair()
        async with harness.connected(url) as rpc:
            await rpc.call("requestAirdrop", str(payer.pubkey()), 100 * SOL)
        client = ShortMemoryClient(url)
        sender = TransactionSender(client, FeePayerPool([payer]), {}, resend_after_s=0.05)
        prepared = await sender.prepare(transfer_to(Keypair().pubkey(), SOL))
        await sender.submit(prepared)
        time.pass_s(61)
        assert (await sender.deliver(prepared)).signature == prepared.signature
        await client.close()


class ForgetfulClient(ChainClient):
    """Loses the first transactions that it is given, as a network may."""

    losses = 2

    async def send_raw(self, raw: bytes, *, preflight: bool = True) -> str:
        if self.losses:
            self.losses -= 1
            return "lost"
        return await super().send_raw(raw, preflight=preflight)


async def test_lost_transaction_is_sent_again(local_url: str) -> None:
    client = ForgetfulClient(local_url)
    sender, to = await quick_sender(client), Keypair().pubkey()
    prepared = await sender.prepare(transfer_to(to, SOL))
    assert (await sender.deliver(prepared)).signature == prepared.signature
    assert client.losses == 0
    assert await client.balance(to) == SOL
    await client.close()


async def test_node_that_dies_and_comes_back(tmp_path: Path) -> None:
    """Deliveries under way when the chain is killed all end well, each with one effect."""
    process = harness.ChainProcess(tmp_path, port=harness.free_port())
    await process.start()
    client = ChainClient(process.url, retry_pauses_s=[0.1] * 150)
    try:
        sender, to = await make_sender(client), Keypair().pubkey()
        prepared = [await sender.prepare(transfer_to(to, SOL + each)) for each in range(30)]
        deliveries = [asyncio.create_task(sender.deliver(each)) for each in prepared]
        await asyncio.wait(deliveries, return_when=asyncio.FIRST_COMPLETED)
        process.kill()
        await process.start()
        confirmations = await asyncio.gather(*deliveries)
        assert [each.signature for each in confirmations] == [each.signature for each in prepared]
        assert await client.balance(to) == sum(SOL + each for each in range(30))
    finally:
        await client.close()
        process.kill()


async def test_chain_that_is_gone(tmp_path: Path) -> None:
    process = harness.ChainProcess(tmp_path)
    await process.start()
    client = ChainClient(process.url, retry_pauses_s=())
    sender = await make_sender(client)
    prepared = await sender.prepare(transfer_to(Keypair().pubkey(), SOL))
    process.kill()
    with pytest.raises(ChainUnavailable):
        await sender.deliver(prepared)
    await client.close()


async def quick_sender(client: ChainClient) -> TransactionSender:
    """A sender that looks again soon."""
    payer = Keypair()
    await client.airdrop(payer.pubkey(), 100 * SOL)
    return TransactionSender(client, FeePayerPool([payer]), {}, resend_after_s=0.05)
