"""Which of a program's accounts are wanted."""

import base64
from dataclasses import dataclass

from gridtokenx_hub import base58
from gridtokenx_hub.json_types import Json, JsonObject
from gridtokenx_hub.local_chain.params import Config, mapping, text, u64
from gridtokenx_hub.local_chain.rpc_errors import invalid_params

MAX_FILTERS = 4
MAX_EXPECTED_BYTES = 128


@dataclass(frozen=True, slots=True)
class DataFilter:
    """Keeps accounts whose data has a size, or has certain bytes at an offset."""

    size: int | None
    offset: int
    expected: bytes

    def holds(self, data: bytes) -> bool:
        """Whether an account with `data` is kept."""
        if self.size is not None:
            return len(data) == self.size
        return data[self.offset : self.offset + len(self.expected)] == self.expected


def data_filters(config: Config) -> tuple[DataFilter, ...]:
    """The filters that `config` asks for; an account has to pass all of them."""
    given = config.get("filters")
    if given is None:
        return ()
    if not isinstance(given, list):
        raise invalid_params("Invalid params: invalid type: filters are a sequence.")
    if len(given) > MAX_FILTERS:
        raise invalid_params(f"Too many filters provided; max {MAX_FILTERS}")
    return tuple(_filter(mapping(value)) for value in given)


def _filter(given: JsonObject) -> DataFilter:
    match given:
        case {"dataSize": size, **others} if not others:
            return DataFilter(u64(size), 0, b"")
        case {"memcmp": dict(memcmp), **others} if not others:
            expected = _filter_bytes(memcmp.get("bytes"), memcmp.get("encoding"))
            return DataFilter(None, u64(memcmp.get("offset")), expected)
        case _:
            name = next(iter(given), "")
            raise invalid_params(
                f"Invalid params: unknown variant `{name}`, expected one of `dataSize`, `memcmp`."
            )


def _filter_bytes(expected: Json, encoding: Json) -> bytes:
    if isinstance(expected, list):
        try:
            decoded = bytes(u64(value) for value in expected)
        except ValueError as error:
            raise invalid_params("Invalid params: memcmp bytes are from 0 to 255.") from error
    else:
        decoded = _decoded(text(expected), "Base64" if encoding == "base64" else "Base58")
    if len(decoded) > MAX_EXPECTED_BYTES:
        raise invalid_params("Invalid param: DataTooLarge")
    return decoded


def _decoded(coded: str, name: str) -> bytes:
    try:
        if name == "Base64":
            return base64.b64decode(coded, validate=True)
        return base58.decode(coded)
    except ValueError as error:
        raise invalid_params(f"Invalid param: {name}DecodeError({error})") from error
