"""Everything that can go wrong on site, by name; each message says what to do about it."""


class ProvisioningError(Exception):
    """Base: one line for the installer, never a stack trace."""

    @property
    def name(self) -> str:
        """What programs act on."""
        return type(self).__name__


class HubUnreachable(ProvisioningError):
    """No answer from the hub, or one that cannot be understood; the same command goes on later."""


class HubRefused(ProvisioningError):
    """The hub said no.

    Attributes:
        error: The hub's own PascalCase name for it.
        passing: The same request may meet a yes in moments.
    """

    def __init__(self, error: str, detail: str, *, passing: bool = False) -> None:
        super().__init__(detail)
        self.error = error
        self.passing = passing

    @property
    def name(self) -> str:
        """The hub's own name for it."""
        return self.error


class OwnerMustSign(ProvisioningError):
    """The hub does not hold the owner's wallet: the owner signs the transaction first."""


class InvalidArgument(ProvisioningError):
    """An argument cannot be used."""


class FolderError(ProvisioningError):
    """The folder holds something else, or cannot be written."""


class NoLiveReading(ProvisioningError):
    """The hub has seen no reading behind the baseline in time."""


class NotDelivered(ProvisioningError):
    """The hub has not acknowledged in time what the spool holds."""


class AgentRuns(ProvisioningError):
    """The agent has to be stopped first."""


class SerialMismatch(ProvisioningError):
    """The meter shows another serial number than the installer gave."""


class MeterNotExchanged(ProvisioningError):
    """The meter that answers is still the old one."""


class KeyMismatch(ProvisioningError):
    """The hub knows another key than this device has."""
