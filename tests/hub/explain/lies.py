"""What a lying hub might say instead, one lie at a time, and the step that must find it out."""

import base64
from collections.abc import Callable, Mapping
from typing import Any

Json = dict[str, Any]


def flip(text: str, place: int = -1) -> str:
    """Another hexadecimal digit at one place."""
    digits = list(text)
    digits[place] = "0" if digits[place] != "0" else "1"
    return "".join(digits)


def other_text(text: str) -> str:
    """Another letter at the beginning."""
    return ("3" if text[0] == "2" else "2") + text[1:]


def settled(change: Callable[[Json], None]) -> Callable[[Json], Json]:
    """Alter the first settlement of an explanation."""

    def alter(answer: Json) -> Json:
        change(answer["settlements"][0])
        return answer

    return alter


def put(*path: str, value: object = None, by: Callable[[Any], Any] | None = None) -> Any:
    """Alter one field of the first settlement: to a value, or by a function."""

    def change(one: Json) -> None:
        *way, last = path
        for name in way:
            one = one[name]
        one[last] = value if by is None else by(one[last])

    return settled(change)


def whole(name: str, by: Callable[[Any], Any]) -> Callable[[Json], Json]:
    """Alter a field of the explanation itself."""
    return lambda answer: answer | {name: by(answer[name])}


def more(number: int) -> int:
    return number + 1


def register(field: str, by: Callable[[Any], Any]) -> Callable[[Json], Json]:
    """Alter the first of the raw registers."""
    return settled(
        lambda one: one["household"]["registers"][0].update(
            {field: by(one["household"]["registers"][0][field])}
        )
    )


def other_rule(rule: list[Any]) -> list[Any]:
    return [*rule[:4], rule[4] * 2, *rule[5:]]


def without_a_settlement(answer: Json) -> Json:
    return answer | {"settlements": answer["settlements"] * 2}


EXPLANATION: Mapping[str, tuple[str, Callable[[Json], Json]]] = {
    "another signature": ("transaction", whole("signature", other_text)),
    "another slot": ("transaction", whole("slot", more)),
    "another time": ("transaction", whole("block_time", more)),
    "one settlement too many": ("transaction", without_a_settlement),
    "another chain": (
        "transaction",
        whole("deployment", lambda one: one | {"genesis_hash": one["registry"]}),
    ),
    "another program": (
        "transaction",
        whole("deployment", lambda one: one | {"energy_token": one["registry"]}),
    ),
    "another place": ("signature", put("instruction", by=more)),
    "another algorithm": ("signature", put("proof", "algorithm", value="p256")),
    "another key": ("signature", put("proof", "public_key", by=flip)),
    "another device's signature": ("signature", put("proof", "signature", by=flip)),
    "another message": ("signature", put("proof", "message", by=flip)),
    "another byte of the record": ("record", put("record", "record", by=flip)),
    "another field of the record": ("record", put("record", "produced_mwh", by=more)),
    "another meter": ("record", put("meter_id", by=flip)),
    "another hash before": ("record", put("record", "previous_hash", by=flip)),
    "another fingerprint": ("key", put("proof", "fingerprint", by=flip)),
    "another state of the key": ("key", put("key", "state", value="previous")),
    "another registrar": ("key", put("key", "registered_by", by=other_text)),
    "another registration": (
        "key",
        settled(lambda one: one["key"].update(tx_signature=one["previous"]["tx_signature"])),
    ),
    "another account of the meter": ("key", put("meter_account", by=other_text)),
    "another amount": ("amount", put("minted_mwh", by=more)),
    "another total": ("amount", put("total_minted_mwh", by=more)),
    "another owner": ("amount", put("owner", by=other_text)),
    "another token account": ("amount", put("owner_token", by=other_text)),
    "other registers before": ("amount", put("previous", "surplus_mwh", by=more)),
    "the baseline for the settlement before": (
        "amount",
        settled(lambda one: one["previous"].update(tx_signature=one["key"]["tx_signature"])),
    ),
    "another ordinary reading": ("registers", put("household", "reading", "record", by=flip)),
    "another power": ("registers", put("household", "reading", "active_power_mw", by=more)),
    "other extras": ("registers", put("household", "extras", by=flip)),
    "another raw register": ("registers", register("raw", flip)),
    "another decoded value": ("registers", register("value", more)),
    "another rule": ("registers", register("rule", other_rule)),
    "a register left out": (
        "registers",
        settled(lambda one: one["household"]["registers"].pop()),
    ),
    "another profile": ("registers", put("household", "profile", "name", value="better")),
    "another document": ("registers", put("household", "profile", "document", value="mine")),
    "another digest": ("registers", put("household", "profile", "digest", by=flip)),
}


def reading(place: int, field: str, by: Callable[[Any], Any]) -> Callable[[Json], Json]:
    """Alter one reading of a page of the chain."""

    def alter(page: Json) -> Json:
        page["readings"][place][field] = by(page["readings"][place][field])
        return page

    return alter


def swapped(page: Json) -> Json:
    first, second, *rest = page["readings"]
    return page | {"readings": [second, first, *rest]}


def doubled(page: Json) -> Json:
    return page | {"readings": [page["readings"][0], *page["readings"]]}


def endless(page: Json) -> Json:
    return page | {"next_below": 2**53 - 1}


READINGS: Mapping[str, Callable[[Json], Json]] = {
    "another byte of a reading": reading(1, "record", flip),
    "another byte of the last reading": reading(-1, "record", flip),
    "other extras of a reading": reading(0, "extras", flip),
    "another sequence": reading(1, "sequence", more),
    "another order": swapped,
    "a reading twice": doubled,
    "no end": endless,
    "no reading at all, but more": lambda page: page | {"readings": [], "next_below": 1 << 52},
}


# What a lying node might answer; each alters one kind of answer and lets others pass.

KEY_AT = 8 + 16 + 32 + 1 + 4 + 1
"""In a meter's account: behind discriminator, id, owner, status, deployment and algorithm."""


def account(alter: Callable[[Json], Json | None], answer: Json) -> Json:
    """Alter an account in an answer."""
    result = answer["result"]
    if isinstance(result, dict) and isinstance(result.get("value"), dict):
        result["value"] = alter(result["value"])
    return answer


def other_key(answer: Json) -> Json:
    def alter(found: Json) -> Json:
        data = bytearray(base64.b64decode(found["data"][0]))
        data[KEY_AT] ^= 1
        return found | {"data": [base64.b64encode(data).decode(), "base64"]}

    return account(alter, answer)


def other_owner_program(answer: Json) -> Json:
    return account(lambda found: found | {"owner": "1" * 32}, answer)


def no_account(answer: Json) -> Json:
    return account(lambda _found: None, answer)


def not_final(answer: Json) -> Json:
    result = answer["result"]
    if isinstance(result, dict) and isinstance(result.get("value"), list):
        result["value"][0]["confirmationStatus"] = "confirmed"
    return answer


def meta(alter: Callable[[Json], Json], answer: Json) -> Json:
    """Alter what a node says of an executed transaction."""
    result = answer["result"]
    if isinstance(result, dict) and "meta" in result:
        result["meta"] |= alter(result["meta"])
    return answer


def other_balance(answer: Json) -> Json:
    return meta(lambda found: {"postTokenBalances": found["preTokenBalances"]}, answer)


def no_events(answer: Json) -> Json:
    return meta(lambda _found: {"innerInstructions": []}, answer)
