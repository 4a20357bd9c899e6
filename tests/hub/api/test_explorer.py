"""Transactions and accounts, decoded."""

import pytest
from hub_world import HubWorld, expect, expect_problem
from solders.keypair import Keypair

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATH = "/api/explorer"


async def test_a_transaction(world: HubWorld) -> None:
    seller = await world.seller(3)
    order = await world.sell(seller, 2, 3)
    shown = expect(
        await world.get(f"{PATH}/transactions/{order['tx_signature']}", seller.token), 200
    )
    assert shown["succeeded"]
    assert "error" not in shown
    (made,) = (i for i in shown["instructions"] if i.get("name") == "create_order")
    assert (made["program"], made["inner"]) == ("trading", False)
    assert made["arguments"]["amount_mwh"] == 2_000_000
    roles = {account["role"]: account["address"] for account in made["accounts"]}
    assert (roles["seller"], roles["order"]) == (seller.wallet, order["order_id"])
    (event,) = (i for i in shown["instructions"] if i.get("name") == "OrderCreated")
    assert event["inner"]
    assert event["arguments"]["order"] == order["order_id"]
    assert any("Instruction" in line or "invoke" in line for line in shown["logs"])


async def test_accounts(world: HubWorld) -> None:
    seller = await world.seller(3)
    order = await world.sell(seller, 2, 3)
    addresses = world.context.addresses
    account = expect(await world.get(f"{PATH}/accounts/{order['order_id']}", seller.token), 200)
    assert (account["program"], account["kind"]) == ("trading", "Order")
    assert account["fields"]["seller"] == seller.wallet
    assert account["fields"]["status"] == "Active"

    mint = expect(await world.get(f"{PATH}/accounts/{addresses.energy_mint()}", seller.token), 200)
    assert (mint["program"], mint["kind"], mint["fields"]["decimals"]) == ("spl_token", "Mint", 6)
    balances = expect(await world.get(f"/api/users/{seller.user_id}/balances", seller.token), 200)
    token = expect(
        await world.get(f"{PATH}/accounts/{balances['energy_account']}", seller.token), 200
    )
    assert token["kind"] == "TokenAccount"
    assert token["fields"] == {
        "mint": str(addresses.energy_mint()),
        "owner": seller.wallet,
        "amount": 1_000_000,
    }
    program = expect(await world.get(f"{PATH}/accounts/{addresses.trading}", seller.token), 200)
    assert program["executable"]
    assert "kind" not in program


async def test_what_is_not_there(world: HubWorld) -> None:
    nobody = Keypair()
    signature = nobody.sign_message(b"")
    for path, error in (
        (f"transactions/{signature}", "UnknownTransaction"),
        (f"accounts/{nobody.pubkey()}", "UnknownAccount"),
    ):
        expect_problem(await world.get(f"{PATH}/{path}", world.operator), 404, error)
    for path in ("transactions/x", f"transactions/{'1' * 89}", "transactions/0OIl", "accounts/x"):
        expect_problem(await world.get(f"{PATH}/{path}", world.operator), 422, "InvalidRequest")
    for query in ({"program": "x"}, {"name": "'; --"}, {"cursor": "x"}):
        expect_problem(await world.get(f"{PATH}/events", world.operator, **query), 422)
