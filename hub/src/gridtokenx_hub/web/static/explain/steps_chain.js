// The steps that the chain alone decides: transaction, signature, record, key, amount.

import { discriminator, fromBase58, hex, join, same, sha256 } from "./bytes.js";
import { decode, findEvent } from "./layouts.js";
import { decodeRecord, recordOf, SETTLEMENT } from "./record.js";
import { verify } from "./signatures.js";

const PROGRAMS = {
  Ed25519SigVerify111111111111111111111111111: { algorithm: "ed25519", number: 0n, keySize: 32 },
  Secp256r1SigVerify1111111111111111111111111: { algorithm: "p256", number: 1n, keySize: 33 },
};
const METER_AT = 1;
const OWNER_TOKEN_AT = 4;
const REGISTRAR_AT = 1;
const SYNCHRONISED = 3n;
const FAULTS = 0b1110000n;
const HOUR_MS = 3_600_000n;
const TICK_MWH = 10_000n;

export async function transactionStep(step, way) {
  const { answer, node, signature } = way;
  const transaction = await node.transaction(signature);
  if (!step.require(transaction, "no-transaction")) return;
  step.compare("signature", transaction.signature, answer.signature);
  step.require(transaction.signature === signature, "other-transaction");
  step.require(
    await verify("ed25519", transaction.payer, transaction.signatures[0], transaction.message),
    "transaction-not-signed");
  step.require(transaction.meta.err === null, "transaction-failed");
  step.compare("slot", transaction.slot, answer.slot);
  step.compare("block-time", time(transaction.blockTime), time(answer.block_time));
  const isFinal = await node.isFinal(signature);
  step.fact("finality", isFinal ? "finalized" : "confirmed");
  step.require(isFinal || answer.finality !== "finalized", "not-final");
  way.genesis = await node.ask("getGenesisHash");
  step.compare("genesis", way.genesis, answer.deployment.genesis_hash);
  const settle = await discriminator("global:settle_meter");
  way.settles = [...transaction.instructions.entries()].filter(([, { program, data }]) =>
    program === answer.deployment.energy_token && same(data, settle));
  step.compare("settlements", way.settles.length, answer.settlements.length);
  if (step.state === "right") way.transaction = transaction;
}

export async function signatureStep(step, way) {
  const { settled, transaction } = way;
  const [place] = way.settles[settled.position];
  step.compare("instruction", place, settled.instruction);
  const before = transaction.instructions[place - 1];
  const kind = PROGRAMS[before?.program];
  if (!step.require(kind, "no-proof")) return;
  const signatureAt = 16 + kind.keySize;
  const [key, signature, message] = [
    before.data.subarray(16, signatureAt),
    before.data.subarray(signatureAt, signatureAt + 64),
    before.data.subarray(signatureAt + 64),
  ];
  step.require(same(before.data.subarray(0, 16), layout(signatureAt, message.length)), "proof-layout");
  const { proof } = settled;
  step.compare("algorithm", kind.algorithm, proof.algorithm);
  step.compare("public-key", hex(key), proof.public_key);
  step.compare("device-signature", hex(signature), proof.signature);
  step.compare("message", hex(message), proof.message);
  step.require(await verify(kind.algorithm, key, signature, message), "not-signed");
  way.proof = { kind, key, message };
}

// One signature, whose parts all lie in the instruction itself: what the programs accept.
function layout(signatureAt, messageSize) {
  const here = 0xffff;
  const numbers = [signatureAt, here, 16, here, signatureAt + 64, messageSize, here];
  return Uint8Array.from([1, 0, ...numbers.flatMap((number) => [number & 255, number >> 8])]);
}

export async function recordStep(step, way) {
  const { answer, settled, proof } = way;
  const bytes = recordOf(proof.message, proof.kind.algorithm);
  const record = decodeRecord(bytes);
  step.compare("record", hex(bytes), settled.record.record);
  for (const [name, value] of Object.entries(record)) step.compare(name, value, settled.record[name]);
  const place = await sha256(join(fromBase58(way.genesis), fromBase58(answer.deployment.registry)));
  step.require(record.deployment === hex(place.subarray(0, 4)), "other-deployment");
  step.require(record.meter_id === settled.meter_id, "other-meter");
  step.require(record.flags & SETTLEMENT, "no-settlement");
  step.require((record.flags & SYNCHRONISED) === SYNCHRONISED && !(record.flags & FAULTS), "faulty");
  way.record = record;
  way.recordHash = hex(await sha256(bytes));
}

export async function keyStep(step, way) {
  const { answer, settled, proof, record, transaction, node } = way;
  const { registry } = answer.deployment;
  const [, settle] = way.settles[settled.position];
  step.compare("meter-account", settle.accounts[METER_AT], settled.meter_account);
  const account = await node.account(settle.accounts[METER_AT]);
  const meter = account?.owner === registry && await decode("account:Meter", account.data);
  if (!step.require(meter && meter.meter_id === record.meter_id, "no-meter")) return;
  step.compare("fingerprint", hex(await sha256(proof.key)), settled.proof.fingerprint);
  const state = isKey(meter, proof) ? "current" : isKey(meter, proof, "previous_") ? "previous" : "replaced";
  step.compare("key-state", state, settled.key.state);
  const event = await registration(way);
  if (!step.require(event, "key-not-registered")) return;
  step.fact("registered-at", time(event.timestamp));
  if (way.registrar) step.compare("registrar", way.registrar, settled.key.registered_by);
  step.fact("registered-by-transaction", settled.key.tx_signature);
  step.require(event.timestamp <= BigInt(transaction.blockTime), "registered-later");
  way.meter = meter;
}

