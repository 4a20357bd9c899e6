"""The baseline and the last settlement reading of a key, in a small file beside it.

It is written after the spool, so that it is never ahead of it. From it an agent knows three
things that a lost spool takes away: that a baseline was signed (and which: a second one would
be equivocation), how far sequences had come, and the surplus register, without which the chain
would refuse every later settlement. Both messages are signed by the key itself, so that a
damaged or foreign file is noticed.

A key that took an earlier one's place has the reading with which it began for its baseline; the
first reading of a new meter stands where the last settlement reading does.
"""

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import quote

from gridtokenx_edge.durable import replace_file
from gridtokenx_edge.errors import CheckpointError
from gridtokenx_edge.keystore.source import KeySource
from gridtokenx_edge.records import SignedReading
from gridtokenx_protocol import cose
from gridtokenx_protocol.errors import ProtocolError
from gridtokenx_protocol.keys import Signer
from gridtokenx_protocol.payload import Payload, record_hash


def checkpoint_path(key: KeySource) -> Path:
    """Where the checkpoint of a key is: beside its file, or beside the PIN of its token."""
    if isinstance(key, Path):
        return key.with_name(key.name + ".checkpoint")
    name = f"{quote(key.token, safe='')}.{quote(key.object, safe='')}.checkpoint"
    return key.pin.with_name(name)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The baseline, and the last settlement reading if there is one yet.

    Attributes:
        earlier: Public keys that signed before this one, oldest first.
    """

    baseline: SignedReading
    settlement: SignedReading | None = None
    earlier: tuple[bytes, ...] = ()

    @property
    def latest(self) -> SignedReading:
        """The later of the two."""
        return self.settlement or self.baseline

    @classmethod
    def load(cls, path: Path, signer: Signer) -> Self | None:
        """Read the checkpoint; None when there is none.

        Raises:
            CheckpointError: Damaged, unreadable, or not signed by this key.
        """
        try:
            fields = json.loads(path.read_text(encoding="ascii"))
            baseline = open_signed(b64decode(fields["baseline"], validate=True), signer)
            settlement = fields["settlement"]
            if settlement is not None:
                settlement = open_signed(b64decode(settlement, validate=True), signer)
            earlier = tuple(bytes.fromhex(key) for key in fields.get("earlier", ()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(
                f"{path} is damaged or another key's ({error}); restore it from a backup, or"
                " register the meter anew with a new key"
            ) from error
        return cls(baseline, settlement, earlier)

    def save(self, path: Path) -> None:
        """Replace the checkpoint; it is on disk before this returns.

        Raises:
            CheckpointError: It cannot be written.
        """
        text = json.dumps(
            {
                "baseline": b64encode(self.baseline.message).decode(),
                "settlement": self.settlement and b64encode(self.settlement.message).decode(),
                "earlier": [key.hex() for key in self.earlier],
            }
        )
        try:
            replace_file(path, text, 0o666)
        except OSError as error:
            raise CheckpointError(
                f"{path}: {error.strerror}; make its folder writable and free some space"
            ) from error


def open_signed(message: bytes, signer: Signer) -> SignedReading:
    """Take a bare message of our own apart and check that it is our own.

    Raises:
        ProtocolError: It is not.
    """
    signed = cose.decode(message)
    cose.verify(signed, signer.algorithm, signer.public_key)
    payload = Payload.decode(signed.payload)
    if len(payload.records) != 1:
        raise ProtocolError("expected one record")
    (record,) = payload.records
    return SignedReading(
        record=record,
        message=message,
        hash=record_hash(record, payload.extras),
        kept=True,
    )
