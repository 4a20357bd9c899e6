"""The demo's second act: a neighbour pays in baht, over the bridge on an EVM chain."""
