"""Why the hub does not start on this chain."""


class BootstrapError(RuntimeError):
    """The chain is not what the hub expects; the message names both and what to do."""
