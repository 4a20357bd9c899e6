from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from tests.hub.onchain import (
    ADDRESSES,
    GRX_CAP,
    INTERVAL_S,
    PROGRAMS,
    Chain,
    connected,
    make_sender,
)

from gridtokenx_hub.bootstrap import BootstrapError, bootstrap, mint_to_treasury
from gridtokenx_hub.chain import ChainClient, RequestRefused
from gridtokenx_hub.keys import load_registrar, load_role_keys
from gridtokenx_programs import load
from gridtokenx_protocol.deployment import deployment_id


@pytest.fixture
async def client(chain: Chain) -> AsyncIterator[ChainClient]:
    async with connected(chain.rpc_url) as opened:
        yield opened


async def test_the_programs_are_set_up(chain: Chain, client: ChainClient) -> None:
    registry = await client.account(ADDRESSES.registry_config())
    registrar = await client.account(ADDRESSES.registrar(chain.keys.registrar))
    market = await client.account(ADDRESSES.market())
    assert registry is not None
    assert registrar is not None
    assert market is not None
    config = PROGRAMS["registry"].decode_account("Config", registry.data)
    assert config["authority"] == chain.keys.authority.pubkey()
    assert config["deployment"] == deployment_id(
        bytes(await client.genesis_hash()), bytes(ADDRESSES.registry)
    )
    assert PROGRAMS["registry"].decode_account("Registrar", registrar.data)["daily_cap"] > 0
    assert await client.token_supply(ADDRESSES.energy_mint()) == 0


async def test_a_second_time_changes_nothing(chain: Chain, client: ChainClient) -> None:
    watched = (ADDRESSES.registry, ADDRESSES.market(), chain.keys.treasury.pubkey())
    before = [await client.signatures_for_address(address) for address in watched]
    sender = make_sender(client, chain.keys)
    await bootstrap(client, sender, PROGRAMS, ADDRESSES, chain.keys, INTERVAL_S, GRX_CAP)

    assert [await client.signatures_for_address(address) for address in watched] == before


async def test_the_market_s_roles_are_handed_out(chain: Chain, client: ChainClient) -> None:
    market = await client.account(ADDRESSES.market())
    assert market is not None
    roles = PROGRAMS["trading"].decode_account("Market", market.data)
    keys = chain.keys
    assert roles["treasury"] == keys.treasury.pubkey()
    assert roles["oracle"] == keys.oracle.pubkey()
    assert roles["authority"] == roles["pauser"] == keys.authority.pubkey()


async def test_another_oracle_is_named_with_the_one_on_chain(
    chain: Chain, client: ChainClient
) -> None:
    other = replace(chain.keys, oracle=Keypair())
    told = f"oracle is {chain.keys.oracle.pubkey()}, expected {other.oracle.pubkey()}"
    with pytest.raises(BootstrapError, match=told):
        await bootstrap(
            client, make_sender(client, other), PROGRAMS, ADDRESSES, other, INTERVAL_S, GRX_CAP
        )


async def test_the_treasury_can_be_given_grx(chain: Chain, client: ChainClient) -> None:
    keys = chain.keys
    account = ADDRESSES.associated_token(keys.treasury.pubkey(), ADDRESSES.grx_mint())
    assert await client.account(account) is not None
    before = await client.token_balance(account)
    await mint_to_treasury(make_sender(client, keys), PROGRAMS, ADDRESSES, keys, 7_000_000)
    assert await client.token_balance(account) == before + 7_000_000


async def test_another_interval_is_named_with_the_one_on_chain(
    chain: Chain, client: ChainClient
) -> None:
    sender = make_sender(client, chain.keys)
    with pytest.raises(BootstrapError, match="settlement_interval_s is 1, expected 900"):
        await bootstrap(client, sender, PROGRAMS, ADDRESSES, chain.keys, 900, GRX_CAP)


async def test_another_authority_is_named_with_the_one_on_chain(
    chain: Chain, client: ChainClient
) -> None:
    other = replace(chain.keys, authority=Keypair())
    told = f"{chain.keys.authority.pubkey()}, expected {other.authority.pubkey()}"
    with pytest.raises(BootstrapError, match=told):
        await bootstrap(
            client, make_sender(client, other), PROGRAMS, ADDRESSES, other, INTERVAL_S, GRX_CAP
        )


async def test_another_treasury_or_cap_is_named(chain: Chain, client: ChainClient) -> None:
    other = replace(chain.keys, treasury=Keypair())
    with pytest.raises(BootstrapError, match=r"treasury is .* grx_cap is .*, expected 7"):
        await bootstrap(
            client, make_sender(client, other), PROGRAMS, ADDRESSES, other, INTERVAL_S, 7
        )


async def test_a_program_that_is_not_deployed_is_named(chain: Chain, client: ChainClient) -> None:
    address = Pubkey.new_unique()
    programs = {**PROGRAMS, "trading": load("trading", address)}
    with pytest.raises(BootstrapError, match=f"trading program is not on this chain at {address}"):
        await bootstrap(
            client,
            make_sender(client, chain.keys),
            programs,
            replace(ADDRESSES, trading=address),
            chain.keys,
            INTERVAL_S,
            GRX_CAP,
        )


async def test_without_a_faucet_the_error_says_who_needs_sol(chain: Chain, tmp_path: Path) -> None:
    class WithoutFaucet(ChainClient):
        async def airdrop(self, address: Pubkey, lamports: int) -> str:
            raise RequestRefused(-32601, "Method not found")

    load_registrar(tmp_path)
    keys = load_role_keys(tmp_path, 1)
    client = WithoutFaucet(chain.rpc_url)
    try:
        with pytest.raises(BootstrapError, match=f"{keys.fee_payers[0].pubkey()} has 0 lamports"):
            await bootstrap(
                client, make_sender(client, keys), PROGRAMS, ADDRESSES, keys, INTERVAL_S, GRX_CAP
            )
    finally:
        await client.close()
