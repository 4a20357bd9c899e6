"""What the changes of an installed meter have in common: a code, acted on once, and its end."""

import asyncio
import hashlib
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gridtokenx_edge.cli.common import describe_key
from gridtokenx_edge.clock import Clock
from gridtokenx_edge.records import SignedReading
from gridtokenx_edge.spool.schema import is_in_use
from gridtokenx_protocol.keys import Signer
from gridtokenx_provisioning.claimed import Claimed
from gridtokenx_provisioning.errors import AgentRuns, FolderError, HubRefused, KeyMismatch
from gridtokenx_provisioning.hub import Hub
from gridtokenx_provisioning.live import wait_for_reading
from gridtokenx_provisioning.progress import Progress
from gridtokenx_provisioning.site import Site, installed_meter

Say = Callable[[str], None]
"""Takes a line of progress."""

VERBS: Final = {
    "rotate_key": "rotate-key",
    "replace_meter": "replace-meter",
    "transfer": "transfer",
    "revoke": "decommission",
}
"""The command for each purpose of a code."""
UNDER_WAY: Final = frozenset({"NotSettled", "ReadingsMissing"})
"""Refusals that pass by themselves, once readings have come and are settled."""
PAUSE_S: Final = 2
SETTLING_S: Final = 60
"""So long behind its boundary a settlement is on chain at the latest."""
DELIVERY_S: Final = 120


@dataclass(frozen=True, slots=True)
class Order:
    """What the installer wants.

    Attributes:
        code: From the operator; never written anywhere.
        owner_signed: File with the transaction that an owner has signed.
        wait_s: So long a live reading is awaited; None for not at all.
    """

    code: str
    owner_signed: Path | None = None
    wait_s: int | None = None

    @property
    def patience_s(self) -> int:
        """So long what has to be delivered first is awaited."""
        return self.wait_s or DELIVERY_S


