"""Values of an IDL's types: made up, told to another client, and compared with what it decodes.

Ours are those of `gridtokenx_programs`: `int`, `bool`, `Pubkey`, `bytes` for `[u8; n]`, a variant's
name for an enum, `dict` for a struct. For another client each value carries its type,
`{"u64": "12"}`; what it decoded comes back as JSON without types: integers as text, bytes as
lists, names of fields and variants in whatever case that client likes.
"""

import random
from collections.abc import Mapping
from typing import Any

from solders.instruction import Instruction
from solders.pubkey import Pubkey

Json = Any
Types = Mapping[str, Json]
INTEGERS = {f"{sign}{bits}": (bits, sign == "i") for sign in "ui" for bits in (8, 16, 32, 64, 128)}


class Maker:
    """Makes up values of the types of one IDL; the same ones for the same seed."""

    def __init__(self, types: Types, seed: str) -> None:
        self._types = types
        self._random = random.Random(seed)  # noqa: S311 - examples, to be the same each time

    def pubkey(self) -> Pubkey:
        return Pubkey(self._random.randbytes(32))

    def fields(self, fields: list[Json]) -> dict[str, Any]:
        return {field["name"]: self.value(field["type"]) for field in fields}

    def value(self, kind: Json) -> Any:  # noqa: PLR0911 - one for each kind of type
        match kind:
            case "pubkey":
                return self.pubkey()
            case "bool":
                return self._random.random() < 0.5
            case str():
                bits, signed = INTEGERS[kind]
                return self._random.getrandbits(bits) - (1 << bits - 1 if signed else 0)
            case {"array": ["u8", length]}:
                return self._random.randbytes(length)
            case {"array": [element, length]}:
                return [self.value(element) for _ in range(length)]
            case {"vec": element}:
                return [self.value(element) for _ in range(self._random.randint(1, 3))]
            case {"option": element}:
                return self.value(element) if self._random.random() < 0.5 else None
            case {"defined": {"name": name}}:
                return self._defined(self._types[name])
        raise TypeError(f"teach this file the IDL type {kind}")

    def _defined(self, body: Json) -> Any:
        if body["kind"] == "enum":
            return self._random.choice(body["variants"])["name"]
        return self.fields(body["fields"])


def tagged(types: Types, kind: Json, value: Any) -> Json:  # noqa: PLR0911 - one for each kind
    """A value of ours as another client is told it."""
    match kind:
        case "pubkey":
            return {"pubkey": str(value)}
        case "bool":
            return {"bool": value}
        case str():
            return {kind: str(value)}
        case {"array": [element, _]} | {"vec": element}:
            return {"list": [tagged(types, element, item) for item in value]}
        case {"option": element}:
            return {"option": None if value is None else tagged(types, element, value)}
        case {"defined": {"name": name}}:
            body = types[name]
            if body["kind"] == "enum":
                return {"enum": [name, value]}
            fields = {
                field["name"]: tagged(types, field["type"], value[field["name"]])
                for field in body["fields"]
            }
            return {"struct": [name, fields]}
    raise TypeError(f"teach this file the IDL type {kind}")


def assert_same(types: Types, kind: Json, ours: Any, theirs: Json, where: str = "") -> None:
    """Fail unless another client decoded the value that is ours."""
    match kind:
        case "bool":
            assert theirs is ours, where
        case str():
            assert theirs == str(ours), where
        case {"array": [element, _]} | {"vec": element}:
            assert len(theirs) == len(ours), where
            for mine, other in zip(ours, theirs, strict=True):
                assert_same(types, element, mine, other, where)
        case {"option": element}:
            if ours is None or theirs is None:
                assert ours is theirs, where
            else:
                assert_same(types, element, ours, theirs, where)
        case {"defined": {"name": name}}:
            body = types[name]
            if body["kind"] == "enum":
                assert same_name(theirs) == same_name(ours), where
            else:
                assert_same_fields(types, body["fields"], ours, theirs, f"{where}{name}")
        case _:
            raise TypeError(f"teach this file the IDL type {kind}")


def assert_same_fields(
    types: Types, fields: list[Json], ours: Mapping[str, Any], theirs: Json, where: str
) -> None:
    """Fail unless another client decoded these fields, all of them and no other."""
    found = {same_name(name): value for name, value in theirs.items()}
    assert found.keys() == {same_name(field["name"]) for field in fields}, where
    for field in fields:
        name = field["name"]
        assert_same(types, field["type"], ours[name], found[same_name(name)], f"{where}.{name}")


def taken_apart(instruction: Instruction) -> Json:
    """An instruction as it is told to another client, and by one."""
    return {
        "program_id": str(instruction.program_id),
        "data": bytes(instruction.data).hex(),
        "accounts": [
            [str(meta.pubkey), meta.is_signer, meta.is_writable] for meta in instruction.accounts
        ],
    }


def same_name(name: str) -> str:
    """A name without what clients change about it: case and underscores."""
    return name.replace("_", "").lower()
