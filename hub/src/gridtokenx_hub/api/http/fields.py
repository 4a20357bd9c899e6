"""Types of the fields that go in and out over HTTP; decimals outside, whole units inside."""

import base64
import binascii
import datetime as dt
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema
from solders.pubkey import Pubkey

from gridtokenx_protocol.keys import Algorithm
from gridtokenx_protocol.units import LOT_MWH, parse_grx, parse_kwh

MAX_PLACES = 24
MAX_ENERGY_MWH = 10**15
MAX_PRICE_MICRO_GRX = 10**12
MAX_GRX_MICRO = 10**18
MAX_POWER_W = 10**9
MAX_ID = 2**63 - 1

EXAMPLE_WALLET = "7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU"
EXAMPLE_ORDER = "4Nd1mYJ3nq6Vb2oXzsQ8bXgL5vVwz9tqL9rV3m7tJ1rS"
EXAMPLE_SIGNATURE = (
    "5KL9mN2pQ3rS4tU5vW6xY7zA8bC9dE1fG2hJ3kM4nP5qR6sT7uV8wX9yZ1aB2cD3eF4gH5jK6mN7pQ8rS9tU1vW"
)
EXAMPLE_TIME = "2025-11-24T10:30:00Z"
INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")


def _plain(value: object) -> str:
    """Write a JSON number without exponent; text is not a number."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("give a JSON number, such as 10.0")  # noqa: TRY004 - pydantic reports ValueError alone
    number = Decimal(value)
    if not number.is_finite() or abs(number.adjusted()) > MAX_PLACES:
        raise ValueError("out of range")
    return format(number, "f")


def _bounded(amount: int, maximum: int) -> int:
    if amount <= 0:
        raise ValueError("must be more than zero")
    if amount > maximum:
        raise ValueError("out of range")
    return amount


def _energy(value: object) -> int:
    return _bounded(parse_kwh(_plain(value)), MAX_ENERGY_MWH)


def _lots(value: object) -> int:
    amount_mwh = _energy(value)
    if amount_mwh % LOT_MWH:
        raise ValueError("amounts are whole watt-hours: at most three fraction digits")
    return amount_mwh


def _price(value: object) -> int:
    return _bounded(parse_grx(_plain(value)), MAX_PRICE_MICRO_GRX)


def _grx(value: object) -> int:
    return _bounded(parse_grx(_plain(value)), MAX_GRX_MICRO)


def _text_grx(value: str) -> int:
    return min(parse_grx(value), MAX_GRX_MICRO)


def _text_kwh(value: str) -> int:
    return min(parse_kwh(value), MAX_ENERGY_MWH)


def _wallet(value: str) -> str:
    try:
        Pubkey.from_string(value)
    except ValueError:
        raise ValueError("not an address: 32 bytes in base58") from None
    return value


def _name(value: str) -> str:
    name = value.strip()
    if not name or not name.isprintable():
        raise ValueError("give a name of printable characters")
    return name


def _base64(value: object) -> bytes:
    if not isinstance(value, str):
        raise ValueError("give base64 text")  # noqa: TRY004 - pydantic reports ValueError alone
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("not base64") from None


def _hex(value: object) -> bytes:
    try:
        return bytes.fromhex(value) if isinstance(value, str) else b""
    except ValueError:
        raise ValueError("not hexadecimal") from None


def _instant(value: object) -> dt.datetime:
    if not isinstance(value, str) or not INSTANT.fullmatch(value):
        raise ValueError(f"give an instant such as {EXAMPLE_TIME}, in UTC")
    try:
        return dt.datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("there is no such date and time") from None


def _number(example: float, description: str) -> WithJsonSchema:
    return WithJsonSchema(
        {
            "type": "number",
            "exclusiveMinimum": 0,
            "examples": [example],
            "description": description,
        }
    )


def _queried(example: float, description: str) -> WithJsonSchema:
    return WithJsonSchema(
        {"type": "number", "minimum": 0, "examples": [example], "description": description}
    )


def text(example: str, description: str) -> WithJsonSchema:
    """Describe a field of encoded bytes."""
    return WithJsonSchema({"type": "string", "examples": [example], "description": description})


Lots = Annotated[int, PlainValidator(_lots), _number(10.0, "kWh, at most 3 fraction digits")]
Energy = Annotated[int, PlainValidator(_energy), _number(24.0, "kWh, at most 6 fraction digits")]
Price = Annotated[int, PlainValidator(_price), _number(3.0, "GRX per kWh, at most 6 digits")]
Grx = Annotated[int, PlainValidator(_grx), _number(100.0, "GRX, at most 6 fraction digits")]
Rate = Annotated[int, PlainValidator(_price), _number(10.0, "THB per GRX, at most 6 digits")]
QueryGrx = Annotated[int, BeforeValidator(_text_grx), _queried(3.0, "GRX per kWh")]
QueryKwh = Annotated[int, BeforeValidator(_text_kwh), _queried(10.0, "kWh")]
"""In a query: decimals, at most six fraction digits."""
Address = Annotated[str, Field(max_length=44, examples=[EXAMPLE_WALLET]), AfterValidator(_wallet)]
Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_name)]
Identifier = Annotated[int, Field(ge=1, le=MAX_ID)]
Power = Annotated[int, Field(ge=1, le=MAX_POWER_W)]
UserType = Literal["prosumer", "consumer"]
AlgorithmName = Literal["ed25519", "p256"]
Instant = Annotated[
    dt.datetime,
    PlainValidator(_instant),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": [EXAMPLE_TIME]}),
]
"""To the second or finer, in UTC with Z."""
ALGORITHMS: Mapping[AlgorithmName, Algorithm] = {
    "ed25519": Algorithm.ED25519,
    "p256": Algorithm.P256,
}
Number = Annotated[Decimal, WithJsonSchema({"type": "number", "examples": [10.0]})]
Base64 = Annotated[bytes, PlainValidator(_base64)]
Hex = Annotated[bytes, PlainValidator(_hex)]
