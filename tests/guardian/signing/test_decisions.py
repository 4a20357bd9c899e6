"""What was decided stands for ever, also when the process dies at any step of deciding."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.guardian.facts import ADDRESSES, BRIDGE, PAYER, TRADING, key, reservation_terms
from tests.guardian.signing.crashes import Died, Dying

from gridtokenx_guardian import keys
from gridtokenx_guardian.errors import ContraryDecision, StateError
from gridtokenx_guardian.signing import state
from gridtokenx_guardian.signing.decisions import Decisions
from gridtokenx_guardian.signing.signer import Signer
from gridtokenx_programs.attestation import PAID, UNPAID, Attestation
from gridtokenx_programs.evm import Release

RESERVATION = key("reservation")
RELEASE = Release(RESERVATION, PAYER, 300, 1)


def attestation(kind: bytes = PAID, epoch: int = 1, amount: int = 300) -> Attestation:
    terms = reservation_terms(payment_micro_thbc=amount)
    market = ADDRESSES.market()
    return Attestation(kind, b"depl", TRADING.id, market, epoch, RESERVATION, terms)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "guardian"
    state.create(folder, keys.create(folder))
    return folder


@pytest.fixture
def signer(folder: Path) -> Iterator[Signer]:
    with closing(state.open_state(folder, keys.load(folder))) as connection:
        yield Signer(keys.load(folder), Decisions(connection), BRIDGE)


class TestAttestation:
    def test_it_is_given_again(self, signer: Signer) -> None:
        first = signer.attest(attestation())
        assert signer.attest(attestation()) == first == signer.attested(RESERVATION)
        assert first.digest == attestation().digest()
        assert first.is_paid

    @pytest.mark.parametrize(
        "other", [attestation(UNPAID), attestation(epoch=2), attestation(amount=301)]
    )
    def test_another_is_refused_for_ever(self, signer: Signer, other: Attestation) -> None:
        first = signer.attest(attestation())
        with pytest.raises(ContraryDecision):
            signer.attest(other)
        assert signer.attested(RESERVATION) == first

    def test_unpaid_is_refused_after_a_release(self, signer: Signer) -> None:
        signer.release(RELEASE)
        with pytest.raises(ContraryDecision):
            signer.attest(attestation(UNPAID))
        assert signer.attested(RESERVATION) is None

    def test_nothing_is_signed_that_was_not_decided(self, signer: Signer) -> None:
        assert signer.attested(RESERVATION) is None
        assert signer.released(RESERVATION) is None


def test_reservations_have_nothing_to_do_with_each_other(signer: Signer) -> None:
    signer.attest(attestation(UNPAID))
    other = Release(key("another"), PAYER, 300, 1)
    assert signer.release(other) == signer.released(key("another"))
    assert signer.attested(key("another")) is None


class TestRelease:
    def test_it_follows_an_attestation(self, signer: Signer) -> None:
        signer.attest(attestation())
        first = signer.release(RELEASE)
        assert signer.release(RELEASE) == first == signer.released(RESERVATION)

    def test_it_is_refused_after_unpaid(self, signer: Signer) -> None:
        signer.attest(attestation(UNPAID))
        with pytest.raises(ContraryDecision):
            signer.release(RELEASE)
        assert signer.released(RESERVATION) is None

    def test_it_is_signed_anew_for_a_later_set(self, signer: Signer) -> None:
        first = signer.release(RELEASE)
        later = Release(RESERVATION, PAYER, 300, 2)
        assert signer.release(later).digest != first.digest
        assert signer.released(RESERVATION) == signer.release(later)
        with pytest.raises(ContraryDecision):
            signer.release(RELEASE)

    @pytest.mark.parametrize(
        "other", [Release(RESERVATION, PAYER, 301, 2), Release(RESERVATION, bytes(20), 300, 2)]
    )
    def test_another_is_refused_for_ever(self, signer: Signer, other: Release) -> None:
        signer.release(RELEASE)
        with pytest.raises(ContraryDecision):
            signer.release(other)


class TestState:
    def test_it_is_begun_once(self, folder: Path) -> None:
        with pytest.raises(StateError, match="never begun anew"):
            state.create(folder, keys.load(folder))

    def test_keys_without_it_sign_nothing(self, folder: Path) -> None:
        (folder / state.STATE).unlink()
        with pytest.raises(StateError, match="dismiss this guardian"):
            state.open_state(folder, keys.load(folder))

    def test_it_belongs_to_its_keys(self, folder: Path, tmp_path: Path) -> None:
        with pytest.raises(StateError, match="other keys"):
            state.open_state(folder, keys.create(tmp_path / "another"))

    def test_a_damaged_one_is_refused(self, folder: Path) -> None:
        (folder / state.STATE).write_bytes(b"damaged" * 1000)
        with pytest.raises(StateError):
            state.open_state(folder, keys.load(folder))

    def test_every_commit_is_on_disk(self, folder: Path) -> None:
        with closing(state.open_state(folder, keys.load(folder))) as connection:
            assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL

    def test_a_full_disk_is_named_and_nothing_is_signed(self, folder: Path, signer: Signer) -> None:
        with closing(sqlite3.connect(folder / state.STATE)) as other:
            other.execute("BEGIN IMMEDIATE")  # nobody else writes meanwhile
            signer._decisions.connection.execute("PRAGMA busy_timeout = 0")
            with pytest.raises(StateError, match="see to the disk"):
                signer.attest(attestation())
        assert signer.attested(RESERVATION) is None


class DyingKeys:
    """Keys in a process that dies when it comes to sign."""

    def __init__(self, dying: Dying) -> None:
        self._dying = dying

    def sign_solana(self, _: bytes) -> bytes:
        self._dying.steps_left = 0
        self._dying.step()
        raise AssertionError("it is dead")

    sign_evm = sign_solana


def test_killed_between_decision_and_signature_it_signs_the_same(folder: Path) -> None:
    own = keys.load(folder)
    dying = Dying(folder)
    with closing(state.open_state(folder, own, dying.connect)) as connection:
        signer = Signer(DyingKeys(dying), Decisions(connection), BRIDGE)  # type: ignore[arg-type] # stands in for the keys
        with pytest.raises(Died):
            signer.attest(attestation())
    with closing(state.open_state(dying.remains, own)) as connection:
        again = Signer(own, Decisions(connection), BRIDGE)
        signed = again.attested(RESERVATION)
        assert signed is not None
        assert signed.signature == own.sign_solana(attestation().digest())
        with pytest.raises(ContraryDecision):
            again.attest(attestation(UNPAID))
