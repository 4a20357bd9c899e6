"""Nonces of orders."""

from gridtokenx_hub.api.transactions.nonces import LEAD_MS, Nonces

NOW_MS = 1_768_478_400_000


def test_a_nonce_is_the_time() -> None:
    nonces = Nonces()
    assert [nonces.draw(NOW_MS), nonces.draw(NOW_MS + 5)] == [NOW_MS, NOW_MS + 5]


def test_none_is_drawn_twice() -> None:
    nonces = Nonces()
    drawn = [nonces.draw(NOW_MS + index // 10) for index in range(1_000)]
    assert drawn == list(range(NOW_MS, NOW_MS + 1_000))
    assert nonces.draw(NOW_MS - LEAD_MS + 1_000) == NOW_MS + 1_000


def test_a_clock_that_was_set_back_is_followed() -> None:
    nonces = Nonces()
    nonces.draw(NOW_MS)
    earlier = NOW_MS - LEAD_MS
    assert [nonces.draw(earlier), nonces.draw(earlier)] == [earlier, earlier + 1]
