"""MQTT topics: ``gtx/v1/{meter id in 32 hex digits}/{kind}``."""

import re
from typing import Final

from gridtokenx_protocol.errors import BadTopic
from gridtokenx_protocol.record import METER_ID_SIZE

READINGS_FILTER: Final = "gtx/v1/+/readings"
"""Subscription of the hub's ingest."""

_TOPIC = re.compile(r"gtx/v1/([0-9a-f]{32})/(readings|ack|status|command)")


def readings_topic(meter_id: bytes) -> str:
    """Where a device publishes its signed readings."""
    return _topic(meter_id, "readings")


def ack_topic(meter_id: bytes) -> str:
    """Where the hub publishes its signed acks, retained."""
    return _topic(meter_id, "ack")


def status_topic(meter_id: bytes) -> str:
    """Where a device publishes its birth, and the broker its last will, retained."""
    return _topic(meter_id, "status")


def command_topic(meter_id: bytes) -> str:
    """Where the hub publishes its signed commands."""
    return _topic(meter_id, "command")


def parse_topic(topic: str) -> tuple[bytes, str]:
    """Meter id (16 bytes) and kind: readings, ack, status or command.

    Raises:
        BadTopic: Not a topic of this protocol.
    """
    match = _TOPIC.fullmatch(topic)
    if match is None:
        raise BadTopic("a topic is gtx/v1/, 32 lower-case hex digits, / and its kind")
    return bytes.fromhex(match.group(1)), match.group(2)


def _topic(meter_id: bytes, kind: str) -> str:
    if len(meter_id) != METER_ID_SIZE:
        raise BadTopic(f"a meter id has {METER_ID_SIZE} bytes, not {len(meter_id)}")
    return f"gtx/v1/{meter_id.hex()}/{kind}"
