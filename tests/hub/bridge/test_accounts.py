"""From which EVM account a user pays: sealed, proved, one's own, and never lost."""

import asyncio
import datetime as dt
from typing import Any

import httpx
import pytest
from baht_world import Baht
from coincurve import PrivateKey
from hub_world import HubWorld, User, expect, expect_problem
from solders.pubkey import Pubkey
from test_reservations import reserved

from gridtokenx_hub.api.baht.evm_accounts import STATEMENT
from gridtokenx_hub.bridge import EvmAccounts
from gridtokenx_hub.clocks import utc_now
from gridtokenx_hub.settings import ApiSettings
from gridtokenx_hub.wallets import VaultError, rotate_key
from gridtokenx_programs.evm import address_of_key, personal_digest, sign
from gridtokenx_programs.evm.words import checksummed

pytestmark = pytest.mark.asyncio(loop_scope="session")

ACCOUNT, ASK = "/api/bridge/account", "/api/bridge/account/challenges"


def hexed(data: bytes) -> str:
    return f"0x{data.hex()}"


async def ask(world: HubWorld, user: User, key: PrivateKey) -> dict[str, Any]:
    body = {"address": hexed(address_of_key(key))}
    return expect(await world.post(ASK, body, user.token), 201)


async def choose(
    world: HubWorld,
    user: User,
    key: PrivateKey,
    challenge: dict[str, Any],
    by: PrivateKey | None = None,
    **more: Any,
) -> httpx.Response:
    """Sign the challenge's text and send it."""
    body = {
        "custody": "own",
        "address": hexed(address_of_key(key)),
        "nonce": challenge["nonce"],
        "signature": hexed(sign(by or key, personal_digest(challenge["message"]))),
    }
    return await world.post(ACCOUNT, body | more, user.token)


async def held(world: HubWorld, user: User) -> str:
    answer = expect(await world.post(ACCOUNT, {"custody": "hub"}, user.token), 201)
    assert answer["custody"] == "hub"
    return str(answer["address"])


async def in_use(world: HubWorld, user: User) -> dict[str, Any] | None:
    return expect(await world.get(ACCOUNT, user.token), 200).get("account")


async def test_the_hub_holds_one(baht: Baht) -> None:
    """Drawn once, the same for ever, and its key opens to it."""
    user = await baht.world.user()
    assert await in_use(baht.world, user) is None
    addresses = await asyncio.gather(*(held(baht.world, user) for _ in range(3)))
    assert len(set(addresses)) == 1
    shown = await in_use(baht.world, user)
    assert shown == {"address": addresses[0], "custody": "hub"}
    key = await baht.bridge.accounts.key(bytes.fromhex(addresses[0][2:]))
    assert key is not None
    assert hexed(address_of_key(key)) == addresses[0]


async def test_one_of_their_own(baht: Baht) -> None:
    user, key = await baht.world.user(), PrivateKey()
    answer = await choose(baht.world, user, key, await ask(baht.world, user, key))
    own = {"address": hexed(address_of_key(key)), "custody": "own"}
    assert expect(answer, 201) == own
    assert await in_use(baht.world, user) == own
    assert await baht.bridge.accounts.key(address_of_key(key)) is None
    drawn = await held(baht.world, user)
    assert await in_use(baht.world, user) == {"address": drawn, "custody": "hub"}
    answer = await choose(baht.world, user, key, await ask(baht.world, user, key))
    assert expect(answer, 201) == own
    assert await baht.bridge.accounts.key(bytes.fromhex(drawn[2:])) is not None, "a refund's"
    assert await held(baht.world, user) == drawn


async def test_the_text(baht: Baht) -> None:
    """As EIP-4361 has it, line by line."""
    user, key = await baht.world.user(), PrivateKey()
    challenge = await ask(baht.world, user, key)
    lines = challenge["message"].split("\n")
    assert lines[:7] == [
        "hub wants you to sign in with your Ethereum account:",
        checksummed(address_of_key(key)),
        "",
        STATEMENT.format(user_id=user.user_id),
        "",
        "URI: http://hub",
        "Version: 1",
    ]
    assert lines[7:9] == ["Chain ID: 31337", f"Nonce: {challenge['nonce']}"]
    assert challenge["nonce"].isalnum()


