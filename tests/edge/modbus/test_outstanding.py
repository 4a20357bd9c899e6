"""However late a device answers: no reply is taken for the answer to a later request."""

from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from gridtokenx_edge.modbus.outstanding import Outstanding

DATA = st.sampled_from([1, 2, 8])
FATES = st.lists(
    st.tuples(
        DATA,
        st.sampled_from(["in_time", "refused", "late", "late_refusal", "never"]),
        st.integers(0, 3),
    ),
    max_size=60,
)


class SlowDevice:
    """Answers in order: what was asked, when it likes."""

    def __init__(self) -> None:
        self.pending: deque[tuple[int, int | None]] = deque()
        self.number = 0

    def ask(self, count: int, fate: str) -> int:
        """Returns the number of this request; replies bear it."""
        self.number += 1
        if fate != "never":
            self.pending.append((self.number, None if "refus" in fate else count))
        return self.number


@given(FATES)
@settings(max_examples=500)
def test_an_accepted_reply_answers_the_last_request(fates: list[tuple[int, str, int]]) -> None:
    """Model of ``RtuBus._exchange``: one frame at most is looked at for each request."""
    device, outstanding = SlowDevice(), Outstanding()
    for wanted, fate, swallowed in fates:
        for _ in range(min(swallowed, len(device.pending))):
            device.pending.popleft()  # came while the line was drained
        probe = outstanding.probe(wanted)
        asked = probe or wanted
        assert probe != wanted
        number = device.ask(asked, fate)
        arrives = fate in {"in_time", "refused"} or len(device.pending) > 1
        if not arrives:
            outstanding.lost(asked)
            continue
        replied_to, count = device.pending.popleft()
        if count is None:
            outstanding.refused(asked)
            continue
        outstanding.came(count, asked)
        if count == asked and probe is None:
            assert replied_to == number, "the reply to an older request was accepted"


def test_a_dead_device_is_asked_for_all_again_in_the_end() -> None:
    outstanding = Outstanding()
    outstanding.lost(8)
    asked = []
    while probe := outstanding.probe(8):
        asked.append(probe)
        outstanding.lost(probe)
    assert len(asked) == len(set(asked)) == 20
    assert 8 not in asked


def test_a_device_that_refuses_part_of_its_registers_is_trusted_again() -> None:
    outstanding = Outstanding()
    outstanding.lost(8)
    assert outstanding.probe(8) == 1
    outstanding.refused(1)
    assert outstanding.probe(8) is None
