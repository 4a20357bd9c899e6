// The steps over the household's own readings: the chain of hashes, and the raw registers.

import { fromHex, hex, join, sha256 } from "./bytes.js";
import { decodeCbor } from "./cbor.js";
import { decodeRecord, GAP } from "./record.js";
import { decodeRegisters, ruleOf } from "./registers.js";

const OF_RECORD = {
  produced: "produced_mwh", consumed: "consumed_mwh", active_power: "active_power_mw",
  voltage: "voltage_mv", current: "current_ma", frequency: "frequency_mhz",
};

// From the settled reading, which is signed, downwards: each record names the hash of the one before.
export async function chainStep(step, way, progress = () => {}) {
  const { settled, record, before, hub } = way;
  if (settled.household.state === "private") return step.leave("private");
  const walk = { sequence: record.sequence, hash: record.previous_hash, lost: [], followed: 0n, jumped: record.flags & GAP };
  for (let below = record.sequence; below !== null;) {
    const page = await hub.readings(settled.meter_id, below);
    const disorder = page.readings.find(({ sequence }, index, all) => index && sequence >= all[index - 1].sequence);
    if (!step.require(!disorder, "chain-broken", disorder?.sequence)) return;
    for (const reading of page.readings) {
      if (!(await follow(step, walk, reading))) return;
    }
    progress(walk.followed);
    const next = page.next_below === undefined ? null : BigInt(page.next_below);
    if (!step.require(next === null || next < below, "chain-broken", below)) return;
    below = next;
  }
  step.fact("readings-followed", walk.followed);
  if (walk.sequence !== before.sequence) return step.leave("not-followed", walk.sequence);
  step.require(walk.own === before.record_hash, "chain-ends-elsewhere");
}

async function follow(step, walk, { sequence, record: text, extras }) {
  const bytes = fromHex(text);
  const record = decodeRecord(bytes);
  const own = hex(await sha256(join(bytes, fromHex(extras ?? ""))));
  if (!step.require(record.sequence === BigInt(sequence) && record.sequence < walk.sequence, "chain-broken", sequence)) {
    return false;
  }
  const missing = record.sequence + 1n < walk.sequence;
  const declared = isDeclared(walk, record.sequence);
  if (own !== walk.hash) {
    if (missing && !declared) {
      step.leave("not-followed", walk.sequence);
      return false;
    }
    if (!step.require(missing, "chain-broken", sequence)) return false;
  }
  if (missing) {
    if (!step.require(declared || walk.jumped, "unsigned-gap", sequence)) return false;
    step.fact("signed-gap", `${record.sequence + 1n} – ${walk.sequence - 1n}`);
  }
  if (extras) walk.lost.push(...(decodeCbor(fromHex(extras)).get("dropped") ?? []));
  Object.assign(walk, {
    sequence: record.sequence, hash: record.previous_hash, own, jumped: record.flags & GAP,
    followed: walk.followed + 1n,
  });
  return true;
}

// Whether readings already followed, which are signed, declare all sequences between as lost.
function isDeclared({ lost, sequence }, below) {
  let next = below + 1n;
  for (const [first, last] of lost.toSorted(([one], [other]) => (one < other ? -1 : 1))) {
    if (first <= next && last >= next) next = last + 1n;
  }
  return next >= sequence;
}

export async function registersStep(step, way) {
  const { settled, record } = way;
  const { household } = settled;
  if (household.state === "private" || household.state === "no_longer_kept") return step.leave(household.state);
  const [bytes, extras] = [fromHex(household.reading.record), fromHex(household.extras ?? "")];
  const reading = decodeRecord(bytes);
  const hash = hex(await sha256(join(bytes, extras)));
  step.fact("hash", hash);
  if (!step.require(hash === record.previous_hash, "reading-not-hashed")) return;
  for (const [name, value] of Object.entries(reading)) {
    step.require(String(value) === String(household.reading[name]), "differs", name, value, household.reading[name]);
  }
  if (household.state === "without_registers") return step.leave("without_registers");
  const told = decodeCbor(extras);
  const [profile, registers, decoding] = ["profile", "registers", "decoding"].map((name) => told.get(name));
  step.compare("profile", profile.get("name"), household.profile.name);
  step.compare("document", profile.get("document"), household.profile.document);
  step.compare("digest", hex(profile.get("digest")), household.profile.digest);
  step.compare("registers", registers.size, household.registers.length);
  for (const { quantity, raw, rule, value } of household.registers) {
    const [signedRaw, signedRule] = [registers.get(quantity), decoding.get(quantity)];
    if (!step.require(signedRaw && signedRule, "no-register", quantity)) continue;
    step.compare(`raw-${quantity}`, hex(signedRaw), raw);
    step.require(String(signedRule) === String(rule), "differs", `raw-${quantity}`, signedRule, rule);
    const decoded = decodeRegisters(ruleOf(signedRule), signedRaw);
    step.compare(OF_RECORD[quantity], decoded, value ?? null);
    step.require(decoded === reading[OF_RECORD[quantity]], "differs", OF_RECORD[quantity], decoded, reading[OF_RECORD[quantity]]);
  }
  for (const name of ["produced_mwh", "consumed_mwh"]) {
    step.require(reading[name] === record[name], "differs", name, record[name], reading[name]);
  }
}
