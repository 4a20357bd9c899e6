"""A guardian at endpoints that a test plays: right in everything until it changes them."""

from pathlib import Path
from typing import Any

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
)
from tests.guardian.said import Said
from tests.guardian.solana import test_market as solana

from gridtokenx_guardian import keys
from gridtokenx_guardian.evm.bridge import Bridge
from gridtokenx_guardian.following.follower import Follower
from gridtokenx_guardian.following.journal import Journal
from gridtokenx_guardian.guardian import Guardian
from gridtokenx_guardian.signing.decisions import Decisions
from gridtokenx_guardian.signing.signer import Signer
from gridtokenx_guardian.solana.market import TradingMarket
from gridtokenx_programs.evm.words import selector

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
