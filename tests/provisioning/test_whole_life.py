"""A meter's life from its installation to its end, over the hub's own processes."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
from tests.provisioning.door import Door
from tests.provisioning.on_site import Device, Meter, Outcome

from demo.installation import Services, hub_command, start_hub, start_services, write_hub_settings
from demo.processes import Supervisor, call

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIMITS = {"export_limit_w": 5000, "import_limit_w": 10_000, "daily_export_limit_kwh": 40}


class Operator:
    """The hub, as its operator sees it over HTTP, and its processes."""

    def __init__(self, http: httpx.AsyncClient, supervisor: Supervisor, services: Services) -> None:
        self._http = http
        self._supervisor = supervisor
        self._services = services

    async def post(self, path: str, **body: Any) -> dict[str, Any]:
        response = await self._http.post(path, json=body)
        assert response.status_code == 201, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def user(self, name: str) -> dict[str, Any]:
        return await self.post("/api/users", name=name, user_type="prosumer")

    async def code(self, purpose: str, **body: Any) -> str:
        issued = await self.post("/api/provisioning/codes", purpose=purpose, **body)
        code: str = issued["code"]
        return code

    def door(self) -> Door:
        """The hub's address, for a device."""
        door = Door(None)
        door.port = urlsplit(self._services.api_url).port or 0
        return door

    async def kill_hub(self) -> None:
        """The hub's process dies, as in a power cut, and is started again."""
        await self._supervisor.kill("hub")
        await start_hub(self._supervisor, self._services)


@pytest_asyncio.fixture(loop_scope="session")
async def operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Operator]:
    """Chain, database, mosquitto, registrar and hub, each a process of its own."""
    monkeypatch.setenv("GTX_CHAIN__SETTLEMENT_INTERVAL_S", "10")
    monkeypatch.setenv("GTX_SETTLEMENT__PERIOD_S", "86400")
    services = write_hub_settings(tmp_path / "hub")
    assert services.broker_kind == "mosquitto"
    supervisor = Supervisor(services.folder)
    try:
        await start_services(supervisor, services)
        token = (
            await call(*hub_command(services, "token", "create", "--role", "operator"))
        ).strip()
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=services.api_url, headers=headers) as http:
            yield Operator(http, supervisor, services)
    finally:
        await supervisor.stop_all()


def seen(done: Outcome, site: Device, kind: str, before: int) -> int:
    """A live reading was seen behind those before; its sequence."""
    assert done.code == 0, done.lines
    steps = json.loads((site.settings / f"{kind}.json").read_text())
    sequence: int = steps["live"]["sequence"]
    assert sequence > before
    return sequence


async def test_a_whole_life(
    operator: Operator, tmp_path: Path, sunny_meters: tuple[Meter, Meter]
) -> None:
    old, new = sunny_meters
    seller, buyer = await operator.user("Old owner"), await operator.user("New owner")
    site = Device(tmp_path / "site", operator.door(), old)
    code = await operator.code("install", user_id=seller["user_id"], serial=old.serial, **LIMITS)
    done = await site.install(code, "--wait", "60")
    live = seen(done, site, "provisioning", -1)
    meter_id = done.result["meter_id"]

    async def change(verb: str, purpose: str, *more: str, **body: Any) -> Outcome:
        code = await operator.code(purpose, meter_id=meter_id, **body)
        return await site.change(verb, code, *more)

    live = seen(await change("rotate-key", "rotate_key", "--wait", "60"), site, "rotate-key", live)
    async with site.agent():
        await operator.kill_hub()
        await site.delivers()
    code = await operator.code("replace_meter", meter_id=meter_id, serial=new.serial)
    final = await site.change("replace-meter", code, "--wait", "60")
    assert final.code == 0, final.lines
    site.meter = new
    exchange = ("--exchanged", *site.bus(), "--wait", "60")
    live = seen(await site.change("replace-meter", code, *exchange), site, "replace-meter", live)
    async with site.agent():
        done = await change("transfer", "transfer", "--wait", "60", new_user_id=buyer["user_id"])
    seen(done, site, "transfer", live)
    assert done.result["owner_wallet"] == buyer["wallet"]
    renewed = await site.run("renew", "--now")
    assert renewed.result["renewed"] is True, renewed.lines
    end = await change("decommission", "revoke")
    assert end.code == 0, end.lines
    assert "FAILED" in await site.check("broker")
    (await site.run("renew", "--now")).fails("MeterRevoked")


async def test_a_stolen_device(
    operator: Operator, tmp_path: Path, sunny_meters: tuple[Meter, Meter]
) -> None:
    """Its live session ends, its neighbour's does not."""
    user = await operator.user("Owner")
    sites = []
    for name, meter in zip(("stolen", "neighbour"), sunny_meters, strict=True):
        site = Device(tmp_path / name, operator.door(), meter)
        code = await operator.code("install", user_id=user["user_id"], **LIMITS)
        done = await site.install(code, "--wait", "60")
        assert done.code == 0, done.lines
        sites.append((site, done.result["meter_id"]))
    (stolen, meter_id), (neighbour, _) = sites
    async with stolen.agent() as agent, neighbour.agent():
        await operator.post(f"/api/meters/{meter_id}/revocation", reason="stolen")
        await stolen.until_logged(agent, "broker_lost")
        assert "FAILED" in await stolen.check("broker")
        waiting = stolen.waiting()
        await neighbour.delivers()
        async with asyncio.timeout(60):
            while stolen.waiting() <= waiting:  # noqa: ASYNC110 - another process writes the file
                await asyncio.sleep(0.05)
