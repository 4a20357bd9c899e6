"""One house of the demo: its simulated meter, its edge agent, and how an installer sets them up."""

import json
import secrets
import signal
from typing import Any

from demo.hub_client import HubApi
from demo.installation import Services
from demo.plan import SECONDS_PER_DAY, SETTLEMENT_INTERVAL_S, House, Plan
from demo.processes import Supervisor, call, command
from demo.state import State

READ_EVERY_MS = 200
SPOOL_BYTES = 50_000_000


class Household:
    """A house with its data in `folder/house-x/`."""

    def __init__(self, house: House, plan: Plan, services: Services, state: State) -> None:
        self.house = house
        self._plan = plan
        self._services = services
        self._state = state
        self._folder = plan.folder / f"house-{house.key}"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._configuration = self._folder / "edge.toml"
        self._meter_state = self._folder / "meter.json"

    @property
    def user_id(self) -> int:
        """The user's number at the hub."""
        return int(self._remembered("user")["user_id"])

    @property
    def wallet(self) -> str:
        """The user's wallet address."""
        return str(self._remembered("user")["wallet"])

    @property
    def token(self) -> str:
        """The user's own bearer token."""
        return str(self._remembered("user")["token"])

    @property
    def meter(self) -> dict[str, Any]:
        """What the registration of the meter answered."""
        return self._remembered("meter")

    @property
    def device(self) -> dict[str, Any]:
        """What the device said of itself: public key, algorithm, baseline."""
        return self._remembered("device")

    async def register_user(self, operator: HubApi) -> None:
        """Register the household's user, whose wallet the hub holds."""
        if self._key("user") not in self._state:
            body = {"name": self.house.name, "user_type": self.house.user_type}
            answer = await operator.post("/api/users", body, f"demo-user-{self.house.key}")
            self._state[self._key("user")] = answer

    async def start_meter(self, supervisor: Supervisor) -> None:
        """Start the simulated meter; its day begins at `begin_day`, or goes on where it was."""
        day = ["--scenario", self._plan.scenario, "--house", self.house.key]
        if self._plan.csv is not None and self.house.key == "a":
            day = ["--csv", str(self._plan.csv)]
        ready = await supervisor.start(
            self._process("meter"),
            command("gtx-meter-sim"),
            *("--model", self.house.model, *day, "--port", "0", "--hold"),
            *("--speed", str(self._plan.speed), "--state", str(self._meter_state)),
        )
        self._meter_port = int(ready["listening"])

    async def commission(self, operator: HubApi, deployment: dict[str, Any]) -> None:
        """Do what an installer does: key, baseline, registration, certificate, configuration."""
        meter_id = self._meter_id()
        edge, key = command("gtx-edge"), self._folder / "device.key"
        if not key.exists():
            await call(edge, "keys", "create", "--out", key)
        tls_key = self._folder / "tls.key"
        request = await call(edge, "csr", "--meter-id", meter_id, "--out", tls_key)
        self._write_configuration(meter_id, deployment)
        if self._key("meter") in self._state:
            return
        device = json.loads(await call(edge, "baseline", "--config", self._configuration))
        self._state[self._key("device")] = device
        speed = self._plan.speed
        body = {
            "user_id": self.user_id,
            "baseline": device["baseline"],
            "public_key": device["public_key"],
            "algorithm": device["algorithm"],
            "export_limit_w": self.house.export_limit_w * speed,
            "import_limit_w": self.house.import_limit_w * speed,
            "daily_export_limit_kwh": self.house.daily_export_limit_kwh * speed,
            "csr_pem": request,
        }
        answer = await operator.post("/api/meters", body, f"demo-meter-{self.house.key}")
        if answer.get("certificate_pem"):
            (self._folder / "tls.pem").write_text(answer["certificate_pem"])
            (self._folder / "ca.pem").write_text(answer["ca_pem"])
        self._state[self._key("meter")] = answer

    async def start_agent(self, supervisor: Supervisor) -> None:
        """Start the edge agent."""
        arguments = (command("gtx-edge"), "run", "--config", str(self._configuration))
        await supervisor.start(self._process("edge"), *arguments, announces=False)

    def begin_day(self, supervisor: Supervisor) -> None:
        """Let the sun rise; a day that has begun already is not begun again."""
        supervisor.signal(self._process("meter"), signal.SIGUSR1)

    def day_is_over(self) -> bool:
        """Return whether the meter has played its whole day."""
        state = json.loads(self._meter_state.read_text())
        return bool(state["elapsed_ms"] >= SECONDS_PER_DAY * 1_000)

    async def read_meter(self) -> dict[str, Any]:
        """Return the registers as the agent's own command line reads them now."""
        reading: dict[str, Any] = json.loads(
            await call(command("gtx-edge"), "read", "--json", "--config", self._configuration)
        )
        return reading

    async def spool(self) -> dict[str, Any]:
        """Return what the agent's spool holds and what the hub has acknowledged."""
        stats: dict[str, Any] = json.loads(
            await call(command("gtx-edge"), "spool", "stats", "--config", self._configuration)
        )
        return stats

    def _write_configuration(self, meter_id: str, deployment: dict[str, Any]) -> None:
        speed = self._plan.speed
        tls = (
            f"""
[meter.broker.tls]
ca = "{self._folder}/ca.pem"
certificate = "{self._folder}/tls.pem"
key = "{self._folder}/tls.key"
"""
            if self._services.broker_kind == "mosquitto"
            else ""
        )
        self._configuration.write_text(
            f"""\
# The clock of this machine is vouched for by whoever runs the demo on it.
clock = "trusted"

[[meter]]
id = "{meter_id}"
profile = "{self.house.model}"
deployment = "{deployment["deployment"]}"
settlement_interval_s = {SETTLEMENT_INTERVAL_S}
read_every_ms = {READ_EVERY_MS}
key = "{self._folder}/device.key"
ack_key = "{deployment["ack_public_key"]}"
ack_algorithm = "{deployment["ack_algorithm"]}"

[meter.bus]
kind = "tcp"
host = "127.0.0.1"
port = {self._meter_port}
unit = 1

[meter.limits]
export_w = {self.house.export_limit_w * speed}
import_w = {self.house.import_limit_w * speed}

[meter.spool]
path = "{self._folder}/spool.sqlite"
max_bytes = {SPOOL_BYTES}

[meter.broker]
host = "127.0.0.1"
port = {self._services.broker_port}
{tls}"""
        )

    def _meter_id(self) -> str:
        if self._key("meter_id") not in self._state:
            self._state[self._key("meter_id")] = secrets.token_hex(16)
        return str(self._state[self._key("meter_id")])

    def _remembered(self, what: str) -> dict[str, Any]:
        value: dict[str, Any] = self._state[self._key(what)]
        return value

    def _key(self, what: str) -> str:
        return f"{self.house.key}.{what}"

    def _process(self, what: str) -> str:
        return f"{what}-{self.house.key}"
