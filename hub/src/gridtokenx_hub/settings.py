"""Settings of the hub: `hub.toml` in its folder, overridden by `GTX_…` variables.

A variable names its table and key: `GTX_API__PORT=8090` is `port` under `[api]`.
"""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    ValidationError,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from solders.pubkey import Pubkey

from gridtokenx_hub.oracle.settings import OracleSettings
from gridtokenx_programs import PROGRAM_NAMES, Addresses, Program, load
from gridtokenx_programs.evm import BridgeId
from gridtokenx_programs.evm.words import ADDRESS, unhex

SECONDS_PER_DAY = 86_400
WEI_PER_GWEI = 10**9
FILE_NAME = "hub.toml"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

Port = Annotated[int, Field(ge=1, le=65_535)]


class SettingsError(ValueError):
    """A setting is wrong; the message names each one and what was expected."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _address(value: object) -> object:
    try:
        return Pubkey.from_string(value) if isinstance(value, str) else value
    except ValueError as error:
        raise ValueError("an address in base58") from error


def _contract(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return unhex(value, ADDRESS)
    except ValueError as error:
        raise ValueError("a contract's address: 0x and 40 hex digits") from error


ProgramAddress = Annotated[InstanceOf[Pubkey] | None, BeforeValidator(_address)]


class ProgramSettings(_Table):
    """Where the programs are deployed, each by its name; left out: at the address in its IDL."""

    registry: ProgramAddress = None
    energy_token: ProgramAddress = None
    trading: ProgramAddress = None


class ChainSettings(_Table):
    """The chain, by its JSON-RPC address; `gtx-hub chain` serves a local one there.

    Its websocket is where Solana's clients seek it, unless `websocket_url` says where.
    """

    rpc_url: str = "http://127.0.0.1:8899"
    websocket_url: str | None = None
    settlement_interval_s: Annotated[int, Field(ge=1, le=SECONDS_PER_DAY)] = 900
    grx_cap_grx: Annotated[int, Field(ge=1, le=10_000_000_000)] = 1_000_000_000
    fee_payers: Annotated[int, Field(ge=1, le=64)] = 4
    programs: ProgramSettings = ProgramSettings()

    def load_programs(self) -> dict[str, Program]:
        """Load the programs by their names, each where it is deployed."""
        return {name: load(name, getattr(self.programs, name)) for name in PROGRAM_NAMES}

    @property
    def addresses(self) -> Addresses:
        """Where the programs' accounts are."""
        return Addresses(*(program.id for program in self.load_programs().values()))

    @property
    def port(self) -> int:
        """The port of `rpc_url`."""
        return urlsplit(self.rpc_url).port or 8899

    @property
    def websocket(self) -> str:
        """The address of the websocket: at the next port, or where no port is named at the same."""
        if self.websocket_url is not None:
            return self.websocket_url
        rpc = urlsplit(self.rpc_url)
        host, _, port = rpc.netloc.rpartition(":")
        netloc = f"{host}:{int(port) + 1}" if rpc.port is not None else rpc.netloc
        return rpc._replace(scheme=rpc.scheme.replace("http", "ws", 1), netloc=netloc).geturl()


class DatabaseSettings(_Table):
    """PostgreSQL by its URL; without one, the embedded server in the hub's folder."""

    url: str | None = None


class BrokerChoice(_Table):
    """The broker beside the hub; with the name by which devices elsewhere reach it."""

    kind: Literal["mosquitto", "rumqttd"] = "mosquitto"
    port: Port = 8883
    name: Annotated[str, Field(pattern=r"^[0-9A-Za-z.:-]{1,253}$")] | None = None


class SettlementSettings(_Table):
    """How often a meter's surplus is settled on chain; once a day unless told otherwise."""

    period_s: Annotated[int, Field(ge=1)] = SECONDS_PER_DAY


class ApiSettings(_Table):
    """Where the HTTP API and the pages are served, and what callers may ask for.

    `public_url` is how browsers and wallets reach the hub, where a proxy is in front of it. The
    limits are for each user, installer and unknown address; operators have none. With
    `registrations_per_day`, so many wallets a day may register themselves, at the hub's cost.
    `suggested_rpc_url` is the node that the pages suggest to visitors who check what they see.
    """

    host: str = "127.0.0.1"
    port: Port = 8080
    public_url: Annotated[str, Field(pattern=r"^https?://[0-9A-Za-z.:\[\]-]{1,253}$")] | None = None
    suggested_rpc_url: str | None = None
    requests_per_s: Annotated[int, Field(ge=1, le=1_000_000)] = 20
    transactions_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 60
    registrations_per_day: Annotated[int, Field(ge=0, le=1_000_000)] = 0

    @property
    def url(self) -> str:
        """How the hub is reached."""
        return self.public_url or f"http://{self.host}:{self.port}"


class BridgeSettings(_Table):
    """The baht bridge on its EVM chain, and the guardians who watch it.

    `websocket_url` only wakes the listener; `confirmations` is for nodes that do not know which
    block is `finalized`; `guardians` are the addresses of their HTTP servers. The hub's own
    transactions wait while a unit of gas costs more than `max_fee_gwei`.
    """

    rpc_url: str
    websocket_url: str | None = None
    chain_id: Annotated[int, Field(ge=1, le=2**63 - 1)]
    address: Annotated[bytes, BeforeValidator(_contract)]
    start_block: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    confirmations: Annotated[int, Field(ge=0, le=10_000)] | None = None
    guardians: Annotated[tuple[str, ...], Field(min_length=1, max_length=16)]
    max_fee_gwei: Annotated[int, Field(ge=1, le=1_000_000)] = 200

    @property
    def max_fee_wei(self) -> int:
        """The most that a unit of gas may cost."""
        return self.max_fee_gwei * WEI_PER_GWEI

    @property
    def id(self) -> BridgeId:
        """Which bridge."""
        return BridgeId(self.chain_id, self.address)


class Settings(BaseSettings):
    """All settings of one hub.

    Without `bridge`, energy is sold for GRX alone; without `oracle`, this hub posts no rate.
    """

    model_config = SettingsConfigDict(
        env_prefix="GTX_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    chain: ChainSettings = ChainSettings()
    database: DatabaseSettings = DatabaseSettings()
    broker: BrokerChoice = BrokerChoice()
    settlement: SettlementSettings = SettlementSettings()
    api: ApiSettings = ApiSettings()
    bridge: BridgeSettings | None = None
    oracle: OracleSettings | None = None

    @property
    def public_rpc_url(self) -> str:
        """The node that is suggested to visitors, empty for none.

        The hub's own address may hold a secret: only that of a node on this machine is told.
        """
        if self.api.suggested_rpc_url is not None:
            return self.api.suggested_rpc_url
        own = self.chain.rpc_url
        return own if urlsplit(own).hostname in LOOPBACK else ""


def load_settings(folder: Path) -> Settings:
    """Read the settings of the hub that lives in `folder`.

    Raises:
        SettingsError: the file cannot be read, or a value is not what it must be.
    """
    path = folder / FILE_NAME

    class FromFile(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return env_settings, TomlConfigSettingsSource(settings_cls, path)

    try:
        return FromFile()
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()
        )
        raise SettingsError(f"{path}: {wrong}") from error
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
