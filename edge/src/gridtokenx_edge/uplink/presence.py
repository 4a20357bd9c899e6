"""What the device tells of itself on its status topic."""

from importlib.metadata import version

import aiomqtt

from gridtokenx_edge.config.model import MeterConfig
from gridtokenx_edge.spool import Spool, SpoolThread
from gridtokenx_protocol.status import MAX_TEXT, Status
from gridtokenx_protocol.topics import status_topic

AGENT_VERSION = version("gridtokenx-edge")[:MAX_TEXT]
_QOS = 1


class Presence:
    """Birth, state and death of one connection.

    The broker tells of the death when the connection is lost (last will); a stopped agent tells
    of it itself.
    """

    def __init__(
        self, config: MeterConfig, spool: Spool, thread: SpoolThread, session: int
    ) -> None:
        """Take up a session; ``session`` is Unix ms."""
        self._config = config
        self._spool = spool
        self._thread = thread
        self._session = session
        self._topic = status_topic(config.id)

    async def will(self) -> aiomqtt.Will:
        """What the broker tells when the connection is lost."""
        status = await self._thread.call(self._status, online=False)
        return aiomqtt.Will(self._topic, status.encode(), _QOS, retain=True)

    async def tell(self, client: aiomqtt.Client, *, online: bool) -> None:
        """Publish how things stand.

        Raises:
            aiomqtt.MqttError: It could not be published.
        """
        status = await self._thread.call(self._status, online=online)
        await client.publish(self._topic, status.encode(), qos=_QOS, retain=True)

    def _status(self, *, online: bool) -> Status:
        stands = self._spool.stands()
        return Status(
            deployment=self._config.deployment,
            online=online,
            session=self._session,
            oldest_sequence=stands.oldest_sequence,
            last_sequence=stands.last_sequence,
            version=AGENT_VERSION,
            profile=self._config.profile.name[:MAX_TEXT],
        )
