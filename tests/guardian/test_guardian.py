"""One look after another at endpoints that a test plays: what is signed, what not, and why."""

from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from eth_abi.abi import encode
from tests.guardian.evm import test_bridge as evm
from tests.guardian.facts import (
    ADDRESSES,
    AMOUNT,
    BRIDGE,
    DEADLINE,
    NOW,
    PAYER,
    RESERVATION,
    TRADING,
    reservation_terms,
)
from tests.guardian.said import Said
from tests.guardian.solana import test_market as solana

from gridtokenx_guardian import keys
from gridtokenx_guardian.evm.bridge import Bridge
from gridtokenx_guardian.evm.words import selector
from gridtokenx_guardian.following.follower import Follower
from gridtokenx_guardian.following.journal import Journal
from gridtokenx_guardian.guardian import MAX_AHEAD_S, Guardian
from gridtokenx_guardian.server import Server
from gridtokenx_guardian.signing import state
from gridtokenx_guardian.signing.decisions import Decisions
from gridtokenx_guardian.signing.signer import Signer
from gridtokenx_guardian.solana.market import TradingMarket
from gridtokenx_programs.attestation import PAID, UNPAID, Attestation

STALE_AFTER_S = 1800


class Chains:
    """What both endpoints answer; right in everything until a test changes it."""

    def __init__(self, own: keys.Keys) -> None:
        self.time_s = NOW
        self.slot = 9
        self.state = 1
        self.epoch = 1
        self.payments = [evm.log()]
        self.is_open = True
        self.own = own
        self.evm = Said(results=evm.honest(), name="evm")
        self.solana = Said(results=solana.honest(), name="solana")
        self.evm.results |= {
            "eth_call": self._call,
            "eth_getLogs": lambda _: self.payments,
            "eth_getBlockByNumber": lambda number, _: evm.header(
                7 if number == "finalized" else int(number, 16), timestamp=hex(self.time_s)
            ),
        }
        self.solana.results |= {
            "getMultipleAccounts": self._accounts,
            "getAccountInfo": lambda *_: solana.at(self.slot, self._reservation()),
            "getProgramAccounts": lambda *_: self._open(),
        }

    def nobody_paid(self) -> None:
        self.payments, self.state = [], 0

    def _call(self, asked: dict[str, str], _: Any) -> str:
        answers = {
            "SOLANA_CHAIN()": solana.GENESIS,
            "guardianEpoch()": encode(["uint64"], [self.epoch]),
            "guardians()": encode(["address[]"], [[evm.hexed(self.own.evm_address)]]),
            "payments(bytes32)": encode(
                ["address", "uint64", "uint8", "uint256"],
                [evm.hexed(PAYER), DEADLINE, self.state, AMOUNT],
            ),
        }
        called = {evm.hexed(selector(name)): told for name, told in answers.items()}
        return evm.hexed(called[asked["data"][:10]])

    def _accounts(self, *_: Any) -> dict[str, Any]:
        me = [self.own.solana.pubkey(), *[solana.key("none")] * 8]
        office = solana.office(epoch=1, count=1, guardians=me)
        return solana.at(self.slot, [solana.clock(self.time_s), solana.market(), office])

    def _reservation(self) -> dict[str, Any] | None:
        return solana.reservation() if self.is_open else None

    def _open(self) -> list[dict[str, Any]]:
        account = self._reservation()
        return [{"pubkey": str(RESERVATION), "account": account}] if account else []


class Played:
    """A guardian over played chains."""

    def __init__(self, folder: Path, connection: Any) -> None:
        own = keys.load(folder)
        self.chains = Chains(own)
        self.now_s = NOW
        self.signer = Signer(own, Decisions(connection), BRIDGE)
        self.journal = Journal(connection)
        self.connection = connection
        bridge = Bridge(self.chains.evm, BRIDGE, solana.GENESIS, None)
        self.guardian = Guardian(
            bridge=bridge,
            bridge_id=BRIDGE,
            market=TradingMarket(self.chains.solana, TRADING, ADDRESSES, solana.GENESIS),
            follower=Follower(bridge, self.journal, 0),
            signer=self.signer,
            now_s=lambda: self.now_s,
            stale_after_s=STALE_AFTER_S,
        )

    async def look(self) -> None:
        await self.guardian.look()

    @property
    def kind(self) -> bytes | None:
        signed = self.signer.attested(RESERVATION)
        return signed and signed.message[:8]

    @property
    def report(self) -> dict[str, Any]:
        return self.guardian.health.report(self.now_s)


