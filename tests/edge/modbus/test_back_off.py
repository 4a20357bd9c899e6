"""How long a dead device is left alone."""

from gridtokenx_edge.modbus import BackOff
from gridtokenx_edge.modbus.back_off import LONGEST_PAUSE_MS


def test_back_off_grows_to_its_limit_and_ends() -> None:
    back_off = BackOff()
    pauses = []
    for _ in range(40):
        back_off.failed(0)
        pauses.append(back_off.wait_ms(0))
    assert pauses[:2] == [0, 0]
    assert pauses[2:5] == [500, 1000, 2000]
    assert pauses[-1] == LONGEST_PAUSE_MS
    assert back_off.wait_ms(LONGEST_PAUSE_MS) == 0
    back_off.succeeded()
    assert back_off.wait_ms(0) == 0
