"""Where a signing key is: in a file, or in a PKCS #11 token."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import quote, unquote

from gridtokenx_edge.errors import ConfigError

SCHEME: Final = "pkcs11:"
_EXAMPLE: Final = "pkcs11:token=NAME;object=NAME?module-path=/path/of/the/module.so"
_PLACE_EXAMPLE: Final = "pkcs11:token=NAME?module-path=/path/of/the/module.so"


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A P-256 key in a PKCS #11 token.

    Attributes:
        module: The token's library.
        token: Label of the token.
        object: Label of the key in it, of both halves.
        pin: File with the user PIN, readable by its owner alone.
    """

    module: Path
    token: str
    object: str
    pin: Path

    def __str__(self) -> str:
        return f"{SCHEME}token={quote(self.token)};object={quote(self.object)}"

    @property
    def uri(self) -> str:
        """What ``parse_token_key`` reads."""
        return f"{self}?module-path={quote(str(self.module))}"


KeySource: TypeAlias = Path | TokenKey


def parse_token_key(uri: str, pin: Path) -> TokenKey:
    """Read a PKCS #11 URI (RFC 7512) that names one key.

    Raises:
        ConfigError: It names no key, or more than token, object and module-path.
    """
    found = _attributes(uri, ("token", "object", "module-path"), "a key in a token", _EXAMPLE)
    return TokenKey(Path(found["module-path"]), found["token"], found["object"], pin)


def key_in_token(uri: str, label: str, pin: Path) -> TokenKey:
    """Name a key in the token that a URI names.

    Raises:
        ConfigError: It names no token, or more than token and module-path.
    """
    found = _attributes(uri, ("token", "module-path"), "a token", _PLACE_EXAMPLE)
    return TokenKey(Path(found["module-path"]), found["token"], label, pin)


def _attributes(uri: str, names: Collection[str], what: str, example: str) -> dict[str, str]:
    path, _, query = uri.removeprefix(SCHEME).partition("?")
    pairs = [part.partition("=")[::2] for part in (*path.split(";"), *query.split("&"))]
    attributes = {name: unquote(value) for name, value in pairs}
    if "pin-value" in attributes:
        raise ConfigError("a PIN is never written in a URI; put it in a file and name that as pin")
    if sorted(name for name, _ in pairs) != sorted(names) or not all(attributes.values()):
        raise ConfigError(f"write {what} as {example}")
    return attributes
