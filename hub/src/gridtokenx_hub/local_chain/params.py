"""Reads the positional parameters of a request, refusing what does not fit."""

from solders.hash import Hash, ParseHashError
from solders.pubkey import Pubkey
from solders.signature import Signature

from gridtokenx_hub.json_types import Json, JsonObject
from gridtokenx_hub.local_chain.rpc_errors import (
    INVALID_PARAMS,
    MIN_CONTEXT_SLOT_NOT_REACHED,
    RpcError,
    invalid_params,
)

_U64_MAX = (1 << 64) - 1


class Params:
    """The parameters of one request. Every reader raises `RpcError` (-32602) on a misfit."""

    def __init__(self, values: Json, *, required: int, allowed: int) -> None:
        if values is None:
            values = []
        if not isinstance(values, list):
            raise invalid_params("Invalid params: expected a sequence of parameters")
        if len(values) < required:
            raise invalid_params(f"`params` should have at least {required} argument(s)")
        if values and not allowed:
            raise invalid_params("Invalid parameters: No parameters were expected")
        if len(values) > allowed:
            raise RpcError(
                INVALID_PARAMS,
                f"Invalid parameters: Expected from {required} to {allowed} parameters.",
                f'"Got: {len(values)}"',
            )
        self._values = values

    def has(self, index: int) -> bool:
        """Whether the parameter is given."""
        return index < len(self._values) and self._values[index] is not None

    def text(self, index: int) -> str:
        """A string."""
        return text(self._values[index])

    def u64(self, index: int) -> int:
        """An integer from 0 to 2⁶⁴ less 1."""
        return u64(self._values[index])

    def pubkey(self, index: int) -> Pubkey:
        """An address in base58."""
        return pubkey(self._values[index])

    def signature(self, index: int) -> Signature:
        """A signature in base58."""
        return signature(self._values[index])

    def blockhash(self, index: int) -> Hash:
        """A blockhash in base58."""
        try:
            return Hash.from_string(self.text(index))
        except ParseHashError as error:
            raise invalid_params("WrongSize") from error

    def list_of_text(self, index: int, maximum: int) -> list[str]:
        """A list of at most `maximum` strings."""
        values = self._values[index]
        if not isinstance(values, list):
            raise invalid_params(
                f"Invalid params: invalid type: {kind_of(values)}, expected a sequence."
            )
        if len(values) > maximum:
            raise invalid_params(f"Too many inputs provided; max {maximum}")
        return [text(value) for value in values]

    def mapping(self, index: int) -> JsonObject:
        """An object."""
        return mapping(self._values[index])

    def config(self, index: int) -> "Config":
        """The configuration object, empty when it is not given."""
        value = self._values[index] if index < len(self._values) else None
        return Config({} if value is None else mapping(value))

    def mapping_or_text(self, index: int) -> JsonObject | str | None:
        """A configuration that may be given as an object or as its main value alone."""
        value = self._values[index] if index < len(self._values) else None
        return value if value is None or isinstance(value, str) else mapping(value)


class Config:
    """A configuration object; names that are not known are passed over, as Agave does."""

    def __init__(self, values: JsonObject) -> None:
        self._values = values

    def get(self, name: str) -> Json:
        """The value as it came, None if absent."""
        return self._values.get(name)

    def flag(self, name: str) -> bool:
        """A boolean that is false when absent."""
        value = self.get(name)
        if value is not None and not isinstance(value, bool):
            raise invalid_params(
                f"Invalid params: invalid type: {kind_of(value)}, expected a boolean."
            )
        return bool(value)

    def required_flag(self, name: str) -> bool:
        """A boolean that has to be given."""
        if name not in self._values:
            raise invalid_params(f"Invalid params: missing field `{name}`.")
        return self.flag(name)

    def optional_text(self, name: str) -> str | None:
        """A string, if given."""
        value = self.get(name)
        return None if value is None else text(value)

    def optional_u64(self, name: str, kind: str = "u64") -> int | None:
        """An integer from 0 to 2⁶⁴ less 1, if given; Agave calls some of them usize."""
        value = self.get(name)
        return None if value is None else u64(value, kind)

    def required_u64(self, name: str) -> int:
        """An integer from 0 to 2⁶⁴ less 1 that has to be given."""
        if name not in self._values:
            raise invalid_params(f"Invalid params: missing field `{name}`.")
        return u64(self.get(name))

    def optional_mapping(self, name: str) -> "Config | None":
        """An object, if given."""
        value = self.get(name)
        return None if value is None else Config(mapping(value))

    def require_context(self, slot: int) -> None:
        """Refuse to answer from `slot` if the request wants a later one."""
        minimum = self.optional_u64("minContextSlot")
        if minimum is not None and minimum > slot:
            raise RpcError(
                MIN_CONTEXT_SLOT_NOT_REACHED,
                "Minimum context slot has not been reached",
                {"contextSlot": slot},
            )

    def require_confirmed(self) -> None:
        """Refuse the commitment `processed`, which history does not have."""
        if self.get("commitment") == "processed":
            raise invalid_params("Method does not support commitment below `confirmed`")


def text(value: Json) -> str:
    """Return `value`, a string."""
    if not isinstance(value, str):
        raise invalid_params(f"Invalid params: invalid type: {kind_of(value)}, expected a string.")
    return value


def u64(value: Json, kind: str = "u64") -> int:
    """Return `value`, an integer from 0 to 2⁶⁴ less 1."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise invalid_params(f"Invalid params: invalid type: {kind_of(value)}, expected {kind}.")
    if not 0 <= value <= _U64_MAX:
        raise invalid_params(f"Invalid params: invalid value: integer `{value}`, expected {kind}.")
    return value


def mapping(value: Json) -> JsonObject:
    """Return `value`, an object."""
    if not isinstance(value, dict):
        raise invalid_params(f"Invalid params: invalid type: {kind_of(value)}, expected a map.")
    return value


def pubkey(value: Json) -> Pubkey:
    """Return the address that `value` is in base58."""
    try:
        return Pubkey.from_string(text(value))
    except ValueError as error:
        raise invalid_params("Invalid param: WrongSize") from error


def signature(value: Json) -> Signature:
    """Return the signature that `value` is in base58."""
    try:
        return Signature.from_string(text(value))
    except ValueError as error:
        raise invalid_params("Invalid param: WrongSize") from error


def kind_of(value: Json) -> str:
    """How Agave names what `value` is."""
    if isinstance(value, bool):
        return f"boolean `{str(value).lower()}`"
    if isinstance(value, int | float):
        return f"{'integer' if isinstance(value, int) else 'floating point'} `{value}`"
    if isinstance(value, str):
        return f'string "{value}"'
    return {type(None): "null", list: "sequence"}.get(type(value), "map")
