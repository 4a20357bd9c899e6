"""A meter renews its certificate by its own signature."""

from typing import Any

import httpx
import pytest
from cryptography import x509
from hub_world import HubWorld, expect, expect_problem
from installer import Site, installed, now_ms, request_for, text

from gridtokenx_protocol.cbor import encode_map
from gridtokenx_protocol.cose import sign

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def renew(world: HubWorld, site: Site, **changes: Any) -> httpx.Response:
    """Ask for a new certificate; `changes` by the names of the request's members."""
    members = {
        "deployment": world.context.deployment.deployment,
        "meter_id": site.device.meter_id,
        "time_ms": now_ms(world),
        "csr_pem": request_for(site.meter_id),
    } | changes
    request = encode_map(dict(enumerate(members.values(), 1)))
    body = {"request": text(sign(request, site.device.signer))}
    return await world.post("/api/provisioning/certificates", body)


async def test_a_new_certificate(world: HubWorld) -> None:
    site = await installed(world, await world.user())
    answer = expect(await renew(world, site), 201)
    certificate = x509.load_pem_x509_certificate(answer["certificate_pem"].encode())
    assert certificate.subject.rfc4514_string() == f"CN={site.meter_id}"
    assert answer["ca_pem"] == world.authority.certificate_pem
    assert answer["expires_at"] == certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ")
    issued = await world.pool.fetchval(
        "SELECT count(*) FROM certificates WHERE meter_id = $1", site.device.meter_id
    )
    assert issued == 2


async def test_what_is_refused(world: HubWorld) -> None:
    site, other = [await installed(world, await world.user()) for _ in range(2)]
    later, earlier = now_ms(world) + 310_000, now_ms(world) - 310_000
    wrong: list[tuple[dict[str, Any], int, str]] = [
        ({"deployment": b"abcd"}, 422, "WrongDeployment"),
        ({"meter_id": other.device.meter_id}, 422, "BadSignature"),
        ({"meter_id": bytes(16)}, 404, "UnknownMeter"),
        ({"meter_id": "text"}, 422, "Malformed"),
        ({"time_ms": later}, 409, "ClockOff"),
        ({"time_ms": earlier}, 409, "ClockOff"),
        ({"csr_pem": request_for(other.meter_id)}, 422, "InvalidCertificateRequest"),
        ({"csr_pem": "nothing"}, 422, "InvalidCertificateRequest"),
        ({"more": 1}, 422, "Malformed"),
    ]
    for changes, status, error in wrong:
        expect_problem(await renew(world, site, **changes), status, error)
    response = await world.post("/api/provisioning/certificates", {"request": "AAAA"})
    expect_problem(response, 422, "Malformed")


async def test_a_revoked_meter(world: HubWorld) -> None:
    site = await installed(world, await world.user())
    path = f"/api/meters/{site.meter_id}/revocation"
    expect(await world.post(path, {"reason": "stolen"}, world.operator), 201)
    expect_problem(await renew(world, site), 409, "MeterRevoked")


async def test_without_tls(world: HubWorld) -> None:
    site = await installed(world, await world.user())
    with world.having(authority=None):
        expect_problem(await renew(world, site), 503, "NoCertificates")
