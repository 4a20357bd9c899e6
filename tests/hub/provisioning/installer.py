"""What an installer and a device do, in short words."""

import base64
from dataclasses import dataclass
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hub_world import Device, HubWorld, User, expect

from gridtokenx_protocol.cbor import encode_map
from gridtokenx_protocol.cose import sign
from gridtokenx_protocol.record import ClockStatus, Record

CODES = "/api/provisioning/codes"
CLAIMS = "/api/provisioning/claims"
LIMITS = {"export_limit_w": 5000, "import_limit_w": 10_000, "daily_export_limit_kwh": 40}
BASELINE = int(ClockStatus.SYNCHRONISED)


def text(message: bytes) -> str:
    return base64.b64encode(message).decode()


def now_ms(world: HubWorld) -> int:
    return int(world.context.clock().timestamp() * 1000)


def request_for(meter_id: str) -> str:
    """A certificate request of a new TLS key."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, meter_id)])
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


async def issue(world: HubWorld, **body: Any) -> dict[str, Any]:
    """A new code, as the operator gets it."""
    return expect(await world.post(CODES, body, world.operator), 201)


async def change_code(world: HubWorld, purpose: str, meter_id: bytes, **body: Any) -> str:
    """The text of a new code to change a meter."""
    issued = await issue(world, purpose=purpose, meter_id=meter_id.hex(), **body)
    code: str = issued["code"]
    return code


async def install_code(world: HubWorld, user: User, **changes: Any) -> str:
    """The text of a new code to install a meter of this user."""
    issued = await issue(
        world, **{"purpose": "install", "user_id": user.user_id, **LIMITS, **changes}
    )
    code: str = issued["code"]
    return code


@dataclass
class Site:
    """An installer with one code and one device."""

    world: HubWorld
    code: str
    serial: str | None = None
    purpose: str = "install"

    def __post_init__(self) -> None:
        self.device = Device(self.world.context.deployment.deployment)

    @property
    def meter_id(self) -> str:
        return self.device.meter_id.hex()

    def claim_body(self, **changes: Any) -> dict[str, Any]:
        body = {
            "code": self.code,
            "purpose": self.purpose,
            "algorithm": "ed25519",
            "public_key": self.device.signer.public_key.hex(),
            "serial": self.serial,
            "time_ms": now_ms(self.world),
        }
        return body | changes

    async def post_claim(self, **changes: Any) -> httpx.Response:
        return await self.world.post(CLAIMS, self.claim_body(**changes))

    async def take(self, purpose: str, **body: Any) -> None:
        """Have a new code for this meter, and claim it with this device's key."""
        issued = await issue(self.world, purpose=purpose, meter_id=self.meter_id, **body)
        self.code, self.purpose = issued["code"], purpose
        await self.claim()

    async def claim(self) -> dict[str, Any]:
        """Claim the code; the device takes the meter id."""
        answer = expect(await self.post_claim(), 201)
        self.device.meter_id = bytes.fromhex(answer["meter_id"])
        return answer

    def reading(self, sequence: int, flags: int = BASELINE, **changes: Any) -> str:
        """A reading of now, signed, in base64."""
        self.device.sequence = sequence
        record = self.device.record(now_ms(self.world), flags)
        values = {name: getattr(record, name) for name in Record.__slots__} | changes
        return text(sign(Record(**values).encode(), self.device.signer))

    async def post(self, step: str, **body: Any) -> httpx.Response:
        path = f"{CLAIMS}/{self.meter_id}/{step}"
        return await self.world.post(path, {"code": self.code, **body})

    async def post_registration(self, **changes: Any) -> httpx.Response:
        body = {"baseline": self.reading(1), "csr_pem": request_for(self.meter_id)}
        return await self.post("registration", **(body | changes))

    async def register(self) -> dict[str, Any]:
        return expect(await self.post_registration(), 201)

    async def status(self) -> httpx.Response:
        return await self.world.http.get(
            f"{CLAIMS}/{self.meter_id}", headers={"Authorization": f"Code {self.code}"}
        )


async def installed(world: HubWorld, user: User) -> Site:
    """A site whose meter is registered, its code done."""
    site = Site(world, await install_code(world, user))
    await site.claim()
    before = now_ms(world) - 10_000
    expect(await site.post_registration(baseline=site.reading(1, time_ms=before)), 201)
    expect(await site.post("done"), 200)
    return site


async def site_for(world: HubWorld, old: Site, purpose: str, **body: object) -> Site:
    """The same meter with a new code; the device has a new key."""
    issued = await issue(world, purpose=purpose, meter_id=old.meter_id, **body)
    site = Site(world, issued["code"], purpose=purpose)
    site.device.meter_id = old.device.meter_id
    site.device.produced_mwh = old.device.produced_mwh
    return site


def rotation(old: Site, site: Site, reading: str, **changes: Any) -> dict[str, str]:
    """The body of a rotation, handed over by the old key."""
    request = {
        1: site.world.context.deployment.deployment,
        2: site.device.meter_id,
        3: now_ms(site.world),
        4: site.device.signer.public_key,
    } | {int(name[1:]): value for name, value in changes.items()}
    handover = sign(encode_map(request), old.device.signer)
    return {"reading": reading, "handover": text(handover)}


async def history(world: HubWorld, meter_id: bytes) -> int:
    """How many transactions touched the meter's account."""
    address = world.context.addresses.meter(meter_id)
    return len(await world.context.client.signatures_for_address(address))


async def expire(world: HubWorld, code_id: int) -> None:
    """Let a code's time run out."""
    await world.pool.execute(
        "UPDATE provisioning_codes SET expires_at = $2 WHERE id = $1",
        code_id,
        world.context.clock(),
    )