@pytest.fixture
async def played(tmp_path: Path) -> AsyncIterator[Played]:
    state.create(tmp_path, keys.create(tmp_path))
    with closing(state.open_state(tmp_path, keys.load(tmp_path))) as connection:
        yield Played(tmp_path, connection)


async def test_a_payment_is_attested_as_the_program_makes_it(played: Played) -> None:
    await played.look()
    signed = played.signer.attested(RESERVATION)
    market = ADDRESSES.market()
    terms = reservation_terms()
    expected = Attestation(PAID, solana.DEPLOYMENT, TRADING.id, market, 1, RESERVATION, terms)
    assert signed is not None
    assert signed.message == expected.encode()
    assert played.signer.released(RESERVATION) is None, "not matched yet"


async def test_a_matched_payment_is_released_and_signed_again_for_another_set(
    played: Played,
) -> None:
    played.chains.is_open = False
    await played.look()
    first = played.signer.released(RESERVATION)
    assert first is not None
    assert (first.release.payer, first.release.amount_micro_thbc) == (PAYER, AMOUNT)
    played.chains.epoch = 2
    await played.look()
    again = played.signer.released(RESERVATION)
    assert again is not None
    assert again.release.guardian_epoch == 2


async def test_a_reservation_that_was_given_up_is_not_released(played: Played) -> None:
    played.chains.is_open = False
    played.chains.solana.results["getTransaction"] = solana.transaction()
    await played.look()
    assert played.signer.released(RESERVATION) is None
    assert "not_matched" in played.report["not_signed"][str(RESERVATION)]


async def test_an_ended_payment_is_forgotten(played: Played) -> None:
    for ended in (2, 3):
        played.chains.state = ended
        await played.look()
        assert played.journal.payments() == []
    assert played.kind is None


async def test_unpaid_is_attested_after_the_deadline_and_nothing_else_ever(
    played: Played, caplog: pytest.LogCaptureFixture
) -> None:
    played.chains.nobody_paid()
    await played.look()
    assert played.kind is None
    played.now_s = played.chains.time_s = DEADLINE + 1
    await played.look()
    assert played.kind == UNPAID
    # A payment that its endpoint shows later contradicts what it said: for this it has no word.
    played.chains.payments, played.chains.state = [evm.log()], 1
    played.connection.execute("DELETE FROM marks")
    await played.look()
    assert played.kind == UNPAID
    played.chains.is_open = False
    await played.look()
    assert played.signer.released(RESERVATION) is None
    assert "ContraryDecision" in caplog.text


async def test_where_the_node_lists_nothing_payments_are_attested_still(
    played: Played, caplog: pytest.LogCaptureFixture
) -> None:
    refusing = Said(b'{"id": 5, "error": {"message": "disabled"}}', name="solana")

    async def refuse(method: str, request: dict[str, Any]) -> bytes:
        told = refusing if method == "getProgramAccounts" else played.chains.solana
        refusing.body = b'{"id": %d, "error": {"message": "disabled"}}' % request["id"]
        return await Said._post(told, method, request)

    played.guardian._market._rpc._post = refuse  # type: ignore[method-assign] # one method refused
    await played.look()
    await played.look()
    assert played.kind == PAID
    assert caplog.text.count("unpaid reservations are not attested") == 1


@pytest.mark.parametrize("age_s", [STALE_AFTER_S + 1, -MAX_AHEAD_S - 1])
async def test_what_is_too_old_or_from_the_future_is_not_believed(
    played: Played, age_s: int, caplog: pytest.LogCaptureFixture
) -> None:
    played.now_s = NOW + age_s
    await played.look()
    assert played.kind is None
    assert "OutOfTime: evm endpoint" in caplog.text
    played.chains.evm.results["eth_getBlockByNumber"] = lambda number, _: evm.header(
        7 if number == "finalized" else int(number, 16), timestamp=hex(played.now_s)
    )
    await played.look()
    assert played.kind is None
    assert "OutOfTime: solana endpoint" in caplog.text


