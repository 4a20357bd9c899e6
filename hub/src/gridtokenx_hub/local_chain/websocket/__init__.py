"""What the chain tells by itself: JSON-RPC subscriptions over a websocket, as Agave has them."""

from gridtokenx_hub.local_chain.websocket.server import WebsocketServer
from gridtokenx_hub.local_chain.websocket.subscriptions import Subscriptions

__all__ = ["Subscriptions", "WebsocketServer"]
