"""A chain's two ports: HTTP, and the next one for the websocket, where Solana's clients seek it."""

import contextlib
import socket

from gridtokenx_hub.local_chain.errors import LocalChainError


def listen(port: int, attempts: int = 20) -> tuple[socket.socket, socket.socket]:
    """Listen on 127.0.0.1 at `port` and at the one after it.

    If `port` is 0 the system chooses one, as often as `attempts` says until the next is free too.

    Raises:
        LocalChainError: one of the ports is in use.
    """
    with contextlib.ExitStack() as opened:
        http = opened.enter_context(_listener(port))
        try:
            websocket = opened.enter_context(_listener(http.getsockname()[1] + 1))
        except LocalChainError:
            if port == 0 and attempts > 1:
                return listen(port, attempts - 1)
            raise
        opened.pop_all()
        return http, websocket


def _listener(port: int) -> socket.socket:
    try:
        listener = socket.create_server(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        raise LocalChainError(
            f"127.0.0.1:{port} cannot be used ({error}): stop what listens there, or choose"
            " another port; the websocket has the one after it"
        ) from error
    # Connections inherit it. Without, an answer's second packet waits 40 ms for an ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
