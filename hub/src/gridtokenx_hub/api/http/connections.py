"""Connections whose other end takes too long: uvicorn itself waits for them for ever.

The hub answers so many connections at a time, and no more. Without these limits, whoever opens that
many and says nothing, or asks and reads nothing, keeps everybody else out.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_TIMEOUT_S = 10.0
"""For all headers of a request, from its first byte, or from the beginning of the connection."""
READ_TIMEOUT_S = 30.0
"""For the other end to make room by reading."""
MAX_HEAD_BYTES = 64 * 1024


class ImpatientProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, without patience for a slow head or a client that does not read."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._read_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._head_is_over()
        self._is_read()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass it on, and refuse a head that grows without end."""
        super().data_received(data)
        if self._head_timer is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        """Begin to wait for the head of a later request."""
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        """Go on with a request whose head is there."""
        self._head_is_over()
        super().on_headers_complete()

    def pause_writing(self) -> None:
        """Begin to wait for the client to read."""
        super().pause_writing()
        self._is_read()
        self._read_timer = self.loop.call_later(READ_TIMEOUT_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on: it has read."""
        self._is_read()
        super().resume_writing()

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_bytes = 0
            self._head_timer = self.loop.call_later(
                HEAD_TIMEOUT_S, self._refuse, b"408 Request Timeout"
            )

    def _head_is_over(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _is_read(self) -> None:
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None

    def _refuse(self, status: bytes) -> None:
        self._head_is_over()
        if not self.transport.is_closing():
            self.transport.write(
                b"HTTP/1.1 " + status + b"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            )
            self.transport.close()
