from ..onchain import chain, world

__all__ = ["chain", "world"]
