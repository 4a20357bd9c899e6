"""The deployment's two tokens as wallets read them: a token list (https://tokenlists.org).

The schema is `tokenlist.schema.json` of @uniswap/token-lists.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from gridtokenx_programs import Addresses

TOKEN_DECIMALS = 6
"""Of both mints: a base unit is a millionth."""

LIST_VERSION = (1, 0, 0)
LIST_TIMESTAMP = "2026-11-22T00:00:00Z"
"""When this version was made: to be changed with the version, whenever what is below changes."""
KEYWORDS = ("energy", "solar", "metering")

# The numbers that Solana's token list gave its clusters, by genesis hash.
_CHAIN_IDS = {
    "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d": 101,  # mainnet
    "4uhcVJyU9pJkvQyS88uRDiswHXSCkY3zQawwpjk2NsNY": 102,  # testnet
    "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG": 103,  # devnet
}
_CHAIN_OF_OUR_OWN = 104  # what wallets know as localnet


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Version(_Part):
    """Rises with the list: major when a token goes, minor when one comes, patch for the rest."""

    major: int
    minor: int
    patch: int


class Token(_Part):
    """One mint."""

    chain_id: int = Field(alias="chainId", description="101 mainnet, 102 testnet, 103 devnet, 104")
    address: str
    symbol: str = Field(examples=["ENERGY"])
    name: str = Field(examples=["GridTokenX Energy"])
    decimals: int = Field(examples=[6])
    logo_uri: str = Field(alias="logoURI")


class TokenList(_Part):
    """A token list, as tokenlists.org describes it."""

    name: str
    timestamp: str = Field(description="when this version of the list was made")
    version: Version
    keywords: tuple[str, ...]
    tokens: tuple[Token, ...]

    def content(self) -> dict[str, Any]:
        """Return the members of the JSON object."""
        return self.model_dump(by_alias=True)


def token_list(addresses: Addresses, genesis_hash: str, base_url: str) -> TokenList:
    """Return the list of a deployment.

    Args:
        addresses: of its programs.
        genesis_hash: of its chain, base58.
        base_url: where the hub is reached, without a slash at the end: the logos are there.
    """
    chain_id = _CHAIN_IDS.get(genesis_hash, _CHAIN_OF_OUR_OWN)
    tokens = (
        ("ENERGY", "GridTokenX Energy", addresses.energy_mint()),
        ("GRX", "GridTokenX", addresses.grx_mint()),
    )
    major, minor, patch = LIST_VERSION
    return TokenList(
        name="GridTokenX",
        timestamp=LIST_TIMESTAMP,
        version=Version(major=major, minor=minor, patch=patch),
        keywords=KEYWORDS,
        tokens=tuple(
            Token(
                chainId=chain_id,
                address=str(mint),
                symbol=symbol,
                name=name,
                decimals=TOKEN_DECIMALS,
                logoURI=f"{base_url}/logos/{symbol.lower()}.svg",
            )
            for symbol, name, mint in tokens
        ),
    )
