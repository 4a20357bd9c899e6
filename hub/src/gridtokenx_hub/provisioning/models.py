"""What goes in and out over HTTP for provisioning."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from gridtokenx_hub.api.http.fields import (
    EXAMPLE_SIGNATURE,
    EXAMPLE_TIME,
    EXAMPLE_WALLET,
    AlgorithmName,
    Base64,
    Hex,
    Number,
    text,
)
from gridtokenx_hub.api.http.models import In, Out

EXAMPLE_METER = "9f2c4e1ab07d4c55a1e3b6d8f0c2e4a6"

CodePurpose = Literal["install", "rotate_key", "replace_meter", "transfer", "revoke"]
CodeText = Annotated[str, Field(max_length=256, examples=["K7QF-9M2X-4TDA-W3HN"])]


def plain_serial(text: str) -> str:
    """Return a serial number without the zeros in front that a meter's register cannot show."""
    return str(int(text)) if text.isascii() and text.isdigit() else text


Serial = Annotated[
    str, Field(min_length=1, max_length=64, examples=["4711-0815"]), AfterValidator(plain_serial)
]
CertificateRequest = Annotated[str, Field(max_length=16_384)]
SignedReading = Annotated[
    Base64, text("0oRDoQEnoQRI…", "base64 of the reading that the device signed (COSE_Sign1)")
]
MeterIdText = Annotated[str, Field(pattern="^[0-9a-f]{32}$", examples=[EXAMPLE_METER])]


class Whole(Out):
    """An answer with all its fields: what is not there is null."""

    def content(self) -> dict[str, Any]:
        """Return the members of the JSON object."""
        return self.model_dump()


class ClaimMeter(In):
    """A device claims a code with its public key."""

    code: CodeText
    purpose: CodePurpose = Field(description="what it wants to do with the code")
    meter_id: MeterIdText | None = Field(None, description="beside which it is, once installed")
    algorithm: AlgorithmName
    public_key: Annotated[Hex, text("d75a98…", "32 bytes (Ed25519) or 33 (P-256) in hex")]
    serial: Serial | None = None
    time_ms: Annotated[int, Field(ge=0, le=2**63 - 1, description="the device's clock, Unix ms")]


class BrokerAddress(Out):
    """Where the device connects to."""

    host: str
    port: int


class Claim(Whole):
    """What a device must know to sign its baseline and to write its settings."""

    meter_id: str = Field(examples=[EXAMPLE_METER])
    deployment: str = Field(examples=["9b1c2d3e"])
    settlement_interval_s: int
    ack_key: str
    ack_algorithm: AlgorithmName
    export_limit_w: int
    import_limit_w: int
    daily_export_limit_kwh: Number
    owner_wallet: str = Field(examples=[EXAMPLE_WALLET])
    owner_name: str
    suspended: bool = Field(description="the chain takes no reading of the key in force")
    broker: BrokerAddress
    ca_pem: str | None = None
    hub_time_ms: int


class Register(In):
    """The claimed device's first reading, and its certificate request."""

    code: CodeText
    baseline: SignedReading
    csr_pem: CertificateRequest | None = None


class OwnerSigned(In):
    """The transaction that was answered, with an owner's signature in it."""

    code: CodeText
    transaction: Annotated[Base64, text("AgAAAA…", "base64 of the transaction that was answered")]


class Registered(Whole):
    """It is on chain; with a certificate when the broker has TLS and one was asked for."""

    tx_signature: str = Field(examples=[EXAMPLE_SIGNATURE])
    certificate_pem: str | None = None
    ca_pem: str | None = None


class ProveByReading(In):
    """A reading that the device signed."""

    code: CodeText
    reading: SignedReading


class RotateKey(ProveByReading):
    """A reading that the new key signed, and the word of the key in force."""

    handover: Annotated[
        Base64,
        text("0oRDoQEn…", "base64 of COSE_Sign1 by the key in force over the new key's CBOR"),
    ]


class PresentCode(In):
    """The code alone."""

    code: CodeText


class Changed(Out):
    """The change is on chain."""

    tx_signature: str = Field(examples=[EXAMPLE_SIGNATURE])


class LastReading(Out):
    """The last reading that the hub has stored of a meter."""

    sequence: int
    time_ms: int
    produced_mwh: int
    consumed_mwh: int


class ClaimStatus(Whole):
    """How far a claim is."""

    state: Literal["open", "claimed", "done"]
    registered: bool
    tx_signature: str | None = None
    last_reading: LastReading | None = None


class Handover(Out):
    """What the commissioning sheet says."""

    meter_id: str = Field(examples=[EXAMPLE_METER])
    tx_signature: str = Field(examples=[EXAMPLE_SIGNATURE])
    owner_name: str
    owner_wallet: str = Field(examples=[EXAMPLE_WALLET])
    key_id: str = Field(examples=["1f8e9c0d7b6a5f4e"])
    registered_at: str = Field(examples=[EXAMPLE_TIME])


class RenewCertificate(In):
    """A certificate request that the meter's own key signed."""

    request: Annotated[Base64, text("0oRDoQEn…", "base64 of COSE_Sign1 over the request's CBOR")]


class RenewedCertificate(Out):
    """A new client certificate."""

    certificate_pem: str
    ca_pem: str
    expires_at: str = Field(examples=[EXAMPLE_TIME])
