"""Topics."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtokenx_protocol.errors import BadTopic
from gridtokenx_protocol.topics import ack_topic, parse_topic, readings_topic, status_topic

METER = bytes(range(16))


def test_topics_of_a_meter() -> None:
    assert readings_topic(METER) == "gtx/v1/000102030405060708090a0b0c0d0e0f/readings"
    assert parse_topic(readings_topic(METER)) == (METER, "readings")
    assert parse_topic(ack_topic(METER)) == (METER, "ack")
    assert parse_topic(status_topic(METER)) == (METER, "status")


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "gtx/v1/+/readings",
        "gtx/v1/000102030405060708090A0B0C0D0E0F/readings",
        "gtx/v1/000102030405060708090a0b0c0d0e0f/readings/x",
        "gtx/v1/000102030405060708090a0b0c0d0e0f/readings\n",
        "gtx/v1/000102030405060708090a0b0c0d0e/readings",
        "gtx/v2/000102030405060708090a0b0c0d0e0f/readings",
        "gtx/v1/000102030405060708090a0b0c0d0e0f/other",
    ],
)
def test_other_topics_are_refused(topic: str) -> None:
    with pytest.raises(BadTopic):
        parse_topic(topic)


@given(st.text(max_size=80))
def test_any_text_is_refused_by_name(topic: str) -> None:
    with pytest.raises(BadTopic):
        parse_topic(topic)


def test_a_meter_id_has_16_bytes() -> None:
    with pytest.raises(BadTopic):
        readings_topic(bytes(15))
