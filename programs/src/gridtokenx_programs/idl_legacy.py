"""The IDLs in Anchor's format from before spec 0.1.0, for clients that read no other.

`python -m gridtokenx_programs.idl_legacy` writes `idl/legacy/` from the IDLs beside it. That
format has no discriminators and no fixed addresses: its clients compute the former from the names,
and seeds are left to their callers.
"""

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def legacy_idl(idl: Mapping[str, Any]) -> Json:
    """Translate an IDL of spec 0.1.0."""
    types = {item["name"]: item for item in idl["types"]}
    accounts = [item["name"] for item in idl["accounts"]]
    events = [item["name"] for item in idl["events"]]
    return {
        "version": idl["metadata"]["version"],
        "name": idl["metadata"]["name"],
        "instructions": [_instruction(item) for item in idl["instructions"]],
        "accounts": [_definition(types[name]) for name in accounts],
        "types": [
            _definition(item) for name, item in types.items() if name not in {*accounts, *events}
        ],
        "events": [_event(types[name]) for name in events],
        "errors": idl["errors"],
        "metadata": {"address": idl["address"]},
    }


def legacy_text(text: str) -> str:
    """Translate an IDL file."""
    return json.dumps(legacy_idl(json.loads(text)), indent=2, ensure_ascii=False) + "\n"


def write_all(folder: Path) -> None:
    """Translate every IDL of this package into a file of the same name in `folder`."""
    folder.mkdir(exist_ok=True)
    for source in (files(__package__) / "idl").iterdir():
        if source.name.endswith(".json"):
            (folder / source.name).write_text(legacy_text(source.read_text("utf-8")), "utf-8")


def _instruction(item: Mapping[str, Any]) -> Json:
    return {
        "name": _camel(item["name"]),
        **_docs(item),
        "accounts": [_account(account) for account in item["accounts"]],
        "args": [_field(argument) for argument in item["args"]],
    }


def _account(item: Mapping[str, Any]) -> Json:
    optional = {"isOptional": True} if item.get("optional") else {}
    return {
        "name": _camel(item["name"]),
        "isMut": item.get("writable", False),
        "isSigner": item.get("signer", False),
        **optional,
        **_docs(item),
    }


def _definition(item: Mapping[str, Any]) -> Json:
    body = item["type"]
    if body["kind"] == "struct":
        body = {"kind": "struct", "fields": [_field(field) for field in body["fields"]]}
    return {"name": item["name"], **_docs(item), "type": body}


def _event(item: Mapping[str, Any]) -> Json:
    fields = item["type"]["fields"]
    return {
        "name": item["name"],
        "fields": [
            {"name": _camel(field["name"]), "type": _type(field["type"]), "index": False}
            for field in fields
        ],
    }


def _field(item: Mapping[str, Any]) -> Json:
    return {"name": _camel(item["name"]), **_docs(item), "type": _type(item["type"])}


def _type(kind: str | Mapping[str, Any]) -> str | Json:
    match kind:
        case "pubkey":
            return "publicKey"
        case str():
            return kind
        case {"defined": {"name": str() as name}}:
            return {"defined": name}
        case {"array": [element, int() as length]}:
            return {"array": [_type(element), length]}
        case {"vec": element}:
            return {"vec": _type(element)}
        case {"option": element}:
            return {"option": _type(element)}
    raise ValueError(f"this IDL type has no form in the older format: {kind}")


def _docs(item: Mapping[str, Any]) -> Json:
    return {"docs": item["docs"]} if "docs" in item else {}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


if __name__ == "__main__":
    write_all(Path(__file__).parent / "idl" / "legacy")
