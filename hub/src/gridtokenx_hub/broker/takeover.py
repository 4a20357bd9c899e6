"""Ends another client's session: whoever connects with its client id takes its place (MQTT 5)."""

import asyncio

import mqtt5

from gridtokenx_hub.broker.settings import BrokerSettings, tls_context

TIMEOUT_S = 5
READ_SIZE = 4096


async def take_over(broker: BrokerSettings, client_id: str) -> None:
    """Throw out whoever is connected under `client_id`, and leave no session of that name.

    Raises:
        OSError: the broker cannot be reached, refuses us or does not answer.
    """
    context = tls_context(broker.tls) if broker.tls else None
    async with asyncio.timeout(TIMEOUT_S):
        reader, writer = await asyncio.open_connection(broker.host, broker.port, ssl=context)
        try:
            writer.write(mqtt5.ConnectPacket(client_id, clean_start=True).write())
            await _accepted(reader)
            writer.write(mqtt5.DisconnectPacket().write())
            await writer.drain()
        finally:
            writer.close()


async def _accepted(reader: asyncio.StreamReader) -> None:
    data = b""
    while True:
        received = await reader.read(READ_SIZE)
        if not received:
            raise ConnectionError("the broker closed the connection")
        data += received
        try:
            packet, _ = mqtt5.read(memoryview(data))
        except IndexError:
            continue  # the packet's end is still to come
        if isinstance(packet, mqtt5.ConnAckPacket) and (
            packet.reason_code == mqtt5.ConnAckReasonCode.SUCCESS
        ):
            return
        raise ConnectionError(f"the broker refuses us: {packet}")
