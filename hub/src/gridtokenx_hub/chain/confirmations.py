"""One poller for all transactions that are awaited."""

import asyncio
from collections import defaultdict

from gridtokenx_hub.chain.client import ChainClient
from gridtokenx_hub.chain.errors import ChainError
from gridtokenx_hub.chain.types import SignatureStatus

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 0.4


class ConfirmationWatcher:
    """Lets many wait for the confirmation of their transactions by one request for all.

    The poller runs only while somebody waits. It asks at once when somebody new comes, and less
    often the longer nobody does.
    """

    def __init__(self, client: ChainClient) -> None:
        self._client = client
        self._waiting: defaultdict[str, set[asyncio.Future[SignatureStatus]]] = defaultdict(set)
        self._someone_new = asyncio.Event()
        self._poller: asyncio.Task[None] | None = None

    async def wait(self, signature: str, timeout_s: float) -> SignatureStatus | None:
        """Return the status of a transaction once it is confirmed, None after `timeout_s`.

        Raises:
            ChainUnavailable: the node does not answer.
        """
        future: asyncio.Future[SignatureStatus] = asyncio.get_running_loop().create_future()
        self._waiting[signature].add(future)
        self._someone_new.set()
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll())
        try:
            async with asyncio.timeout(timeout_s):
                return await future
        except TimeoutError:
            return None
        finally:
            self._waiting[signature].discard(future)
            if not self._waiting[signature]:
                del self._waiting[signature]

    async def _poll(self) -> None:
        pause_s = FIRST_PAUSE_S
        while self._waiting:
            if self._someone_new.is_set():
                self._someone_new.clear()
                pause_s = FIRST_PAUSE_S
            await self._ask_once()
            try:
                async with asyncio.timeout(pause_s):
                    await self._someone_new.wait()
            except TimeoutError:
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def _ask_once(self) -> None:
        signatures = list(self._waiting)
        try:
            statuses = await self._client.signature_statuses(signatures)
        except ChainError as error:
            for signature in signatures:
                for future in self._waiting.get(signature, ()):
                    if not future.done():
                        future.set_exception(error)
            return
        for signature, status in zip(signatures, statuses, strict=True):
            if status is None or not status.is_confirmed:
                continue
            for future in self._waiting.get(signature, ()):
                if not future.done():
                    future.set_result(status)
