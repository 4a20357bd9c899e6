"""No event that a program can emit is unknown to the indexer: one would stop it for ever."""

import json
from importlib import resources

import pytest

from gridtokenx_hub.indexer.handlers import HANDLERS
from gridtokenx_programs import PROGRAM_NAMES


@pytest.mark.parametrize("program", PROGRAM_NAMES)
def test_every_event_of_the_idl_is_known(program: str) -> None:
    idl = json.loads((resources.files("gridtokenx_programs") / f"idl/{program}.json").read_text())
    assert {event["name"] for event in idl["events"]} == set(HANDLERS[program])
