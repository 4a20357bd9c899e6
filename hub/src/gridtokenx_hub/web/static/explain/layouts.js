// What the programs write: events and accounts, field after field, as their IDLs say.

import { base58, discriminator, hex, same, unsigned } from "./bytes.js";

const KEY = [["algorithm", 1], ["public_key", "bytes", 33]];
const REGISTERS = [["reading_sequence", 8], ["reading_time_ms", 8], ["produced_mwh", 8], ["consumed_mwh", 8], ["surplus_mwh", 8]];
const BASELINE = REGISTERS.map(([name, size]) => [`baseline_${name.replace("reading_", "")}`, size]);
const LIMITS = [["export_limit_mw", 8], ["import_limit_mw", 8], ["daily_export_limit_mwh", 8]];
const OF_METER = [["sequence", 8], ["meter_id", "bytes", 16]];

const LAYOUTS = {
  "event:MeterSettled": [
    ...OF_METER, ["owner", "address"], ...REGISTERS, ["minted_mwh", 8], ["total_minted_mwh", 8],
    ["record_hash", "bytes", 32], ["timestamp", 8],
  ],
  "event:MeterRebased": [...OF_METER, ...REGISTERS, ["record_hash", "bytes", 32], ["timestamp", 8]],
  "event:MeterRegistered": [
    ...OF_METER, ["owner", "address"], ...KEY, ...LIMITS, ...BASELINE,
    ["baseline_hash", "bytes", 32], ["timestamp", 8],
  ],
  "event:KeyRotated": [
    ...OF_METER, ...KEY, ["previous_algorithm", 1], ["previous_public_key", "bytes", 33],
    ["previous_key_last_sequence", 8], ["timestamp", 8],
  ],
  "account:Meter": [
    ["meter_id", "bytes", 16], ["owner", "address"], ["status", 1], ["deployment", "bytes", 4], ...KEY,
    ["previous_algorithm", 1], ["previous_public_key", "bytes", 33], ["previous_key_last_sequence", 8],
    ...LIMITS, ...BASELINE, ["baseline_hash", "bytes", 32], ["registered_at", 8], ["bump", 1],
  ],
};

// The fields, when the bytes are of this kind; else null.
export async function decode(kind, bytes) {
  if (!same(bytes.subarray(0, 8), await discriminator(kind))) return null;
  const fields = { kind };
  let offset = 8;
  for (const [name, type, length] of LAYOUTS[kind]) {
    const size = type === "bytes" ? length : type === "address" ? 32 : type;
    if (offset + size > bytes.length) throw new Error(`${kind} ends too early`);
    const part = bytes.subarray(offset, offset + size);
    fields[name] = type === "bytes" ? hex(part) : type === "address" ? base58(part) : unsigned(part, 0, size);
    offset += size;
  }
  return fields;
}

// The first event of one of these kinds, about this meter, that passes `fits`.
export async function findEvent(transaction, program, kinds, meterId, fits = () => true) {
  for (const { index, data } of transaction.events(program)) {
    for (const kind of kinds) {
      const event = await decode(kind, data);
      if (event?.meter_id === meterId && fits(event, index)) return event;
    }
  }
  return null;
}
