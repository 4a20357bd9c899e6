import base64
from typing import Any

import pytest
from solders.keypair import Keypair
from solders.token import ID as TOKEN_PROGRAM

from gridtokenx_hub import base58
from gridtokenx_hub.chain import RequestRefused
from gridtokenx_hub.chain.rpc import RpcConnection
from gridtokenx_hub.local_chain.zstd import stored

from . import harness, tokens

CLOCK = "SysvarC1ock11111111111111111111111111111111"
TOKENS = 12_345_600
DECIMALS = 6


async def test_account_as_it_is(rpc: RpcConnection) -> None:
    address = (await harness.funded(rpc, 3 * harness.SOL)).pubkey()
    answer: Any = await rpc.call("getAccountInfo", str(address), {"encoding": "base64"})
    assert answer["value"] == {
        "data": ["", "base64"],
        "executable": False,
        "lamports": 3 * harness.SOL,
        "owner": "11111111111111111111111111111111",
        "rentEpoch": 0,
        "space": 0,
    }
    slot: Any = await rpc.call("getSlot")
    assert slot >= answer["context"]["slot"]


async def test_absent_account_is_null(rpc: RpcConnection) -> None:
    answer: Any = await rpc.call("getAccountInfo", str(Keypair().pubkey()))
    assert answer["value"] is None
    assert await harness.balance(rpc, Keypair().pubkey()) == 0


async def test_encodings_and_slices(rpc: RpcConnection) -> None:
    async def data(**config: Any) -> Any:
        answer: Any = await rpc.call("getAccountInfo", CLOCK, config)
        return answer["value"]["data"]

    whole, encoding = await data(encoding="base64")
    assert (encoding, len(base64.b64decode(whole))) == ("base64", 40)
    assert base58.decode(await data()) == base64.b64decode(whole)
    assert await data(encoding="base58") == [await data(), "base58"]
    part = {"offset": 8, "length": 8}
    assert (
        base64.b64decode((await data(encoding="base64", dataSlice=part))[0])
        == (base64.b64decode(whole)[8:16])
    )
    assert await data(encoding="base64", dataSlice={"offset": 99, "length": 8}) == ["", "base64"]
    frame, encoding = await data(encoding="base64+zstd", dataSlice=part)
    assert encoding == "base64+zstd"
    assert base64.b64decode(frame) == stored(base64.b64decode(whole)[8:16])


async def test_base58_is_for_small_accounts(rpc: RpcConnection) -> None:
    owner = await harness.funded(rpc)
    minted = await tokens.mint_to_new_account(rpc, owner, 1, 0)
    with pytest.raises(RequestRefused) as refused:
        await rpc.call("getAccountInfo", str(minted.account))
    assert (refused.value.code, refused.value.message) == (
        -32600,
        "Encoded binary (base 58) data should be less than 128 bytes, please use Base64 encoding.",
    )


async def test_several_accounts_at_once(rpc: RpcConnection) -> None:
    address = (await harness.funded(rpc)).pubkey()
    answer: Any = await rpc.call("getMultipleAccounts", [str(address), str(Keypair().pubkey())])
    there, absent = answer["value"]
    assert there["lamports"] == 100 * harness.SOL
    assert absent is None


async def test_tokens(rpc: RpcConnection) -> None:
    owner = await harness.funded(rpc)
    minted = await tokens.mint_to_new_account(rpc, owner, TOKENS, DECIMALS)
    amount = {
        "amount": "12345600",
        "decimals": 6,
        "uiAmount": 12.3456,
        "uiAmountString": "12.3456",
    }
    held: Any = await rpc.call("getTokenAccountBalance", str(minted.account))
    supply: Any = await rpc.call("getTokenSupply", str(minted.mint))
    assert held["value"] == supply["value"] == amount

    choices: Any = ({"mint": str(minted.mint)}, {"programId": str(TOKEN_PROGRAM)})
    for choice in choices:
        owned: Any = await rpc.call(
            "getTokenAccountsByOwner", str(owner.pubkey()), choice, {"encoding": "base64"}
        )
        assert [entry["pubkey"] for entry in owned["value"]] == [str(minted.account)]


@pytest.mark.parametrize(
    ("method", "extra", "message"),
    [
        ("getTokenAccountBalance", (), "Invalid param: not a Token account"),
        ("getTokenSupply", (), "Invalid param: not a Token mint"),
    ],
)
async def test_what_is_no_token(
    rpc: RpcConnection, method: str, extra: tuple[Any, ...], message: str
) -> None:
    address = (await harness.funded(rpc)).pubkey()
    with pytest.raises(RequestRefused, match=message):
        await rpc.call(method, str(address), *extra)
    with pytest.raises(RequestRefused, match="Invalid param: could not find account"):
        await rpc.call(method, str(Keypair().pubkey()), *extra)


async def test_accounts_of_a_program_pass_every_filter(rpc: RpcConnection) -> None:
    owner = await harness.funded(rpc)
    minted = await tokens.mint_to_new_account(rpc, owner, TOKENS, DECIMALS)

    async def found(*filters: Any) -> list[str]:
        config: Any = {"encoding": "base64", "filters": list(filters)}
        answer: Any = await rpc.call("getProgramAccounts", str(TOKEN_PROGRAM), config)
        return [entry["pubkey"] for entry in answer]

    of_owner = {"memcmp": {"offset": 32, "bytes": str(owner.pubkey())}}
    assert await found(of_owner) == [str(minted.account)]
    assert await found({"dataSize": 165}, of_owner) == [str(minted.account)]
    assert await found({"dataSize": 82}, of_owner) == []
    in_base64 = base64.b64encode(bytes(minted.mint)).decode()
    of_mint = {"memcmp": {"offset": 0, "bytes": in_base64, "encoding": "base64"}}
    assert await found(of_mint, of_owner) == [str(minted.account)]
    as_numbers = {"memcmp": {"offset": 0, "bytes": list(bytes(minted.mint))}}
    assert await found(as_numbers, of_owner) == [str(minted.account)]


async def test_program_accounts_with_context(rpc: RpcConnection) -> None:
    answer: Any = await rpc.call(
        "getProgramAccounts", str(Keypair().pubkey()), {"withContext": True}
    )
    assert answer["value"] == []
    assert "slot" in answer["context"]


async def test_rent(rpc: RpcConnection) -> None:
    assert await rpc.call("getMinimumBalanceForRentExemption", 165) == 2_039_280
