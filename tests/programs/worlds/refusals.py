"""Errors of transactions, as JSON-RPC writes them."""

from __future__ import annotations

from typing import Any

from worlds.world import Refusal


def refusal_of(error: Any, logs: list[str]) -> Refusal:
    """Read a transaction's `err`: a name, or an object with one key that names it."""
    match error:
        case {"InstructionError": [int(index), {"Custom": int(code)}]}:
            return Refusal(index, code, logs)
        case {"InstructionError": [int(index), reason]}:
            return Refusal(index, _name(reason), logs)
    return Refusal(None, _name(error), logs)


def _name(error: Any) -> str:
    return error if isinstance(error, str) else str(next(iter(error)))
