"""The hub dies, as far as a request can tell."""

from typing import Any

import pytest

from gridtokenx_hub.chain import ChainUnavailable, TransactionSender


class Crash:
    """Lets it die before or after a transaction is sent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch

    def after_sending(self) -> None:
        deliver = TransactionSender.deliver

        async def lost(self: TransactionSender, prepared: Any) -> Any:
            await deliver(self, prepared)
            raise ChainUnavailable("the answer was lost")

        self._patch.setattr(TransactionSender, "deliver", lost)

    def before_sending(self) -> None:
        async def lost(_self: TransactionSender, _prepared: Any) -> Any:
            raise ChainUnavailable("never sent")

        self._patch.setattr(TransactionSender, "deliver", lost)

    def restart(self) -> None:
        self._patch.undo()
