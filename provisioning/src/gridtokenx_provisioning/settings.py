"""The agent's settings as a tree: made, read, changed in a few places, and written again."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from gridtokenx_edge.keystore import KeySource, TokenKey
from gridtokenx_provisioning.errors import FolderError
from gridtokenx_provisioning.files import write_file
from gridtokenx_provisioning.signing_key import written
from gridtokenx_provisioning.site import MeterAccess, Site

Settings: TypeAlias = dict[str, Any]


def new_settings(
    site: Site,
    access: MeterAccess,
    claim: Mapping[str, Any],
    serial: str | None,
    key: KeySource,
) -> Settings:
    """Settings from what the hub answered and what is on site.

    Args:
        site: Where files are.
        access: How the meter is read.
        claim: The hub's answer.
        serial: The only meter that is to be read; None where it does not tell its serial number.
        key: Where the signing key is.
    """
    broker = dict(claim["broker"])
    if claim["ca_pem"] is not None:
        files = {"ca": site.ca, "certificate": site.certificate, "key": site.tls_key}
        broker["tls"] = {name: str(path) for name, path in files.items()}
    meter = {
        "id": claim["meter_id"],
        "profile": access.profile,
        **({} if serial is None else {"serial": serial}),
        "deployment": claim["deployment"],
        "settlement_interval_s": claim["settlement_interval_s"],
        "key": written(key),
        **({"pin": str(key.pin)} if isinstance(key, TokenKey) else {}),
        "ack_key": claim["ack_key"],
        "ack_algorithm": claim["ack_algorithm"],
        "bus": access.bus,
        "limits": {"export_w": claim["export_limit_w"], "import_w": claim["import_limit_w"]},
        "spool": {"path": str(site.spool)},
        "broker": broker,
    }
    return {"clock": access.clock, "meter": [meter]}


def read_settings(path: Path) -> Settings:
    """Read settings that ``load_config`` has accepted.

    Raises:
        FolderError: They cannot be read.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FolderError(f"{path}: {error}; run this as the agent's user") from error


def write_settings(path: Path, settings: Settings) -> None:
    """Replace settings; comments in them are not kept.

    Raises:
        FolderError: They cannot be written.
    """
    write_file(path, "".join(_lines(settings, "")))


def _lines(table: Mapping[str, Any], name: str) -> Iterator[str]:
    """Values first, then the tables in it: behind a table's head, all that follows is its own."""
    inner = {key: value for key, value in table.items() if isinstance(value, dict)}
    arrays = {
        key: value
        for key, value in table.items()
        if isinstance(value, list) and value and isinstance(value[0], dict)
    }
    for key, value in table.items():
        if key not in inner and key not in arrays:
            # a JSON string, number, boolean or list of these is one of TOML
            yield f"{key} = {json.dumps(value, ensure_ascii=False)}\n"
    for key, value in inner.items():
        yield f"\n[{name}{key}]\n"
        yield from _lines(value, f"{name}{key}.")
    for key, entries in arrays.items():
        for entry in entries:
            yield f"\n[[{name}{key}]]\n"
            yield from _lines(entry, f"{name}{key}.")
