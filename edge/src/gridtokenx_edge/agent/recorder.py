"""From a reading to its records on disk: guard, compose, sign, append, checkpoint.

Everything here runs in the spool's thread, one call after another.
"""

import logging
from dataclasses import replace

from gridtokenx_edge.agent.provisioned import find_checkpoint
from gridtokenx_edge.checkpoint import Checkpoint, checkpoint_path
from gridtokenx_edge.clock import Clock
from gridtokenx_edge.config import MeterConfig
from gridtokenx_edge.errors import NotProvisioned
from gridtokenx_edge.guards import FrozenGuard, RegisterGuard
from gridtokenx_edge.logs import event
from gridtokenx_edge.records import ChainState, Composer, Sample, SignedReading
from gridtokenx_edge.records.compose import state_at
from gridtokenx_edge.spool import Spool
from gridtokenx_edge.spool.spool import JUMP
from gridtokenx_protocol.keys import Signer

_LOGGER = logging.getLogger(__name__)


class Recorder:
    """Signs the readings of one meter."""

    def __init__(self, config: MeterConfig, signer: Signer, spool: Spool, clock: Clock) -> None:
        """Take up the chain where it stands.

        Raises:
            NotProvisioned: There is no baseline.
            CheckpointError: The file beside the key cannot be used.
            SpoolError: The spool cannot be written.
        """
        self._config = config
        self._spool = spool
        self._checkpoint_path = checkpoint_path(config.key)
        checkpoint = find_checkpoint(config, signer, spool)
        if checkpoint is None:
            raise NotProvisioned(
                f"meter {config.id.hex()} has no baseline: run gtx-edge baseline first, and"
                " register the meter with it"
            )
        self._checkpoint = checkpoint
        self._composer = Composer(config, signer)
        state = resume(spool, self._checkpoint, config)
        step_mwh = config.profile.counter_step_mwh
        self._guard = RegisterGuard(config.limits, step_mwh, clock, state.accepted)
        self._frozen = FrozenGuard(step_mwh, clock)

    def record(self, sample: Sample) -> tuple[SignedReading, ...]:
        """Sign a reading and write it.

        Returns:
            What was appended: the reading, and at a boundary its settlement reading.

        Raises:
            ReadingRefused: A guard refused it; nothing was signed.
            KeyUnavailable: It could not be signed.
            SpoolError: It could not be written; nothing may be published.
            CheckpointError: It was written, but the checkpoint was not.
        """
        self._frozen.check(sample.reading)
        self._guard.check(sample.reading, sample.clock)
        state = _known(self._spool)
        readings, state = self._composer.readings(state, sample, self._spool.undeclared())
        lost = self._spool.append(readings, state)
        self._guard.accept(state.accepted)
        if lost:
            event(_LOGGER, logging.WARNING, "readings_dropped", meter=self._name, count=lost)
        if readings[-1].record.is_settlement:
            self._checkpoint = replace(self._checkpoint, settlement=readings[-1])
            self._checkpoint.save(self._checkpoint_path)
        return readings

    @property
    def _name(self) -> str:
        return self._config.id.hex()


def resume(spool: Spool, checkpoint: Checkpoint, config: MeterConfig) -> ChainState:
    """Where the chain stands; behind a gap when the spool is lost or older than the checkpoint.

    A spool that is behind the checkpoint was restored from a backup, or is new: sequences
    beyond it are used up, nobody here knows how many. More than ``JUMP`` cannot be.

    Raises:
        SpoolError: The spool cannot be written.
    """
    latest = checkpoint.latest
    state = spool.state
    if state is not None and state.last_sequence >= latest.record.sequence:
        return state
    state = state_at(latest)
    state = replace(state, last_sequence=state.last_sequence + JUMP, gap=True)
    spool.move_to(state)
    event(
        _LOGGER,
        logging.ERROR,
        "spool_lost",
        meter=config.id.hex(),
        checkpoint_sequence=latest.record.sequence,
        next_sequence=state.last_sequence + 1,
    )
    return state


def _known(spool: Spool) -> ChainState:
    if spool.state is None:
        raise AssertionError("a recorder is made only for a chain that has begun")
    return spool.state
