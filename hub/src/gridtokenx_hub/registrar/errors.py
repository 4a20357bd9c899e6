"""Why there is no signature."""


class RegistrarRefused(Exception):
    """The registrar does not sign this.

    Attributes:
        name: PascalCase name of the reason.
        detail: what is wrong.
    """

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"{name}: {detail}")
        self.name = name
        self.detail = detail


class RegistrarUnavailable(ConnectionError):
    """The registrar's process does not answer: nothing was signed."""