function isKey(fields, { kind, key }, prefix = "") {
  return fields[`${prefix}algorithm`] === kind.number
    && fields[`${prefix}public_key`].startsWith(hex(key));
}

// The event by which the registry put the key in force.
async function registration(way) {
  const { answer, settled, proof, node, record } = way;
  const transaction = await node.transaction(settled.key.tx_signature);
  if (transaction?.meta.err !== null) return null;
  let found = 0;
  const event = await findEvent(
    transaction, answer.deployment.registry, ["event:MeterRegistered", "event:KeyRotated"],
    record.meter_id, (fields, index) => isKey(fields, proof) && (found = index, true));
  if (event) way.registrar = transaction.instructions[found].accounts[REGISTRAR_AT];
  return event;
}

export async function amountStep(step, way) {
  const { answer, settled, record, transaction, meter } = way;
  const { energy_token: program, energy_mint: mint } = answer.deployment;
  const [place, settle] = way.settles[settled.position];
  const event = await findEvent(
    transaction, program, ["event:MeterSettled"], record.meter_id, (_, index) => index === place);
  if (!step.require(event && event.record_hash === way.recordHash, "no-event")) return;
  const before = await beginning(way);
  if (!step.require(before, "no-previous")) return;
  for (const name of ["sequence", "time_ms", "produced_mwh", "consumed_mwh", "surplus_mwh", "record_hash"]) {
    step.compare(`previous-${name}`, before[name], settled.previous[name]);
  }
  const rise = (name) => record[name] - before[name];
  const [produced, consumed, surplus] = ["produced_mwh", "consumed_mwh", "surplus_mwh"].map(rise);
  step.fact("produced", kwh(produced)).fact("consumed", kwh(consumed)).fact("surplus", kwh(surplus));
  step.compare("minted", kwh(event.minted_mwh), kwh(BigInt(settled.minted_mwh)));
  step.require(surplus === event.minted_mwh, "not-the-surplus", kwh(surplus), kwh(event.minted_mwh));
  const least = produced > consumed ? produced - consumed : 0n;
  step.require(least <= surplus && surplus <= produced, "false-surplus");
  withinLimits(step, meter, produced, consumed, rise("time_ms"));
  if (before.total_minted_mwh !== undefined) {
    step.require(event.total_minted_mwh - event.minted_mwh === before.total_minted_mwh, "settlement-left-out");
  }
  step.compare("total-minted", kwh(event.total_minted_mwh), kwh(BigInt(settled.total_minted_mwh)));
  step.compare("owner", event.owner, settled.owner);
  const account = settle.accounts[OWNER_TOKEN_AT];
  step.compare("owner-token", account, settled.owner_token);
  step.require(transaction.rise(account, mint) === await mintedTo(way, account), "tokens-missing");
  way.before = before;
}

function withinLimits(step, meter, produced, consumed, elapsedMs) {
  const limit = (mw) => {
    const energy = (mw * elapsedMs) / HOUR_MS;
    return energy + energy / 10n + TICK_MWH;
  };
  step.fact("most-produced", kwh(limit(meter.export_limit_mw)));
  step.require(produced <= limit(meter.export_limit_mw), "above-limit");
  step.require(consumed <= limit(meter.import_limit_mw), "above-limit");
}

// The registers from which energy was counted, as the chain itself told them then.
async function beginning({ answer, settled, record, node }) {
  const { registry, energy_token: energyToken } = answer.deployment;
  const transaction = await node.transaction(settled.previous.tx_signature);
  if (transaction?.meta.err !== null) return null;
  const event = await findEvent(
    transaction, energyToken, ["event:MeterSettled", "event:MeterRebased"], record.meter_id,
    (fields) => fields.reading_sequence === BigInt(settled.previous.sequence));
  if (event) return { ...event, sequence: event.reading_sequence, time_ms: event.reading_time_ms };
  const first = await findEvent(transaction, registry, ["event:MeterRegistered"], record.meter_id);
  if (!first) return null;
  const names = ["sequence", "time_ms", "produced_mwh", "consumed_mwh", "surplus_mwh"];
  const baseline = Object.fromEntries(names.map((name) => [name, first[`baseline_${name}`]]));
  return { ...baseline, record_hash: first.baseline_hash, total_minted_mwh: 0n };
}

// What this transaction minted into one account: a household may have several meters.
async function mintedTo({ answer, settles, transaction }, account) {
  let sum = 0n;
  for (const [place, settle] of settles) {
    if (settle.accounts[OWNER_TOKEN_AT] !== account) continue;
    for (const { index, data } of transaction.events(answer.deployment.energy_token)) {
      const event = index === place && await decode("event:MeterSettled", data);
      if (event) sum += event.minted_mwh;
    }
  }
  return sum;
}

export function kwh(mwh) {
  const sign = mwh < 0n ? "−" : "";
  const digits = String(mwh < 0n ? -mwh : mwh).padStart(7, "0");
  const fraction = digits.slice(-6).replace(/0+$/, "");
  return `${sign}${digits.slice(0, -6)}${fraction && `.${fraction}`} kWh`;
}

export function time(unixS) {
  return unixS === null || unixS === undefined
    ? "–" : `${new Date(Number(unixS) * 1000).toISOString().slice(0, 19)}Z`;
}
