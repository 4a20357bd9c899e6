"""The way into a PKCS #11 token: its module, its PIN, and what it can do."""

import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

import pkcs11

from gridtokenx_edge.errors import KeyFileError, MechanismMissing, PinRefused, TokenMissing
from gridtokenx_edge.keystore.files import read_private_file
from gridtokenx_edge.keystore.source import TokenKey

_PIN_ERRORS: Final = (
    pkcs11.PinIncorrect,
    pkcs11.PinInvalid,
    pkcs11.PinLenRange,
    pkcs11.PinLocked,
)
_sessions: Final[dict[tuple[Path, str], pkcs11.Session]] = {}
# a process logs in to a token once, and may use one key at a time
LOCK: Final = threading.RLock()


def session(key: TokenKey) -> pkcs11.Session:
    """The process's session with a key's token, logged in.

    Raises:
        TokenMissing: As ``slot_token``.
        PinRefused: The token does not take the PIN.
        KeyFileError: The PIN's file is missing or open to others, or the token fails.
    """
    place = key.module, key.token
    if place not in _sessions:
        if not key.pin.is_file():
            raise KeyFileError(f"there is no file {key.pin}; write the PIN there, mode 0600")
        pin = read_private_file(key.pin).decode(errors="replace").strip()
        token = slot_token(key)
        try:
            _sessions[place] = token.open(user_pin=pin)
        except _PIN_ERRORS as error:
            raise PinRefused(
                f"{key}: {reason(error)}; check the PIN in {key.pin}"
            ) from None  # whatever the module says beside its reason is not shown
        except pkcs11.PKCS11Error as error:
            raise KeyFileError(f"{key}: {reason(error)}; check the token") from None  # as above
    return _sessions[place]


def forget(key: TokenKey, lost: pkcs11.Session) -> None:
    """Let the next call open the token again, unless another key has done so."""
    place = key.module, key.token
    if _sessions.get(place) is lost:
        del _sessions[place]
        with suppress(pkcs11.PKCS11Error):
            lost.close()


def slot_token(key: TokenKey) -> pkcs11.Token:
    """A key's token.

    Raises:
        TokenMissing: It is not there, or its module cannot be used.
    """
    try:
        return pkcs11.lib(str(key.module)).get_token(token_label=key.token)
    except pkcs11.NoSuchToken:
        raise TokenMissing(f"{key}: no such token; is it plugged in and initialised?") from None
    except (pkcs11.PKCS11Error, RuntimeError, OSError) as error:
        raise TokenMissing(
            f"{key}: {key.module} cannot be used: {reason(error)}; check module-path"
        ) from error


def require_mechanisms(key: TokenKey, *wanted: pkcs11.Mechanism) -> None:
    """Check that a key's token can do what is asked of it.

    Raises:
        MechanismMissing: It cannot.
        TokenMissing: As ``slot_token``.
    """
    try:
        known = slot_token(key).slot.get_mechanisms()
    except pkcs11.PKCS11Error as error:
        raise TokenMissing(f"{key}: {reason(error)}; check the token") from error
    missing = [mechanism.name for mechanism in wanted if mechanism not in known]
    if missing:
        raise MechanismMissing(
            f"{key}: the token has no {' and no '.join(missing)}; use one for P-256 keys"
        )


def reason(error: Exception) -> str:
    """What went wrong, in a word."""
    return str(error) or type(error).__name__
