"""What an explanation says, in the form in which it is answered, printed and checked.

Bytes are hexadecimal, integers are exact and name their unit, addresses and signatures are base58.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SIGNATURE = (
    "3AsdoALgZFuq2oUVWrDYhg2pNeaLJKPLf8hU2mQ6U8qJxeJ6hsrPVpMn9ma39DtfYCrDQSvngWRP8NnTpEhezJpE"
)
ADDRESS = "9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin"

Hex = Annotated[str, Field(pattern="^([0-9a-f]{2})*$", examples=["a163"])]
Signature = Annotated[str, Field(examples=[SIGNATURE])]
Address = Annotated[str, Field(examples=[ADDRESS])]
Kept = Literal["shown", "private", "no_longer_kept", "without_registers"]


class Part(BaseModel):
    """A part of the answer; fields that are None are left out."""

    model_config = ConfigDict(frozen=True)

    def content(self) -> dict[str, Any]:
        """Return the members of the JSON object."""
        return self.model_dump(exclude_none=True)


class Proof(Part):
    """The device's signature, as the chain itself checked it."""

    instruction: int = Field(examples=[1], description="its place in the transaction, from 0")
    algorithm: Literal["ed25519", "p256"]
    public_key: Hex = Field(description="32 bytes, or 33 of a compressed P-256 point")
    fingerprint: Hex = Field(description="SHA-256 of the public key")
    signature: Hex = Field(description="64 bytes")
    message: Hex = Field(description="what was signed: 19 bytes of COSE, then the record")


class SignedRecord(Part):
    """A record of 120 bytes, whole and by its fields."""

    record: Hex = Field(description="120 bytes")
    deployment: Hex
    meter_id: Hex
    sequence: int = Field(examples=[86_402])
    time_ms: int = Field(examples=[1_763_942_400_000])
    produced_mwh: int = Field(examples=[512_000_000])
    consumed_mwh: int = Field(examples=[230_000_000])
    surplus_mwh: int = Field(examples=[12_000_000])
    active_power_mw: int
    voltage_mv: int
    current_ma: int
    frequency_mhz: int
    flags: int = Field(examples=[7])
    previous_hash: Hex = Field(description="SHA-256 of the record before, with its extras")


class Key(Part):
    """The device's key in the registry.

    `registered_by` is left out where the node no longer has the transaction.
    """

    state: Literal["current", "previous", "replaced"] = Field(description="in the registry now")
    event: Literal["MeterRegistered", "KeyRotated"] = Field(description="that put it in force")
    tx_signature: Signature
    time: int = Field(examples=[1_763_900_000], description="Unix seconds")
    registered_by: str | None = Field(default=None, examples=[ADDRESS], description="the registrar")


class Limits(Part):
    """What the registry allows the meter."""

    export_limit_mw: int = Field(examples=[5_000_000])
    import_limit_mw: int = Field(examples=[15_000_000])
    daily_export_limit_mwh: int = Field(examples=[60_000_000])


class Previous(Part):
    """From which registers the energy was counted."""

    kind: Literal["settlement", "replaced_meter", "baseline"]
    tx_signature: Signature
    sequence: int
    time_ms: int
    produced_mwh: int
    consumed_mwh: int
    surplus_mwh: int
    record_hash: Hex
    total_minted_mwh: int | None = Field(
        None, description="minted for this meter until then; not known of a replaced meter"
    )


class Chain(Part):
    """The records between the two readings, both included; each names the hash of the one before.

    `GET /api/explain/{signature}/readings` has them one by one.
    """

    first_sequence: int
    last_sequence: int
    kept: int = Field(description="of them, readings that the hub still has")
    declared_lost: int = Field(description="of them, sequences that the device declared lost")


class Register(Part):
    """One quantity as it was on the wire, and by which signed rule it is read."""

    quantity: str = Field(examples=["produced"])
    raw: Hex
    rule: list[str | int | bool] = Field(description="see protocol/README.md")
    value: int | None = Field(
        default=None, description="as the hub reads it; left out when it cannot"
    )


class Profile(Part):
    """What the device knows its meter by."""

    name: str = Field(examples=["eastron-sdm630"])
    document: str = Field(description="the maker's")
    digest: Hex = Field(description="SHA-256 of the profile's file")


class Household(Part):
    """The ordinary reading directly before, with the meter's raw registers: personal data."""

    state: Kept
    reading: SignedRecord | None = None
    extras: Hex | None = Field(default=None, description="CBOR, hashed with the record")
    profile: Profile | None = None
    registers: list[Register] | None = None


class Settled(Part):
    """One settlement: from minted tokens back to the meter."""

    position: int = Field(examples=[0], description="among the settlements of the transaction")
    instruction: int = Field(examples=[2], description="its place in the transaction, from 0")
    meter_id: Hex
    meter_account: Address
    owner: Address
    owner_token: Address
    minted_mwh: int = Field(examples=[12_000_000])
    total_minted_mwh: int = Field(description="for this meter, with these")
    proof: Proof
    record: SignedRecord
    key: Key
    limits: Limits
    previous: Previous
    chain: Chain
    household: Household


class Deployment(Part):
    """Which chain and programs this is about."""

    deployment: Hex
    genesis_hash: str = Field(examples=[ADDRESS])
    registry: Address
    energy_token: Address
    energy_mint: Address


class Explanation(Part):
    """Where the tokens of a transaction come from."""

    signature: Signature
    slot: int = Field(examples=[1234])
    block_time: int | None = Field(
        default=None, examples=[1_763_942_405], description="Unix seconds"
    )
    finality: Literal["confirmed", "finalized"]
    deployment: Deployment
    settlements: list[Settled]


class KeptReading(Part):
    """A reading, for the chain of hashes."""

    sequence: int
    record: Hex = Field(description="120 bytes")
    extras: Hex | None = None


class Readings(Part):
    """Kept readings, the newest first."""

    readings: list[KeptReading]
    declared_lost: list[tuple[int, int]] = Field(
        description="spans of sequences that the device declared lost, first and last"
    )
    next_below: int | None = Field(
        default=None, description="go on with below=…; left out at the end"
    )
