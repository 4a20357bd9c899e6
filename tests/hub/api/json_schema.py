"""JSON Schema, draft 7: the keywords that the token list's schema uses; any other is an error."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

Schema = dict[str, Any]

NOTES = {"$schema", "$id", "title", "description", "examples", "definitions"}
TYPES: dict[str, type] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": int,
    "boolean": bool,
    "null": type(None),
}


def violations(value: Any, schema: Schema, root: Schema) -> list[str]:
    """What is wrong with a value; nothing if it is valid."""
    if "type" in schema and not _is_of(schema["type"], value):
        return [f"{value!r} is no {schema['type']}"]
    found = [
        inner
        for part, rule in _parts(value, schema, root)
        for inner in violations(part, rule, root)
    ]
    for keyword in schema.keys() - NOTES - INNER - {"type"}:
        if keyword == "anyOf":
            holds = any(not violations(value, option, root) for option in schema["anyOf"])
        else:
            holds = RULES[keyword](schema[keyword], value)
        if not holds:
            found.append(f"{value!r} violates {keyword} {schema[keyword]!r}")
    return found


INNER = {"$ref", "properties", "additionalProperties", "propertyNames", "items"}


def _parts(value: Any, schema: Schema, root: Schema) -> list[tuple[Any, Schema]]:
    """What has a schema of its own; a property that must not be there has one that nothing fits."""
    parts = []
    if "$ref" in schema:
        parts.append((value, root["definitions"][schema["$ref"].rpartition("/")[2]]))
    if "items" in schema:
        parts += [(item, schema["items"]) for item in value]
    if "propertyNames" in schema:
        parts += [(name, schema["propertyNames"]) for name in value]
    if isinstance(value, dict):
        own = schema.get("properties", {})
        others = schema.get("additionalProperties", {})
        others = {"anyOf": []} if others is False else others
        parts += [(inner, own.get(name, others)) for name, inner in value.items()]
    return parts


def _is_of(name: str, value: Any) -> bool:
    return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def _is_instant(text: str) -> bool:
    return dt.datetime.fromisoformat(text).tzinfo is not None


def _is_uri(text: str) -> bool:
    return bool(urlsplit(text).scheme and urlsplit(text).netloc)


FORMATS: dict[str, Callable[[str], bool]] = {"date-time": _is_instant, "uri": _is_uri}
RULES: dict[str, Callable[[Any, Any], bool]] = {
    "const": lambda rule, value: bool(value == rule),
    "required": lambda rule, value: set(rule) <= value.keys(),
    "pattern": lambda rule, value: re.search(rule, value) is not None,
    "format": lambda rule, value: FORMATS[rule](value),
    "minimum": lambda rule, value: bool(value >= rule),
    "maximum": lambda rule, value: bool(value <= rule),
    "minLength": lambda rule, value: len(value) >= rule,
    "maxLength": lambda rule, value: len(value) <= rule,
    "minItems": lambda rule, value: len(value) >= rule,
    "maxItems": lambda rule, value: len(value) <= rule,
    "maxProperties": lambda rule, value: len(value) <= rule,
    "uniqueItems": lambda _rule, value: len(set(value)) == len(value),
}
