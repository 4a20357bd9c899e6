"""The hub's provisioning API, as the device sees it."""

import json
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from gridtokenx_provisioning.errors import HubRefused, HubUnreachable, InvalidArgument

TIMEOUT_S: Final = 60
"""A registration waits for the chain's confirmation."""
TRIES: Final = 5
PAUSE_S: Final = 2
"""Between two tries while the hub is not ready: its view of the chain lags by moments."""
LARGEST_ANSWER: Final = 1 << 20
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


class Hub:
    """One hub, by its URL; codes travel over TLS, or on this machine only.

    Raises:
        InvalidArgument: The URL is none, or would send the code in the clear.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise InvalidArgument(f"--hub {url}: write an address such as https://hub.example")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise InvalidArgument(f"--hub {url}: use https, or anybody on the way reads the code")
        self.url = url.rstrip("/")

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST below ``/api/provisioning``.

        Raises:
            HubRefused: The hub said no, and why.
            HubUnreachable: It did not answer, or is not ready.
        """
        return self._ask(path, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def get(self, path: str, code: str) -> dict[str, Any]:
        """GET below ``/api/provisioning`` with a code as the credential; raises as ``post``."""
        return self._ask(path, None, {"Authorization": f"Code {code}"})

    def _ask(self, path: str, data: bytes | None, headers: dict[str, str]) -> dict[str, Any]:
        for _ in range(TRIES - 1):
            try:
                return self._ask_once(path, data, headers)
            except HubRefused as error:
                if not error.passing:
                    raise
                time.sleep(PAUSE_S)
        return self._ask_once(path, data, headers)

    def _ask_once(self, path: str, data: bytes | None, headers: dict[str, str]) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310 - the scheme is checked above
            f"{self.url}/api/provisioning{path}", data, headers
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - as above
                return _object(answer.read(LARGEST_ANSWER))
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(error) from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise HubUnreachable(
                f"{self.url} does not answer ({reason}); run the same command again: it goes on"
                " where it stopped"
            ) from error


def _refusal(error: urllib.error.HTTPError) -> HubRefused | HubUnreachable:
    try:
        problem = _object(error.read(LARGEST_ANSWER))
        name, detail = str(problem["error"]), str(problem["detail"])
    except (OSError, ValueError, KeyError):
        return HubUnreachable(f"status {error.code} from something that is no hub; check --hub")
    passing = error.code == HTTPStatus.SERVICE_UNAVAILABLE or name == "RequestInProgress"
    return HubRefused(name, " ".join(detail.split()), passing=passing)


def _object(data: bytes) -> dict[str, Any]:
    value = json.loads(data)
    if not isinstance(value, dict):
        raise ValueError("no JSON object")  # noqa: TRY004 - the caller treats all bad JSON alike
    return value
