"""Whether a meter has its baseline, and whether its chain goes on with this key."""

from gridtokenx_edge.checkpoint import Checkpoint, checkpoint_path, open_signed
from gridtokenx_edge.config import MeterConfig
from gridtokenx_edge.errors import NotProvisioned
from gridtokenx_edge.records import SignedReading
from gridtokenx_edge.spool import Spool
from gridtokenx_protocol import cose
from gridtokenx_protocol.keys import Signer, key_id


def find_checkpoint(config: MeterConfig, signer: Signer, spool: Spool) -> Checkpoint | None:
    """The checkpoint of a meter; made anew from the spool when it is missing.

    Returns:
        None when nothing was ever signed.

    Raises:
        NotProvisioned: There are readings, but none with which this key began, or another key has
            gone on behind them.
        CheckpointError: The file beside the key cannot be used.
    """
    path = checkpoint_path(config.key)
    checkpoint = Checkpoint.load(path, signer)
    if checkpoint is None and spool.state is None:
        return None
    if checkpoint is None:
        first = first_reading(spool, signer)
        if first is None:
            raise NotProvisioned(
                f"{path} is missing, and {config.spool.path} holds no reading with which this key"
                " began: restore the file, run gtx-provision rotate-key again if that broke off,"
                " or register the meter anew with a new key and spool"
            )
        checkpoint = Checkpoint(first)
        checkpoint.save(path)
    _refuse_other_key(config, signer, spool, checkpoint)
    return checkpoint


def first_reading(spool: Spool, signer: Signer) -> SignedReading | None:
    """The reading with which a key began; None when the spool does not hold it."""
    kid = key_id(signer.public_key)
    ours = (message for message in spool.kept() if cose.decode(message).kid == kid)
    message = next(ours, None)
    if message is None:
        return None
    first = open_signed(message, signer)
    return None if first.record.is_settlement else first


def _refuse_other_key(
    config: MeterConfig, signer: Signer, spool: Spool, checkpoint: Checkpoint
) -> None:
    """A chain goes on with the key that signed its last reading, or with a later one.

    A spool that is older than the key was restored from a backup: that is no matter here.
    """
    newest = spool.newest()
    if newest is None or newest.sequence < checkpoint.baseline.record.sequence:
        return
    if cose.decode(newest.message).kid != key_id(signer.public_key):
        raise NotProvisioned(
            f"another key than {config.key} has signed the last reading in {config.spool.path}:"
            " run gtx-provision rotate-key again, it goes on where it stopped"
        )
