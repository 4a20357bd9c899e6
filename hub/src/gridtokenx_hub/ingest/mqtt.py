"""One MQTT 5 connection of a subscriber that acknowledges when the work is done.

Packets are read and written by mqtt5 (Rust, no I/O). A message's PUBACK is ours to send, after
its commit, so the broker's receive maximum bounds what waits in memory, and what we had not
committed is sent again after a reconnect.
"""

import asyncio
import math
from collections.abc import Callable, Iterable
from typing import TypeAlias, cast

import mqtt5

from gridtokenx_hub.broker.settings import BrokerSettings, tls_context

KEEP_ALIVE_S = 30.0
PINGS_A_KEEP_ALIVE = 3
SESSION_EXPIRY_S = 60
"""So long the broker keeps for us what arrives while we are away: longer than a restart takes, and
not so long that what it deals to a worker that stays away is kept from the others."""
RECEIVE_MAX = 4096
MAX_PACKET_SIZE = 32_768
"""Twice the largest message of the protocol; the broker drops larger ones for us."""
CONNECT_TIMEOUT_S = 10
REFUSALS_FROM = 0x80
"""MQTT 5, 2.4: reason codes from here on are failures."""


OnMessages: TypeAlias = Callable[["Session", list[mqtt5.PublishPacket]], None]


class MqttError(ConnectionError):
    """The broker refused us, broke the protocol or went away."""


