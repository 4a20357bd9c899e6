"""What a guardian has decided, each decision once: on disk before anything is signed."""

import sqlite3
from dataclasses import dataclass

from solders.pubkey import Pubkey

from gridtokenx_guardian.errors import ContraryDecision
from gridtokenx_guardian.signing.state import rows, transaction
from gridtokenx_programs.attestation import UNPAID
from gridtokenx_programs.evm import Release
from gridtokenx_programs.evm.words import word

KIND_SIZE = 8


@dataclass(frozen=True, slots=True)
class Decisions:
    """The decisions in a guardian's state."""

    connection: sqlite3.Connection

    def attest(self, reservation: Pubkey, message: bytes) -> None:
        """Decide on the attestation of a reservation, its whole message; on disk on return.

        Raises:
            ContraryDecision: another message was decided, or a release where this is `UNPAID`.
            StateError: the disk did not take it.
        """
        with transaction(self.connection):
            before = self.attestation(reservation)
            if before not in {None, message}:
                raise ContraryDecision(f"another attestation of {reservation} stands for ever")
            if message[:KIND_SIZE] == UNPAID and self.release(reservation) is not None:
                raise ContraryDecision(f"the release of {reservation} stands for ever")
            if before is None:
                self.connection.execute(
                    "INSERT INTO attestations VALUES (?, ?)", (bytes(reservation), message)
                )

    def attestation(self, reservation: Pubkey) -> bytes | None:
        """The message that was decided of a reservation, None when nothing was."""
        query = "SELECT message FROM attestations WHERE reservation = ?"
        found = rows(self.connection, query, bytes(reservation))
        return bytes(found[0][0]) if found else None

    def decide_release(self, release: Release) -> None:
        """Decide on a release; a later epoch takes the place of an earlier. On disk on return.

        Raises:
            ContraryDecision: the reservation was decided to be unpaid, or its release was decided
                for another payer or amount or a later epoch.
            StateError: the disk did not take it.
        """
        reservation = release.reservation
        with transaction(self.connection):
            if (self.attestation(reservation) or b"")[:KIND_SIZE] == UNPAID:
                raise ContraryDecision(f"{reservation} was decided to be unpaid, for ever")
            before = self.release(reservation)
            if before is not None and (
                (before.payer, before.amount_micro_thbc)
                != (release.payer, release.amount_micro_thbc)
                or before.guardian_epoch > release.guardian_epoch
            ):
                raise ContraryDecision(f"another release of {reservation} stands for ever")
            if before != release:
                amount = word(release.amount_micro_thbc)
                self.connection.execute(
                    "INSERT OR REPLACE INTO releases VALUES (?, ?, ?, ?)",
                    (bytes(reservation), release.payer, amount, release.guardian_epoch),
                )

    def release(self, reservation: Pubkey) -> Release | None:
        """The release that was decided of a reservation, None when none was."""
        query = "SELECT payer, amount, guardian_epoch FROM releases WHERE reservation = ?"
        found = rows(self.connection, query, bytes(reservation))
        if not found:
            return None
        payer, amount, epoch = found[0]
        return Release(reservation, bytes(payer), int.from_bytes(amount, "big"), epoch)
