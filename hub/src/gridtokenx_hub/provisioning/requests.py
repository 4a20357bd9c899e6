"""What a device asks for with its own signature: COSE_Sign1 over a small CBOR map."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.http.problems import Problem
from gridtokenx_protocol.cbor import CborMap, decode_map
from gridtokenx_protocol.cose import SignedMessage, decode
from gridtokenx_protocol.errors import Malformed

MAX_AGE_MS = 300_000

Content = TypeVar("Content", bytes, str)


@dataclass(frozen=True, slots=True)
class DeviceRequest(Generic[Content]):
    """What a device asks for, not verified yet.

    Args:
        signed: the message.
        deployment: 4 bytes.
        meter_id: 16 bytes.
        time_ms: when it was made, Unix ms.
        content: what it is about.
    """

    signed: SignedMessage
    deployment: bytes
    meter_id: bytes
    time_ms: int
    content: Content


def open_request(message: bytes, kind: type[Content]) -> DeviceRequest[Content]:
    """Take a request apart: `{1: deployment, 2: meter id, 3: time in ms, 4: content}`.

    Raises:
        ProtocolError: it is something else.
    """
    signed = decode(message)
    content: CborMap = decode_map(signed.payload)
    match content:
        case {1: bytes(deployment), 2: bytes(meter_id), 3: int(time_ms), 4: body} if len(
            content
        ) == 4 and isinstance(body, kind):
            return DeviceRequest(signed, deployment, meter_id, time_ms, body)
    raise Malformed(
        "a request is {1: deployment, 2: meter id, 3: time in ms, 4: content}, the content"
        f" {'text' if kind is str else 'bytes'}"
    )


def check_request(context: ApiContext, request: DeviceRequest[Content]) -> None:
    """Check that a request is for this deployment and was made just now.

    Raises:
        Problem: 422, another deployment; 409, another time.
    """
    if request.deployment != context.deployment.deployment:
        raise Problem(422, "WrongDeployment", "the request is for another deployment")
    ahead_ms = request.time_ms - int(context.clock().timestamp() * 1000)
    if abs(ahead_ms) > MAX_AGE_MS:
        raise Problem(
            409,
            "ClockOff",
            f"the request's time is {abs(ahead_ms) // 1000} s"
            f" {'ahead of' if ahead_ms > 0 else 'behind'} the hub's: set the clock, or ask anew",
        )