class Session(asyncio.Protocol):
    """One connection.

    `on_messages` is called with the messages that have come together, `on_change` whenever there is
    room for another message of ours and when the connection has ended.
    """

    def __init__(
        self,
        client_id: str,
        on_messages: OnMessages,
        on_change: Callable[[], None],
        keep_alive_s: float,
    ) -> None:
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._on_messages = on_messages
        self._on_change = on_change
        self._connect = mqtt5.ConnectPacket(
            client_id,
            keep_alive=math.ceil(keep_alive_s),
            session_expiry_interval=SESSION_EXPIRY_S,
            receive_max=RECEIVE_MAX,
            max_packet_size=MAX_PACKET_SIZE,
        )
        self._keep_alive_s = keep_alive_s
        self._transport: asyncio.Transport | None = None
        self._unread = b""
        self._unsent: list[bytes] = []
        self._in_flight: set[int] = set()
        self._next_id = 0
        self._room = 0
        self._heard_at = loop.time()
        self._subscribed: asyncio.Future[mqtt5.SubAckPacket] = loop.create_future()
        self.accepted: asyncio.Future[mqtt5.ConnAckPacket] = loop.create_future()
        self.closed = False
        self.reason = ""
        """Why it is closed."""
        self.shares = False
        """Whether the broker has shared subscriptions."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say hello."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        self._transport.write(self._connect.write())
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Read whole packets and keep the rest."""
        self._heard_at = self._loop.time()
        self._unread += data
        view = memoryview(self._unread)
        start = 0
        messages: list[mqtt5.PublishPacket] = []
        try:
            while start < len(view):
                packet, size = mqtt5.read(view[start:])
                start += size
                if isinstance(packet, mqtt5.PublishPacket):
                    messages.append(packet)
                else:
                    self._handle(packet)
        except IndexError:
            pass  # the packet's end is still to come
        except ValueError as error:
            self.abort(f"the broker sent what is not MQTT 5: {error}")
            return
        self._unread = bytes(view[start:])
        if messages:
            self._on_messages(self, messages)

    def connection_lost(self, error: Exception | None) -> None:
        """Tell everyone who waits."""
        self.abort(str(error) if error else "the broker closed the connection")

    def abort(self, reason: str) -> None:
        """End the connection without a word to the broker."""
        if self._transport is not None:
            self._transport.abort()
        for future in (self.accepted, self._subscribed):
            if not future.done():
                future.set_exception(MqttError(reason))
                future.exception()  # nobody may be waiting
        if not self.closed:
            self.closed = True
            self.reason = reason
            self._on_change()

    def disconnect(self) -> None:
        """Leave in good order; the broker keeps our session."""
        if not self.closed and self._transport is not None:
            self._transport.write(b"".join(self._unsent))
            self._transport.write(
                mqtt5.DisconnectPacket(session_expiry_interval=SESSION_EXPIRY_S).write()
            )
            self._transport.close()

    async def subscribe(self, pattern: str) -> None:
        """Subscribe at QoS 1.

        Raises:
            OSError: the broker refuses it (`MqttError`) or does not answer.
        """
        topic_filter = mqtt5.TopicFilter(pattern, max_qos=mqtt5.QoS.AT_LEAST_ONCE)
        self._send(mqtt5.SubscribePacket(self._new_id(), [topic_filter]).write())
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            answer = await self._subscribed
        if int(answer.reason_codes[0]) >= REFUSALS_FROM:
            raise MqttError(f"the broker refuses {pattern}: {answer.reason_codes[0].name}")

    @property
    def has_room(self) -> bool:
        """Whether the broker takes another message of ours before it acknowledges one."""
        return len(self._in_flight) < self._room

    @property
    def idle(self) -> bool:
        """Whether the broker has acknowledged all messages of ours."""
        return not self._in_flight

    def publish(self, topic: str, payload: bytes, *, retain: bool = True) -> None:
        """Publish a message at QoS 1; only while `has_room`."""
        packet_id = self._new_id()
        self._in_flight.add(packet_id)
        self._send(
            mqtt5.PublishPacket(
                topic, payload, qos=mqtt5.QoS.AT_LEAST_ONCE, retain=retain, packet_id=packet_id
            ).write()
        )

    def acknowledge(self, packet_ids: Iterable[int]) -> None:
        """Send the PUBACKs of messages that are done with."""
        self._send(b"".join(mqtt5.PubAckPacket(packet_id).write() for packet_id in packet_ids))

    def _handle(self, packet: mqtt5.Packet) -> None:
        if isinstance(packet, mqtt5.PubAckPacket):
            self._in_flight.discard(packet.packet_id)
            self._on_change()
        elif isinstance(packet, mqtt5.ConnAckPacket):
            self._on_connack(packet)
        elif isinstance(packet, mqtt5.SubAckPacket):
            self._subscribed.set_result(packet)
        elif isinstance(packet, mqtt5.DisconnectPacket):
            self.abort(f"the broker sent us away: {packet.reason_code.name}")

    def _on_connack(self, packet: mqtt5.ConnAckPacket) -> None:
        if packet.reason_code != mqtt5.ConnAckReasonCode.SUCCESS:
            self.abort(f"the broker refuses us: {packet.reason_code.name}")
            return
        self._room = packet.receive_max
        self.shares = packet.shared_subscription_available
        self.accepted.set_result(packet)

    def _new_id(self) -> int:
        while True:
            self._next_id = self._next_id % 65_535 + 1
            if self._next_id not in self._in_flight:
                return self._next_id

    def _send(self, data: bytes) -> None:
        """Write with whatever else is sent in the same turn of the loop: one system call."""
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(data)

    def _flush(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(self._unsent))
        self._unsent.clear()

    def _watch(self) -> None:
        """Ping, and end the connection when nothing has come for longer than the keep-alive."""
        if self.closed:
            return
        if self._loop.time() - self._heard_at > self._keep_alive_s:
            self.abort("the broker is silent")
            return
        if self.accepted.done():
            self._send(mqtt5.PingReqPacket().write())
        self._loop.call_later(self._keep_alive_s / PINGS_A_KEEP_ALIVE, self._watch)


async def connect(
    settings: BrokerSettings,
    client_id: str,
    on_messages: OnMessages,
    on_change: Callable[[], None],
    keep_alive_s: float = KEEP_ALIVE_S,
) -> Session:
    """Connect and wait until the broker has accepted us.

    Raises:
        OSError: the broker cannot be reached, refuses us (`MqttError`) or does not answer.
    """
    loop = asyncio.get_running_loop()
    context = tls_context(settings.tls) if settings.tls else None
    async with asyncio.timeout(CONNECT_TIMEOUT_S):
        _, session = await loop.create_connection(
            lambda: Session(client_id, on_messages, on_change, keep_alive_s),
            settings.host,
            settings.port,
            ssl=context,
        )
        try:
            await session.accepted
        except BaseException:
            session.abort("gave up connecting")
            raise
    return session
