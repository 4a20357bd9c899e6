"""Whether a meter has its baseline."""

from gridtokenx_edge.checkpoint import Checkpoint, checkpoint_path, open_signed
from gridtokenx_edge.config import MeterConfig
from gridtokenx_edge.errors import NotProvisioned
from gridtokenx_edge.spool import Spool
from gridtokenx_protocol.keys import Signer


def find_checkpoint(config: MeterConfig, signer: Signer, spool: Spool) -> Checkpoint | None:
    """The checkpoint of a meter; made anew from the spool when it is missing.

    Returns:
        None when nothing was ever signed.

    Raises:
        NotProvisioned: There are readings, but their baseline is gone.
        CheckpointError: The file beside the key cannot be used.
    """
    path = checkpoint_path(config.key)
    checkpoint = Checkpoint.load(path, signer)
    if checkpoint is not None or spool.state is None:
        return checkpoint
    message = spool.message(1)
    if message is None:
        raise NotProvisioned(
            f"{path} is missing, and {config.spool.path} no longer holds the baseline: restore"
            " it, or register the meter anew with a new key and spool"
        )
    checkpoint = Checkpoint(open_signed(message, signer))
    checkpoint.save(path)
    return checkpoint
