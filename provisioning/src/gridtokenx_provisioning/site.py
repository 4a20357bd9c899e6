"""Where things are on the device, and the agent's settings."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridtokenx_provisioning.files import write_file


@dataclass(frozen=True, slots=True)
class Site:
    """One meter's place on the device.

    Attributes:
        folder: Settings, certificates and the sheet; the agent only reads it.
        state: Keys, checkpoint and spool; the agent writes there.
    """

    folder: Path
    state: Path

    @property
    def config(self) -> Path:
        """The agent's settings."""
        return self.folder / "edge.toml"

    @property
    def ca(self) -> Path:
        """The hub's CA certificate."""
        return self.folder / "ca.pem"

    @property
    def certificate(self) -> Path:
        """The device's client certificate."""
        return self.folder / "meter.pem"

    @property
    def key(self) -> Path:
        """The signing key; the checkpoint is kept beside it."""
        return self.state / "meter.key"

    @property
    def tls_key(self) -> Path:
        """The key of the connection to the broker."""
        return self.state / "tls.key"

    @property
    def spool(self) -> Path:
        """Where readings wait."""
        return self.state / "spool.db"


@dataclass(frozen=True, slots=True)
class MeterAccess:
    """How the meter is read: what the installer sees on site.

    Attributes:
        profile: The meter's model.
        bus: What the agent's table ``[meter.bus]`` says; the agent's own code checks it.
        clock: As in the agent's settings.
    """

    profile: str
    bus: dict[str, Any]
    clock: str


def write_settings(site: Site, access: MeterAccess, claim: dict[str, Any]) -> None:
    """Write ``edge.toml`` from what the hub answered and what the installer said.

    Raises:
        FolderError: It cannot be written.
    """
    meter = {
        "id": claim["meter_id"],
        "profile": access.profile,
        "deployment": claim["deployment"],
        "settlement_interval_s": claim["settlement_interval_s"],
        "key": str(site.key),
        "ack_key": claim["ack_key"],
        "ack_algorithm": claim["ack_algorithm"],
    }
    limits = {"export_w": claim["export_limit_w"], "import_w": claim["import_limit_w"]}
    parts = [
        _lines({"clock": access.clock}),
        "[[meter]]\n" + _lines(meter),
        "[meter.bus]\n" + _lines(access.bus),
        "[meter.limits]\n" + _lines(limits),
        "[meter.spool]\n" + _lines({"path": str(site.spool)}),
        "[meter.broker]\n" + _lines(claim["broker"]),
    ]
    if claim["ca_pem"] is not None:
        tls = {"ca": site.ca, "certificate": site.certificate, "key": site.tls_key}
        parts.append(
            "[meter.broker.tls]\n" + _lines({name: str(path) for name, path in tls.items()})
        )
    write_file(site.config, "\n".join(parts))


def _lines(values: dict[str, Any]) -> str:
    # a JSON string is a TOML basic string
    return "".join(
        f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items()
    )
