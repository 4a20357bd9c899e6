"""What ingest is measured against: a bare signature check."""

import statistics
import time
from collections.abc import Callable

import nacl.bindings
from _meters import Meter
from solders.pubkey import Pubkey
from solders.signature import Signature

from gridtokenx_protocol import cose

VERIFICATIONS = 40
ROUNDS = 50


class Verification:
    """The bare signature check of one reading, with the fastest library there is.

    Timed between whiles under the very load: a processor is slower when its neighbour is busy too.
    """

    def __init__(self) -> None:
        meter = Meter(0)
        signed = cose.decode(meter.message(0, 1))
        content, raw_key = signed.signed_bytes(), meter.public_key
        signature, key = Signature.from_bytes(signed.signature), Pubkey.from_bytes(raw_key)
        attached = signed.signature + content
        checks: tuple[Callable[[], object], ...] = (
            lambda: signature.verify(key, content),
            lambda: nacl.bindings.crypto_sign_open(attached, raw_key),
        )
        self._check = min(checks, key=lambda check: min(timed_us(check) for _ in range(ROUNDS)))
        self.quiet_us = min(timed_us(self._check) for _ in range(ROUNDS))
        self._loaded_us: list[float] = []

    def sample(self) -> None:
        """Time a few checks, now."""
        self._loaded_us.append(timed_us(self._check))

    def loaded_us(self) -> float:
        """Return the median of the samples."""
        return statistics.median(self._loaded_us)


def timed_us(check: Callable[[], object]) -> float:
    """Processor time of one call, in µs."""
    began = time.thread_time_ns()
    for _ in range(VERIFICATIONS):
        check()
    return (time.thread_time_ns() - began) / VERIFICATIONS / 1_000