async def test_what_proves_nothing(baht: Baht) -> None:
    user, other, key = await baht.world.user(), await baht.world.user(), PrivateKey()
    challenge = await ask(baht.world, user, key)
    theirs = await ask(baht.world, other, key)
    for response in (
        await choose(baht.world, user, key, challenge, PrivateKey()),
        await choose(baht.world, user, key, theirs),
        await choose(baht.world, other, key, challenge),
        await choose(baht.world, user, key, challenge, nonce="0" * 60),
        await choose(baht.world, user, key, challenge, signature=hexed(bytes(65))),
        await choose(baht.world, user, key, challenge, signature=hexed(b"\xff" * 64 + b"\x1b")),
        await choose(baht.world, user, key, challenge | {"message": challenge["message"] + " "}),
        await choose(baht.world, user, PrivateKey(), challenge),
    ):
        expect_problem(response, 403, "AccountNotProved")
    with baht.world.having(settings=ApiSettings(public_url="http://other")):
        expect_problem(await choose(baht.world, user, key, challenge), 403, "AccountNotProved")
    for later in (dt.timedelta(minutes=6), dt.timedelta(minutes=-6)):
        then = utc_now() + later
        with baht.world.having(clock=lambda then=then: then):
            response = await choose(baht.world, user, key, challenge)
            expect_problem(response, 403, "AccountNotProved")
    expect(await choose(baht.world, user, key, challenge), 201)
    expect_problem(await choose(baht.world, user, key, challenge), 403, "AccountNotProved")


async def test_an_account_is_one_users(baht: Baht) -> None:
    user, other, key = await baht.world.user(), await baht.world.user(), PrivateKey()
    expect(await choose(baht.world, user, key, await ask(baht.world, user, key)), 201)
    response = await choose(baht.world, other, key, await ask(baht.world, other, key))
    expect_problem(response, 409, "AddressTaken")
    assert await in_use(baht.world, other) is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"custody": "bank"},
        {"custody": "own"},
        {"custody": "hub", "address": hexed(bytes(20))},
        {"custody": "own", "address": "0x12", "nonce": "", "signature": hexed(bytes(65))},
        {"custody": "own", "address": hexed(bytes(20)), "nonce": "", "signature": "0x"},
        {"custody": "own", "address": 5, "nonce": "", "signature": None},
    ],
)
async def test_input(baht: Baht, body: dict[str, Any]) -> None:
    user = await baht.world.user()
    expect_problem(await baht.world.post(ACCOUNT, body, user.token), 422, "InvalidRequest")


async def test_a_quote_stays_with_its_account(baht: Baht) -> None:
    """Who chooses another account meanwhile still pays, and is refunded, from the first."""
    buyer, answer = await reserved(baht, 1)
    key = PrivateKey()
    expect(await choose(baht.world, buyer, key, await ask(baht.world, buyer, key)), 201)
    path = f"/api/bridge/payments/{answer['reservation_id']}"
    shown = expect(await baht.world.get(path, buyer.token), 200)
    assert shown["payment"] == answer["payment"]
    assert shown["payer"] == answer["payment"]["quote"]["payer"]


async def test_sealed_and_rotated(baht: Baht) -> None:
    """The key that seals wallets seals these, and is changed for both."""
    user = await baht.world.user()
    address = bytes.fromhex((await held(baht.world, user))[2:])
    row = "SELECT key_id, nonce, ciphertext FROM evm_accounts WHERE address = $1"
    before = await baht.world.pool.fetchrow(row, address)
    key = await baht.bridge.accounts.key(address)
    assert key is not None
    assert key.secret not in before["ciphertext"]
    key_file = baht.world.folder / "keys" / "wallets.seed"
    done = await rotate_key(baht.world.pool, key_file)
    after = await baht.world.pool.fetchrow(row, address)
    assert after["key_id"] == done.key_id != before["key_id"]
    done.retired.unlink()
    fresh = EvmAccounts(baht.world.pool, key_file, utc_now)
    opened = await fresh.key(address)
    assert opened is not None
    assert opened.secret == key.secret
    assert await held(baht.world, user) == hexed(address), "no second one is drawn"


async def test_a_row_that_was_altered(baht: Baht) -> None:
    """A ciphertext moved to another's row does not open."""
    users = [await baht.world.user() for _ in range(2)]
    first, second = [bytes.fromhex((await held(baht.world, user))[2:]) for user in users]
    await baht.world.pool.execute(
        "UPDATE evm_accounts SET (nonce, ciphertext) ="
        " (SELECT nonce, ciphertext FROM evm_accounts WHERE address = $1) WHERE address = $2",
        first,
        second,
    )
    with pytest.raises(VaultError, match=f"EVM account 0x{second.hex()} was altered"):
        await baht.bridge.accounts.key(second)
    await baht.world.pool.execute("DELETE FROM evm_accounts WHERE address = $1", second)


async def test_it_follows_from_key_file_and_wallet(baht: Baht) -> None:
    """When its row is lost, the same account is drawn again."""
    user = await baht.world.user()
    address = bytes.fromhex((await held(baht.world, user))[2:])
    await baht.world.pool.execute("DELETE FROM evm_accounts WHERE address = $1", address)
    wallet = Pubkey.from_string(user.wallet)
    assert (await baht.bridge.accounts.choose_held(user.user_id, wallet)).address == address