@pytest.mark.parametrize("endpoint", ["evm", "solana"])
async def test_a_fault_is_told_once_and_when_it_is_over(
    played: Played, endpoint: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    said = getattr(played.chains, endpoint)
    said.body = b"nonsense"
    for _ in range(3):
        await played.look()
    assert played.kind is None
    assert caplog.text.count("EndpointNonsense") == 1
    assert "not JSON" in played.report["endpoints"][endpoint]["fault"]
    said.body = None
    await played.look()
    assert played.kind == PAID
    assert "looking again" in caplog.text
    assert played.report["endpoints"][endpoint]["fault"] is None


async def test_a_disk_that_takes_nothing_signs_nothing(played: Played) -> None:
    played.connection.execute("PRAGMA query_only = 1")
    await played.look()
    assert "StateError" in played.report["state"]["fault"]
    assert played.kind is None
    played.connection.execute("PRAGMA query_only = 0")
    await played.look()
    assert played.kind == PAID


class TestServer:
    async def ask(self, played: Played, path: str) -> tuple[int, Any]:
        server = Server(played.signer, played.journal, played.guardian.health, lambda: NOW)
        async with (
            server.serving(0) as port,
            aiohttp.ClientSession() as http,
            http.get(f"http://127.0.0.1:{port}{path}") as response,
        ):
            return response.status, await response.json(content_type=None)

    async def test_attestation(self, played: Played) -> None:
        await played.look()
        status, told = await self.ask(played, f"/attestations/{RESERVATION}")
        signed = played.signer.attested(RESERVATION)
        assert signed is not None
        assert status == 200
        assert told == {
            "reservation": str(RESERVATION),
            "kind": "paid",
            "guardian": str(played.signer.keys.solana.pubkey()),
            "guardian_epoch": 1,
            "message": signed.message.hex(),
            "digest": signed.digest.hex(),
            "signature": signed.signature.hex(),
        }

    async def test_release(self, played: Played) -> None:
        played.chains.is_open = False
        await played.look()
        status, told = await self.ask(played, f"/releases/{RESERVATION}")
        signed = played.signer.released(RESERVATION)
        assert signed is not None
        assert status == 200
        assert told == {
            "reservation": str(RESERVATION),
            "guardian": evm.hexed(played.signer.keys.evm_address),
            "guardian_epoch": 1,
            "payer": evm.hexed(PAYER),
            "amount_micro_thbc": str(AMOUNT),
            "digest": evm.hexed(signed.digest),
            "signature": evm.hexed(signed.signature),
        }

    @pytest.mark.parametrize("kind", ["attestations", "releases"])
    async def test_what_was_not_signed_is_not_there(self, played: Played, kind: str) -> None:
        assert (await self.ask(played, f"/{kind}/{RESERVATION}"))[0] == 404
        for wrong in ("x", "0" * 44, "%00", "1" * 5000):
            assert (await self.ask(played, f"/{kind}/{wrong}"))[0] == 400

    async def test_status(self, played: Played) -> None:
        assert (await self.ask(played, "/status"))[1]["cursor"] is None
        await played.look()
        status, told = await self.ask(played, "/status")
        assert status == 200
        assert told["cursor"] == {"block": 7, "hash": evm.hexed(evm.BLOCK.hash)}
        assert told["keys"]["solana"] == str(played.signer.keys.solana.pubkey())
        assert told["endpoints"] == {
            "evm": {"final_block": 7, "age_s": 0, "fault": None},
            "solana": {"final_slot": 9, "age_s": 0, "fault": None},
        }
        assert told["not_signed"] == {}

    async def test_a_disk_that_cannot_be_read_is_a_503(self, played: Played) -> None:
        played.connection.close()
        for path in ("status", f"attestations/{RESERVATION}", f"releases/{RESERVATION}"):
            assert (await self.ask(played, f"/{path}"))[0] == 503

    async def test_it_can_only_be_read(self, played: Played) -> None:
        server = Server(played.signer, played.journal, played.guardian.health, lambda: NOW)
        async with server.serving(0) as port, aiohttp.ClientSession() as http:
            for path in ("/status", f"/attestations/{RESERVATION}", f"/releases/{RESERVATION}"):
                async with http.post(f"http://127.0.0.1:{port}{path}") as response:
                    assert response.status == 405

    async def test_it_answers_on_this_machine_alone(self, played: Played) -> None:
        server = Server(played.signer, played.journal, played.guardian.health, lambda: NOW)
        async with server.serving(0) as port, aiohttp.ClientSession() as http:
            with pytest.raises(aiohttp.ClientConnectorError):
                await http.get(f"http://127.0.0.2:{port}/status")
