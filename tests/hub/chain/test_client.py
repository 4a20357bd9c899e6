from solders.hash import Hash
from solders.keypair import Keypair
from solders.signature import Signature
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.token import ID as TOKEN_PROGRAM
from tests.hub.local_chain import harness, tokens

from gridtokenx_hub.chain import ChainClient, SignatureInfo, TransactionSender
from gridtokenx_hub.chain.confirmations import ConfirmationWatcher

from .conftest import PROGRAM, make_sender
from .transfers import transfer_to

SOL = harness.SOL


async def test_the_chain_itself(any_client: ChainClient) -> None:
    assert await any_client.genesis_hash() == await any_client.genesis_hash() != Hash.default()
    latest = await any_client.latest_blockhash()
    height = await any_client.block_height()
    assert height <= latest.last_valid_block_height <= height + 151
    slot = await any_client.slot()
    assert isinstance(await any_client.block_time(slot), int)
    assert await any_client.block_time(slot + 1_000_000) is None
    assert await any_client.minimum_rent(165) == 2_039_280


async def test_accounts(any_client: ChainClient) -> None:
    there, absent = Keypair().pubkey(), Keypair().pubkey()
    await any_client.airdrop(there, 3 * SOL)
    account = await any_client.account(there)
    assert account is not None
    assert (account.lamports, str(account.owner), account.data) == (
        3 * SOL,
        "11111111111111111111111111111111",
        b"",
    )
    assert await any_client.balance(there) == 3 * SOL
    assert await any_client.account(absent) is None
    many = [there, *[absent] * 120, there]
    found = await any_client.accounts(many)
    assert [entry is not None for entry in found] == [True, *[False] * 120, True]


async def test_program_account(client: ChainClient) -> None:
    account = await client.account(PROGRAM.id)
    assert account is not None
    assert account.executable


async def test_tokens(any_client: ChainClient, any_url: str) -> None:
    owner = Keypair()
    await any_client.airdrop(owner.pubkey(), SOL)
    async with harness.connected(any_url) as rpc:
        minted = await tokens.mint_to_new_account(rpc, owner, 4_200_000, 6)
    assert await ConfirmationWatcher(any_client).wait(minted.signature, 60)
    assert await any_client.token_balance(minted.account) == 4_200_000
    assert await any_client.token_supply(minted.mint) == 4_200_000
    assert await any_client.token_balance(Keypair().pubkey()) == 0
    assert await any_client.token_supply(Keypair().pubkey()) == 0
    transaction = await any_client.transaction(minted.signature)
    assert transaction is not None
    called = [inner.program_id for inner in transaction.inner_instructions]
    assert set(called) == {TOKEN_PROGRAM, SYSTEM_PROGRAM}
    assert {inner.outer_index for inner in transaction.inner_instructions} == {2}


async def test_many_transactions_at_once(any_client: ChainClient) -> None:
    sender = await make_sender(any_client)
    to = Keypair().pubkey()
    sent = [(await sender.send(transfer_to(to, SOL))).signature for _ in range(3)]
    absent = str(Signature.default())
    asked = [*sent, absent] * 20
    found = await any_client.transactions(asked)
    assert [each and each.signature for each in found] == [*sent, None] * 20
    assert found[0] == await any_client.transaction(sent[0])


async def test_history(any_client: ChainClient) -> None:
    sender: TransactionSender = await make_sender(any_client)
    to = Keypair().pubkey()
    sent = [(await sender.send(transfer_to(to, SOL))).signature for _ in range(3)]
    newest_first = sent[::-1]

    def signatures(infos: list[SignatureInfo]) -> list[str]:
        return [info.signature for info in infos]

    infos = await any_client.signatures_for_address(to)
    assert signatures(infos) == newest_first
    assert [info.error for info in infos] == [None] * 3
    assert signatures(
        await any_client.signatures_for_address(to, before=newest_first[0], limit=1)
    ) == [newest_first[1]]
    assert (
        signatures(await any_client.signatures_for_address(to, until=newest_first[2]))
        == newest_first[:2]
    )

    transaction = await any_client.transaction(newest_first[0])
    assert transaction is not None
    assert transaction.signature == newest_first[0]
    assert transaction.slot == infos[0].slot
    assert transaction.block_time == infos[0].block_time
    assert transaction.error is None
    assert transaction.fee_lamports == harness.FEE
    assert transaction.compute_units is not None
    assert to in transaction.instructions[-1].accounts
    assert transaction.logs[-1].endswith("success")
    assert await any_client.transaction(str(Keypair().sign_message(b""))) is None


async def test_statuses_in_any_number(client: ChainClient) -> None:
    sender = await make_sender(client)
    sent = (await sender.send(transfer_to(Keypair().pubkey(), SOL))).signature
    unknown = str(Keypair().sign_message(b""))
    statuses = await client.signature_statuses([unknown, *[sent] * 300], search_history=True)
    assert statuses[0] is None
    assert all(status is not None and status.is_confirmed for status in statuses[1:])
