"""An installation, step by step; each is remembered, and none is done twice."""

import asyncio
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridtokenx_edge.cli.baseline import sign_baseline
from gridtokenx_edge.cli.common import clock_probe, describe_key
from gridtokenx_edge.clock import Clock
from gridtokenx_edge.config import load_config
from gridtokenx_edge.keystore import KeySource
from gridtokenx_edge.keystore.tls import certificate_request
from gridtokenx_protocol.keys import Algorithm, Signer
from gridtokenx_provisioning.claimed import Claimed
from gridtokenx_provisioning.errors import FolderError, KeyMismatch
from gridtokenx_provisioning.files import write_file
from gridtokenx_provisioning.hub import Hub
from gridtokenx_provisioning.meter import find_serial, tells_serial
from gridtokenx_provisioning.progress import Progress
from gridtokenx_provisioning.settings import new_settings, write_settings
from gridtokenx_provisioning.signing_key import find_or_make, first_token_key, read, written
from gridtokenx_provisioning.site import MeterAccess, Site

Say = Callable[[str], None]
"""Takes a line of progress."""


@dataclass(frozen=True, slots=True)
class InstallOrder:
    """What the installer wants.

    Attributes:
        code: From the operator; never written anywhere.
        serial: On the meter's plate; None leaves it to the meter to tell.
        owner_signed: File with the transaction that the owner has signed.
        token: URI of the token for the signing key; None for a file.
    """

    code: str
    access: MeterAccess
    serial: str | None
    owner_signed: Path | None
    token: str | None


class Installation:
    """One meter's way from a code to its handover."""

    def __init__(
        self, hub: Hub, site: Site, order: InstallOrder, progress: Progress, clock: Clock, say: Say
    ) -> None:
        self._hub = hub
        self._site = site
        self._order = order
        self._progress = progress
        self._clock = clock
        self._say = say

    def register(self) -> None:
        """Do all up to the meter's registration, or nothing if that is done.

        Raises:
            ProvisioningError, EdgeError: A step failed; what came before it is kept.
        """
        if "registration" in self._progress:
            self._say("registration: done before")
            return
        if "claim" not in self._progress and self._site.config.exists():
            raise FolderError(
                f"{self._site.config} is of another installation; choose a new --folder and --state"
            )
        access, folder = self._order.access, self._site.folder
        serial = find_serial(access, folder, self._order.serial)
        self._say(f"meter: serial number {serial}")
        key = self._key(serial)
        algorithm = Algorithm.ED25519 if isinstance(key, Path) else Algorithm.P256
        claimed = "claim" in self._progress
        signer = find_or_make(key, algorithm, self._say, claimed=claimed)
        claim = self._claim(signer, serial)
        shown = serial if tells_serial(access, folder) else None
        write_settings(self._site.config, new_settings(self._site, access, claim, shown, key))
        self._say(f"settings: {self._site.config}")
        baseline = self._baseline(signer, claim)
        self._register(claim, baseline)

    def hand_over(self) -> dict[str, Any]:
        """Close the code.

        Returns:
            What the sheet says.

        Raises:
            ProvisioningError: The hub refused, or knows another key.
        """
        if "handover" not in self._progress:
            meter_id = self._progress["claim"]["meter_id"]
            code = Claimed(self._hub, self._site.folder, self._order.code, meter_id)
            self._progress.save("handover", code.close())
        handover, baseline = self._progress["handover"], self._progress["baseline"]
        if handover["key_id"] != baseline["key_id"]:
            raise KeyMismatch(
                f"the hub knows key {handover['key_id']}, this device has {baseline['key_id']};"
                " tell the operator to revoke the meter"
            )
        self._say("handover: done")
        return {"serial": self._progress["claim"]["serial"], **baseline, **handover}

    def _key(self, serial: str) -> KeySource:
        """Where the key is, or will be; the same place whenever it is asked again."""
        token, site = self._order.token, self._site
        if "key" not in self._progress:
            key: KeySource = site.key
            if token is not None:
                key = first_token_key(token, serial, site.pin)
            self._progress.save("key", {"place": written(key), "token": token})
        saved = self._progress["key"]
        if saved["token"] != token:
            raise FolderError(
                f"the key of this installation is {saved['place']}: say the same --pkcs11 as"
                " before, or choose a new --folder and --state"
            )
        return read(saved["place"], site.pin)

    def _claim(self, signer: Signer, serial: str) -> dict[str, Any]:
        """Asked until the registration is done: an expired code may be followed by another."""
        key = describe_key(signer)
        body = {
            "code": self._order.code,
            "purpose": "install",
            "algorithm": key["algorithm"],
            "public_key": key["public_key"],
            "serial": serial,
            "time_ms": self._clock.now_ms(),
        }
        claim = self._hub.post("/claims", body) | {"serial": serial, "hub": self._hub.url}
        self._progress.save("claim", claim)
        self._say(f"claim: meter {claim['meter_id']} of {claim['owner_name']}")
        return claim

    def _baseline(self, signer: Signer, claim: dict[str, Any]) -> bytes:
        config = load_config(self._site.config)
        (meter,) = config.meters
        signed = asyncio.run(sign_baseline(meter, signer, clock_probe(config)))
        record = signed.record
        if record.meter_id != meter.id:
            raise FolderError(
                f"{self._site.state} holds the baseline of meter {record.meter_id.hex()}, the code"
                f" is for {claim['meter_id']}; choose a new --folder and --state"
            )
        registers = {
            "time_ms": record.time_ms,
            "produced_mwh": record.produced_mwh,
            "consumed_mwh": record.consumed_mwh,
        }
        self._progress.save("baseline", {**describe_key(signer), **registers})
        self._say("baseline: signed")
        return signed.message

    def _register(self, claim: dict[str, Any], baseline: bytes) -> None:
        code = Claimed(
            *(self._hub, self._site.folder, self._order.code, claim["meter_id"]),
            self._order.owner_signed,
        )
        body = {
            "baseline": b64encode(baseline).decode(),
            "csr_pem": self._request(claim["meter_id"]),
        }
        answer = code.act("registration", body)
        if answer["certificate_pem"] is not None:
            write_file(self._site.ca, answer["ca_pem"])
            write_file(self._site.certificate, answer["certificate_pem"])
        self._progress.save("registration", {"tx_signature": answer["tx_signature"]})
        self._say(f"registration: transaction {answer['tx_signature']}")

    def _request(self, meter_id: str) -> str:
        """The same one each time, so that the hub answers with the same certificate."""
        if "request" not in self._progress or self._progress["request"]["meter_id"] != meter_id:
            pem = certificate_request(self._site.tls_key, bytes.fromhex(meter_id)).decode()
            self._progress.save("request", {"meter_id": meter_id, "csr_pem": pem})
        csr_pem: str = self._progress["request"]["csr_pem"]
        return csr_pem
