"""Which lines of a lasting fault are logged."""

from gridtokenx_edge.logs import RepeatFilter
from gridtokenx_edge.logs.repeats import REPEAT_AFTER_MS


def test_reasons_that_take_turns_are_each_logged_once_a_minute() -> None:
    repeats = RepeatFilter()
    assert [repeats.due(reason, 0) for reason in ("away", "silent")] == [True, True]
    assert [repeats.due(reason, 9) for reason in ("away", "silent")] == [False, False]
    assert repeats.due("away", REPEAT_AFTER_MS)
    assert repeats.over()
    assert not repeats.over()
    assert repeats.due("silent", REPEAT_AFTER_MS)
