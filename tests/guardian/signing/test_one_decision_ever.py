"""Random decisions and deaths: what is signed of a reservation never contradicts itself."""

import contextlib
import shutil
import sqlite3
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.guardian.facts import ADDRESSES, BRIDGE, TRADING, key, reservation_terms
from tests.guardian.signing.crashes import Died, Dying

from gridtokenx_guardian import keys
from gridtokenx_guardian.errors import ContraryDecision
from gridtokenx_guardian.signing import state
from gridtokenx_guardian.signing.decisions import Decisions
from gridtokenx_guardian.signing.signer import Signer
from gridtokenx_programs.attestation import PAID, UNPAID, Attestation
from gridtokenx_programs.evm import Release

RESERVATION = key("reservation")
kinds = st.sampled_from([PAID, UNPAID])
epochs = st.integers(1, 2)
amounts = st.integers(300, 301)
payers = st.sampled_from([bytes(20), bytes([1]) * 20])
steps = st.none() | st.integers(0, 14)


@dataclass(frozen=True)
class Watched:
    """A guardian's keys: all that they ever sign is written down, and each is a step to die at."""

    keys: keys.Keys
    dying: Dying
    signed: set[bytes]

    def sign_solana(self, digest: bytes) -> bytes:
        return self._sign(digest)

    def sign_evm(self, digest: bytes) -> bytes:
        return self._sign(digest)

    def _sign(self, digest: bytes) -> bytes:
        self.dying.step()
        self.signed.add(digest)
        self.dying.step()
        return digest


class Guardian(RuleBasedStateMachine):
    """One guardian that decides, dies and starts again on what its disk has."""

    @initialize()
    def begin(self) -> None:
        self.home = Path(tempfile.mkdtemp())
        self.keys = keys.create(self.home / "guardian")
        state.create(self.home / "guardian", self.keys)
        self.signed: set[bytes] = set()
        self.meaning: dict[bytes, bytes | Release] = {}
        self.start(self.home / "guardian")

    def start(self, folder: Path) -> None:
        self.dying = Dying(folder)
        self.connection = state.open_state(folder, self.keys, self.dying.connect)
        watched = Watched(self.keys, self.dying, self.signed)
        self.signer = Signer(watched, Decisions(self.connection), BRIDGE)  # type: ignore[arg-type] # stands in for the keys

    def after(self) -> None:
        """Start anew if it died."""
        if self.dying.is_dead:
            sqlite3.Connection.close(self.connection)
            self.start(self.dying.remains)
        self.dying.steps_left = None

    def teardown(self) -> None:
        sqlite3.Connection.close(self.connection)
        shutil.rmtree(self.home)

    @rule(kind=kinds, epoch=epochs, amount=amounts, dies_after=steps)
    def attest(self, kind: bytes, epoch: int, amount: int, dies_after: int | None) -> None:
        terms = reservation_terms(payment_micro_thbc=amount)
        market = ADDRESSES.market()
        attestation = Attestation(kind, b"depl", TRADING.id, market, epoch, RESERVATION, terms)
        self.meaning[attestation.digest()] = kind
        self.dying.steps_left = dies_after
        with contextlib.suppress(Died, ContraryDecision):
            self.signer.attest(attestation)
        self.after()

    @rule(payer=payers, epoch=epochs, amount=amounts, dies_after=steps)
    def release(self, payer: bytes, epoch: int, amount: int, dies_after: int | None) -> None:
        release = Release(RESERVATION, payer, amount, epoch)
        self.meaning[release.digest(BRIDGE)] = release
        self.dying.steps_left = dies_after
        with contextlib.suppress(Died, ContraryDecision):
            self.signer.release(release)
        self.after()

    @rule()
    def ask(self) -> None:
        """As relayers do: everything that is decided is signed again."""
        self.signer.attested(RESERVATION)
        self.signer.released(RESERVATION)

    @invariant()
    def nothing_contradicts_itself(self) -> None:
        means = [self.meaning[digest] for digest in self.signed]
        attested = [mean for mean in means if not isinstance(mean, Release)]
        released = {
            (mean.payer, mean.amount_micro_thbc) for mean in means if isinstance(mean, Release)
        }
        assert len(attested) <= 1, "two different attestations"
        assert len(released) <= 1, "releases of different contents"
        assert not (UNPAID in attested and released), "unpaid, and released"


TestGuardian = Guardian.TestCase
TestGuardian.settings = settings(max_examples=60, stateful_step_count=10, deadline=None)
