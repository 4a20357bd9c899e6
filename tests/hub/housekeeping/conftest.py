from tests.hub.onchain import chain, world

__all__ = ["chain", "world"]
