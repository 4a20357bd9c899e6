"""What must outlive a lost spool, kept beside the key."""

from gridtokenx_edge.checkpoint.file import Checkpoint, checkpoint_path, open_signed

__all__ = ["Checkpoint", "checkpoint_path", "open_signed"]
