"""What goes in and out over HTTP, route by route."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gridtokenx_hub.api.http.fields import (
    EXAMPLE_SIGNATURE,
    EXAMPLE_WALLET,
    Address,
    AlgorithmName,
    Base64,
    Energy,
    Grx,
    Hex,
    Identifier,
    Name,
    Number,
    Power,
    UserType,
    text,
)


class In(BaseModel):
    """A request: no conversions, no unknown fields."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Out(BaseModel):
    """An answer; fields that are None are left out."""

    model_config = ConfigDict(frozen=True)

    def content(self) -> dict[str, Any]:
        """Return the members of the JSON object."""
        return self.model_dump(exclude_none=True, by_alias=True)


class OwnerMustSign(Out):
    """The hub does not hold an owner's wallet: the owner signs this and sends it back."""

    owner_wallet: str = Field(examples=[EXAMPLE_WALLET])
    transaction: str = Field(description="base64; with the signature of the other owner, if any")
    last_valid_block_height: int = Field(examples=[12345], description="it expires after that")


class CreateUser(In):
    """Register a household."""

    name: Name = Field(examples=["Solar Home A"])
    user_type: UserType
    wallet: Address | None = Field(None, description="the household's own; else the hub makes one")


class NewUser(Out):
    """A registered household."""

    user_id: int = Field(examples=[1])
    wallet: str = Field(examples=[EXAMPLE_WALLET])


class CreatedUser(NewUser):
    """A registered household; its token is shown this once."""

    token: str = Field(examples=["gtx_…"])


class Me(Out):
    """Who holds the token."""

    role: Literal["operator", "installer", "user", "monitor"]
    user_id: int | None = None
    wallet: str | None = None
    name: str | None = None


class Balances(Out):
    """What a user's wallet holds on chain."""

    energy_kwh: Number
    grx: Number
    energy_account: str = Field(examples=[EXAMPLE_WALLET], description="token account")
    grx_account: str = Field(examples=[EXAMPLE_WALLET], description="token account")


class RegisterMeter(In):
    """Register a meter by the first reading that its device signed."""

    user_id: Identifier
    baseline: Annotated[
        Base64, text("0oRDoQEnoQRI…", "base64 of the signed reading with sequence 1 (COSE_Sign1)")
    ]
    public_key: Annotated[Hex, text("d75a98…", "32 bytes (Ed25519) or 33 (P-256) in hex")]
    algorithm: AlgorithmName
    export_limit_w: Power = Field(examples=[5000])
    import_limit_w: Power = Field(examples=[10000])
    daily_export_limit_mwh: Energy = Field(alias="daily_export_limit_kwh")
    csr_pem: Annotated[str, Field(max_length=16_384)] | None = None


class RegisteredMeter(Out):
    """A registered meter; with a certificate when the broker has TLS and a request was sent."""

    meter_id: str = Field(examples=["9f2c4e1ab07d4c55a1e3b6d8f0c2e4a6"])
    tx_signature: str = Field(examples=[EXAMPLE_SIGNATURE])
    certificate_pem: str | None = None
    ca_pem: str | None = None


class MintGrx(In):
    """Give GRX to a user."""

    user_id: Identifier
    amount_micro_grx: Grx = Field(alias="amount_grx")


class MintedGrx(Out):
    """GRX that were minted."""

    user_id: int = Field(examples=[2])
    amount_grx: Number
    tx_signature: str = Field(examples=[EXAMPLE_SIGNATURE])


class ProgramAddresses(Out):
    """Addresses of the three programs."""

    registry: str
    energy_token: str
    trading: str


class Mints(Out):
    """Addresses of the two token mints."""

    energy: str
    grx: str


class Limits(Out):
    """What a request may ask for."""

    lot_kwh: Number
    max_body_bytes: int


class Deployment(Out):
    """What a device, an installer or a program must know about this hub."""

    deployment: str = Field(examples=["9b1c2d3e"])
    genesis_hash: str
    programs: ProgramAddresses
    mints: Mints
    settlement_interval_s: int = Field(examples=[900])
    ack_algorithm: AlgorithmName
    ack_public_key: str = Field(description="devices pin this key: the hub signs acks by it")
    limits: Limits


class Readiness(Out):
    """All that the hub stands on is ready."""

    status: Literal["ready"]


class Health(Out):
    """Whether the hub can serve."""

    status: Literal["ok"]
    slot: int = Field(examples=[12345])
