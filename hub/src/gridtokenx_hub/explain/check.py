"""Checks an explanation without its page: by the chain, and by what the explanation itself shows.

The same seven steps as the page's, each right, wrong with what differs, or left open with why.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from solders.pubkey import Pubkey

from gridtokenx_hub.chain import ChainClient
from gridtokenx_hub.explain.answer import Explanation, Proof, Readings, Settled
from gridtokenx_hub.explain.check_household import check_chain, check_registers
from gridtokenx_hub.explain.readings import signed_record
from gridtokenx_hub.explain.transaction import OnChain, settlements
from gridtokenx_programs import Program
from gridtokenx_protocol import cose
from gridtokenx_protocol.deployment import deployment_id
from gridtokenx_protocol.errors import ProtocolError
from gridtokenx_protocol.keys import Algorithm, key_id
from gridtokenx_protocol.record import RECORD_SIZE, ClockStatus, Record

_COSE_ALGORITHM_AT = 15
_REGISTERS = ("sequence", "time_ms", "produced_mwh", "consumed_mwh", "surplus_mwh")

ReadPage = Callable[[str, bytes, int], Awaitable[Readings]]
"""`Explainer.readings`."""


@dataclass
class Step:
    """One step; what is wrong of it, or why it is left open.

    Attributes:
        name: As on the page.
        position: Of the settlement in its transaction; None for the transaction's own step.
        shows: In a few words, what was found.
        wrong: What differs.
        left_open: Why it could not be checked.
    """

    name: str
    position: int | None
    shows: str = ""
    wrong: list[str] = field(default_factory=list)
    left_open: str | None = None

    @property
    def state(self) -> Literal["right", "wrong", "open"]:
        """How it ended."""
        if self.wrong:
            return "wrong"
        return "open" if self.left_open else "right"

    def same(self, what: str, found: object, told: object) -> None:
        """Note when what was found is not what the explanation says."""
        if found != told:
            self.wrong.append(f"{what}: found {found}, not {told}")


class Checker:
    """Asks the node once more, and compares.

    Every method raises `ChainError` when the node does not answer.
    """

    def __init__(
        self, client: ChainClient, programs: Mapping[str, Program], readings: ReadPage
    ) -> None:
        self._client = client
        self._registry, self._energy = programs["registry"], programs["energy_token"]
        self._readings = readings

    async def check(self, answer: Explanation) -> AsyncIterator[Step]:
        """Yield the steps in their order."""
        step, found = await self._transaction(answer)
        yield step
        for settled, on_chain in zip(answer.settlements, found, strict=False):
            record = on_chain.record
            yield _signature(settled, on_chain)
            yield await self._record(settled, record)
            yield await self._key(settled, on_chain)
            yield await self._amount(settled, on_chain)
            yield await self._chain(answer, settled, record)
            yield _registers(settled, record)

    async def _transaction(self, answer: Explanation) -> tuple[Step, list[OnChain]]:
        step = Step("transaction", None, f"slot {answer.slot}, {answer.finality}")
        transaction = await self._client.transaction(answer.signature)
        if transaction is None:
            step.wrong.append("the node has no such transaction")
            return step, []
        step.same("slot", transaction.slot, answer.slot)
        step.same("time of the block", transaction.block_time, answer.block_time)
        step.same("error", transaction.error, None)
        genesis = await self._client.genesis_hash()
        step.same("genesis hash", str(genesis), answer.deployment.genesis_hash)
        step.same("energy-token program", str(self._energy.id), answer.deployment.energy_token)
        found = list(settlements(transaction, self._energy))
        step.same("settlements", len(found), len(answer.settlements))
        return step, found

    async def _record(self, settled: Settled, record: Record) -> Step:
        step = Step("record", settled.position, f"reading {record.sequence}")
        step.same("record", signed_record(record), settled.record)
        genesis = await self._client.genesis_hash()
        own = deployment_id(bytes(genesis), bytes(self._registry.id))
        step.same("deployment", record.deployment.hex(), own.hex())
        step.same("clock", record.clock, ClockStatus.SYNCHRONISED)
        step.same("settlement", record.is_settlement, True)
        step.same("meter", record.meter_id.hex(), settled.meter_id)
        return step

    async def _key(self, settled: Settled, on_chain: OnChain) -> Step:
        step = Step("key", settled.position, f"fingerprint {on_chain.proof.fingerprint[:16]}…")
        record = on_chain.record
        step.same("meter's account", on_chain.accounts["meter"], settled.meter_account)
        account = await self._client.account(Pubkey.from_string(on_chain.accounts["meter"]))
        if account is None or account.owner != self._registry.id:
            step.wrong.append("the registry has no such meter")
            return step
        meter = self._registry.decode_account("Meter", account.data)
        step.same("meter", meter["meter_id"], record.meter_id)
        step.same("state", _state(meter, on_chain.proof), settled.key.state)
        event = await self._event(
            self._registry, settled.key.tx_signature, settled.key.event, record.meter_id
        )
        registered = event is not None and _is_key(
            event["algorithm"], event["public_key"], on_chain.proof
        )
        step.same("registered where it says", registered, True)
        return step

    async def _amount(self, settled: Settled, on_chain: OnChain) -> Step:
        minted, record = on_chain.event["minted_mwh"], on_chain.record
        step = Step("amount", settled.position, f"{minted} mWh")
        step.same("minted", minted, settled.minted_mwh)
        step.same("owner", str(on_chain.event["owner"]), settled.owner)
        step.same("owner's token account", on_chain.accounts["owner_token"], settled.owner_token)
        before = await self._before(settled, record.meter_id)
        if before is None:
            step.wrong.append("the settlement before is not where the explanation says")
            return step
        for name in _REGISTERS:
            step.same(f"{name} before", before[name], getattr(settled.previous, name))
        produced = record.produced_mwh - before["produced_mwh"]
        consumed = record.consumed_mwh - before["consumed_mwh"]
        surplus = record.surplus_mwh - before["surplus_mwh"]
        step.same("rise of the surplus", surplus, minted)
        fits = max(0, produced - consumed) <= surplus <= produced
        step.same("surplus fits production and consumption", fits, True)
        if before["total_minted_mwh"] is not None:
            total = before["total_minted_mwh"] + minted
            step.same("minted in all", total, settled.total_minted_mwh)
        return step

    async def _chain(self, answer: Explanation, settled: Settled, record: Record) -> Step:
        step = Step("chain", settled.position)

        async def page(below: int) -> Readings:
            return await self._readings(answer.signature, record.meter_id, below)

        found = await check_chain(record, settled.previous, page)
        step.shows = f"{found.followed} readings followed"
        step.wrong, step.left_open = found.wrong, found.left_open
        return step

    async def _before(self, settled: Settled, meter_id: bytes) -> dict[str, Any] | None:
        previous = settled.previous
        if previous.kind == "baseline":
            first = await self._event(
                self._registry, previous.tx_signature, "MeterRegistered", meter_id
            )
            names = {name: f"baseline_{name}" for name in _REGISTERS}
            return first and {n: first[b] for n, b in names.items()} | {"total_minted_mwh": 0}
        name = "MeterSettled" if previous.kind == "settlement" else "MeterRebased"
        event = await self._event(
            self._energy, previous.tx_signature, name, meter_id, previous.sequence
        )
        return event and event | {
            "sequence": event["reading_sequence"],
            "time_ms": event["reading_time_ms"],
            "total_minted_mwh": event.get("total_minted_mwh"),
        }

    async def _event(
        self,
        program: Program,
        tx_signature: str,
        name: str,
        meter_id: bytes,
        reading: int | None = None,
    ) -> dict[str, Any] | None:
        transaction = await self._client.transaction(tx_signature)
        for inner in transaction.inner_instructions if transaction else ():
            event = program.decode_event(inner.data) if inner.program_id == program.id else None
            if (
                event is not None
                and event.name == name
                and event.data["meter_id"] == meter_id
                and reading in (None, event.data.get("reading_sequence"))
            ):
                return event.data
        return None


def _registers(settled: Settled, record: Record) -> Step:
    step = Step("registers", settled.position)
    found = check_registers(settled.household, record)
    step.shows, step.wrong, step.left_open = found.shows, found.wrong, found.left_open
    return step


def _signature(settled: Settled, on_chain: OnChain) -> Step:
    proof = on_chain.proof
    step = Step("signature", settled.position, proof.algorithm)
    step.same("place", on_chain.instruction, settled.instruction)
    step.same("proof", proof, settled.proof)
    message, key = bytes.fromhex(proof.message), bytes.fromhex(proof.public_key)
    try:
        algorithm = 0x1F - message[_COSE_ALGORITHM_AT]
        signed = cose.SignedMessage(
            cose.ALGORITHM_OF_COSE[algorithm],
            algorithm,
            key_id(key),
            message[-RECORD_SIZE:],
            bytes.fromhex(proof.signature),
        )
        step.same("signed message", signed.signed_bytes().hex(), proof.message)
        cose.verify(signed, _algorithm(proof), key)
    except (ProtocolError, LookupError) as error:
        step.wrong.append(str(error))
    return step


def _algorithm(proof: Proof) -> Algorithm:
    return Algorithm.ED25519 if proof.algorithm == "ed25519" else Algorithm.P256


def _is_key(algorithm: int, public_key: bytes, proof: Proof) -> bool:
    return algorithm == _algorithm(proof) and public_key.hex().startswith(proof.public_key)


def _state(meter: Mapping[str, Any], proof: Proof) -> str:
    for state, field_name in (("current", "key"), ("previous", "previous_key")):
        key = meter[field_name]
        if _is_key(key["algorithm"], key["public_key"], proof):
            return state
    return "replaced"
