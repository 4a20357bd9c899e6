"""Where things are on the device, and how its meter is read."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridtokenx_edge.config import AgentConfig, MeterConfig, load_config
from gridtokenx_provisioning.errors import FolderError


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
        """The signing key, unless it is in a token; the checkpoint is kept beside it."""
        return self.state / "meter.key"

    @property
    def pin(self) -> Path:
        """The PIN of the token that holds the signing key, if one does."""
        return self.state / "token.pin"

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


def installed_meter(site: Site) -> tuple[AgentConfig, MeterConfig]:
    """The settings of an installation, and its one meter.

    Raises:
        FolderError: There is none, or the settings are those of several meters.
        ConfigError: The settings are wrong.
    """
    if not site.config.exists():
        raise FolderError(f"{site.folder} holds no installation; say --folder")
    config = load_config(site.config)
    if len(config.meters) != 1:
        raise FolderError(
            f"{site.config} is of {len(config.meters)} meters; give each a folder of its own"
        )
    return config, config.meters[0]
