"""The token list and the logos, against the published schema and the real chain's mints.

The schema is that of @uniswap/token-lists 1.0.0-beta.35 (MIT, see `token_lists/LICENSE`).
"""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hub_world import HubWorld, expect_problem
from json_schema import violations
from solders.token.state import Mint

from gridtokenx_hub.api.http.middleware import SECURITY_HEADERS
from gridtokenx_hub.api.market.token_list import token_list

pytestmark = pytest.mark.asyncio(loop_scope="session")

SCHEMA = json.loads((Path(__file__).parent / "token_lists" / "tokenlist.schema.json").read_text())
LOGOS = ["/logos/energy.svg", "/logos/grx.svg"]
SVG = "{http://www.w3.org/2000/svg}"


async def served(world: HubWorld) -> dict[str, Any]:
    response = await world.get("/tokens.json")
    assert response.status_code == 200
    listed: dict[str, Any] = response.json()
    return listed


async def test_the_list_is_valid_by_the_published_schema(world: HubWorld) -> None:
    listed = await served(world)
    assert violations(listed, SCHEMA, SCHEMA) == []
    for spoilt in (
        {**listed, "name": "A name of more than thirty letters"},
        {**listed, "tokens": [{**listed["tokens"][0], "unknown": 1}]},
        {**listed, "timestamp": "2026-11-22T00:00:00"},
        {**listed, "tokens": []},
        {**listed, "tokens": [{**listed["tokens"][0], "address": "0x00"}]},
        {**listed, "tokens": [{**listed["tokens"][0], "logoURI": "/logos/energy.svg"}]},
        {key: value for key, value in listed.items() if key != "version"},
    ):
        assert violations(spoilt, SCHEMA, SCHEMA)


async def test_every_field(world: HubWorld) -> None:
    addresses = world.context.addresses
    assert await served(world) == {
        "name": "GridTokenX",
        "timestamp": "2026-11-22T00:00:00Z",
        "version": {"major": 1, "minor": 0, "patch": 0},
        "keywords": ["energy", "solar", "metering"],
        "tokens": [
            {
                "chainId": 104,
                "address": str(addresses.energy_mint()),
                "symbol": "ENERGY",
                "name": "GridTokenX Energy",
                "decimals": 6,
                "logoURI": "http://hub/logos/energy.svg",
            },
            {
                "chainId": 104,
                "address": str(addresses.grx_mint()),
                "symbol": "GRX",
                "name": "GridTokenX",
                "decimals": 6,
                "logoURI": "http://hub/logos/grx.svg",
            },
        ],
    }


async def test_decimals_are_those_of_the_mints_on_chain(world: HubWorld) -> None:
    mints = [world.context.addresses.energy_mint(), world.context.addresses.grx_mint()]
    accounts = [await world.context.client.account(mint) for mint in mints]
    on_chain = [Mint.from_bytes(account.data).decimals for account in accounts if account]
    listed = await served(world)
    assert [token["decimals"] for token in listed["tokens"]] == on_chain
    assert [token["address"] for token in listed["tokens"]] == [str(mint) for mint in mints]


@pytest.mark.parametrize(
    ("genesis_hash", "chain_id"),
    [
        ("5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d", 101),
        ("4uhcVJyU9pJkvQyS88uRDiswHXSCkY3zQawwpjk2NsNY", 102),
        ("EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG", 103),
    ],
)
async def test_public_clusters_have_their_numbers(
    world: HubWorld, genesis_hash: str, chain_id: int
) -> None:
    listed = token_list(world.context.addresses, genesis_hash, "https://hub.example")
    assert {token.chain_id for token in listed.tokens} == {chain_id}


async def test_logos_are_small_pictures_without_a_script(world: HubWorld) -> None:
    listed = await served(world)
    for token, path in zip(listed["tokens"], LOGOS, strict=True):
        response = await world.http.get(token["logoURI"])
        assert response.url.path == path
        assert response.headers["content-type"] == "image/svg+xml"
        assert len(response.content) < 2_000
        picture = ET.fromstring(response.text)  # noqa: S314 - our own file
        assert picture.tag == f"{SVG}svg"
        assert picture.findtext(f"{SVG}title") == token["symbol"]
        assert {element.tag.removeprefix(SVG) for element in picture.iter()} <= {
            "svg", "title", "linearGradient", "stop", "circle", "path", "g",
        }  # fmt: skip


@pytest.mark.parametrize("path", ["/tokens.json", *LOGOS])
async def test_caching_and_who_may_read_it(world: HubWorld, path: str) -> None:
    first = await world.get(path)
    tag = first.headers["etag"]
    assert first.headers["cache-control"].startswith("public, max-age=")
    assert first.headers["access-control-allow-origin"] == "*"
    others = {**SECURITY_HEADERS, "Cross-Origin-Resource-Policy": "cross-origin"}
    assert {name: first.headers[name] for name in others} == others

    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await world.http.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert again.headers["cache-control"] == first.headers["cache-control"]
    for unknown in ('"other"', tag.strip('"'), ""):
        again = await world.http.get(path, headers={"If-None-Match": unknown})
        assert (again.status_code, again.content) == (200, first.content)


@pytest.mark.parametrize("host", ["hub.example", "127.0.0.1:8080", "[::1]:8080"])
async def test_the_logos_are_where_the_hub_was_asked(world: HubWorld, host: str) -> None:
    response = await world.http.get("/tokens.json", headers={"Host": host})
    uris = [token["logoURI"] for token in response.json()["tokens"]]
    assert uris == [f"http://{host}{path}" for path in LOGOS]
    assert response.headers["etag"] != (await world.get("/tokens.json")).headers["etag"]


@pytest.mark.parametrize("host", ["", "[", "a b", 'hub"', "hub/..", "user@hub", "hub:port"])
async def test_a_host_that_is_none(world: HubWorld, host: str) -> None:
    response = await world.http.get("/tokens.json", headers={"Host": host})
    expect_problem(response, 400, "InvalidHost")


@pytest.mark.parametrize("name", ["thbc", "ENERGY", "..%2Fstatic%2Ficon", "energy.svg"])
async def test_a_logo_that_is_none(world: HubWorld, name: str) -> None:
    response = await world.get(f"/logos/{name}.svg")
    assert response.status_code in {404, 422}
    assert response.headers["content-type"] == "application/problem+json"