class Change:
    """One change of an installed meter; each step is remembered, and none is done twice."""

    def __init__(
        self, hub: Hub, site: Site, purpose: str, order: Order, clock: Clock, say: Say
    ) -> None:
        """Take up the change where it stands, or begin one.

        Raises:
            FolderError: Another one is under way, or there is no installation.
        """
        self.hub = hub
        self.site = site
        self.order = order
        self.clock = clock
        self.say = say
        self.config, self.meter = installed_meter(site)
        self.installation = Progress(site.folder)
        self._purpose = purpose
        self._claimed: Claimed | None = None
        self.progress = _take_up(site.folder, purpose, order.code)

    @property
    def done(self) -> dict[str, Any] | None:
        """What the sheet says, when this code's work was done before."""
        return self.progress.get("done")

    @property
    def serial(self) -> str | None:
        """The meter's serial number, as far as it is known."""
        if "claim" in self.installation:
            serial: str | None = self.installation["claim"]["serial"]
            return serial
        return self.meter.serial

    def refuse_running_agent(self) -> None:
        """Check that no agent has the spool.

        Raises:
            AgentRuns: One has.
        """
        if is_in_use(self.meter.spool.path):
            raise AgentRuns("stop the agent first: sudo systemctl stop gtx-edge")

    def claim(self, signer: Signer, serial: str | None) -> dict[str, Any]:
        """Bind the code to a key, and to a serial number; asked until the change is made.

        Raises:
            HubRefused, HubUnreachable: The code is not for this, or the hub is away.
        """
        self._claimed = Claimed(
            *(self.hub, self.site.folder, self.order.code, self.meter.id.hex()),
            self.order.owner_signed,
        )
        if "change" in self.progress:
            return self.progress["claim"]
        key = describe_key(signer)
        body = {
            "code": self.order.code,
            "purpose": self._purpose,
            "meter_id": self.meter.id.hex(),
            "algorithm": key["algorithm"],
            "public_key": key["public_key"],
            "serial": serial,
            "time_ms": self.clock.now_ms(),
        }
        claim = self.hub.post("/claims", body)
        self.progress.save("claim", {"code": fingerprint(self.order.code), **claim})
        self.say(f"claim: meter {claim['meter_id']} of {claim['owner_name']}")
        return claim

    def act(self, step: str, body: dict[str, Any]) -> None:
        """Have the change made on chain; what is under way to be settled is waited for.

        Raises:
            OwnerMustSign: The hub does not hold an owner's wallet.
            HubRefused, HubUnreachable: It is not made.
        """
        if "change" in self.progress:
            return
        patience_s = self.meter.settlement_interval_s + SETTLING_S
        deadline_ms = self.clock.monotonic_ms() + patience_s * 1000
        told = False
        while True:
            try:
                answer = self._code().act(step, body)
                break
            except HubRefused as error:
                if error.error not in UNDER_WAY or self.clock.monotonic_ms() >= deadline_ms:
                    raise
            if not told:
                self.say(f"settlement: waiting, at most {patience_s} s")
                told = True
            time.sleep(PAUSE_S)
        self.progress.save("change", {"tx_signature": answer["tx_signature"]})
        self.say(f"{step}: transaction {answer['tx_signature']}")

    def see_live(self, after: int) -> None:
        """With ``wait_s``, wait until the hub has a reading behind a sequence.

        Raises:
            NoLiveReading: None came in time.
        """
        wait_s = self.order.wait_s
        if wait_s is None or "live" in self.progress:
            return
        self.say(f"live: waiting for a reading, at most {wait_s} s")
        meter_id, file = self.meter.id.hex(), self.site.config
        reading = asyncio.run(
            wait_for_reading(self.hub, self.order.code, meter_id, file, wait_s, self.clock, after)
        )
        self.progress.save("live", reading)
        self.say(f"live: the hub has reading {reading['sequence']}")

    def close(self, signer: Signer, facts: dict[str, Any]) -> dict[str, Any]:
        """Close the code, and return what the sheet says.

        Args:
            signer: The key that is in force now.
            facts: What the sheet says of the meter.

        Raises:
            KeyMismatch: The hub knows another key.
            HubRefused, HubUnreachable: It is not closed.
        """
        handover = self._code().close()
        key_id = describe_key(signer)["key_id"]
        if handover["key_id"] != key_id:
            raise KeyMismatch(
                f"the hub knows key {handover['key_id']}, this device has {key_id}; tell the"
                " operator to revoke the meter"
            )
        done = {"serial": self.serial, **describe_key(signer), **facts, **handover}
        self.progress.save("done", done)
        self.say("handover: done")
        return done

    def _code(self) -> Claimed:
        if self._claimed is None:
            raise AssertionError("the code is claimed before it is acted on")
        return self._claimed


def registers(reading: SignedReading) -> dict[str, int]:
    """What a sheet says of a reading."""
    record = reading.record
    return {
        "time_ms": record.time_ms,
        "produced_mwh": record.produced_mwh,
        "consumed_mwh": record.consumed_mwh,
    }


def encoded(message: bytes) -> str:
    """A message as the hub takes it."""
    return b64encode(message).decode()


def fingerprint(code: str) -> str:
    """What is kept of a code, to know it again: it says nothing about 80 random bits."""
    symbols = code.upper().replace("-", "").replace(" ", "")
    return hashlib.sha256(symbols.encode()).hexdigest()


def _take_up(folder: Path, purpose: str, code: str) -> Progress:
    """The change that is under way; a new one when the last is done with another code."""
    for other, verb in VERBS.items():
        found = Progress(folder, f"{verb}.json")
        if other != purpose and "claim" in found and "done" not in found:
            raise FolderError(f"a {verb} is under way: run gtx-provision {verb} again first")
    progress = Progress(folder, f"{VERBS[purpose]}.json")
    if "done" in progress and progress["claim"]["code"] != fingerprint(code):
        progress.clear()
    return progress
