// The signed record: 120 bytes, little-endian, and the 139 that the device signed (COSE_Sign1).

import { fromHex, hex, join, signed, startsWith, unsigned } from "./bytes.js";

export const RECORD_SIZE = 120;
export const SETTLEMENT = 4n;
export const GAP = 8n;

const READ = { u: unsigned, i: signed };
const FIELDS = [
  ["sequence", 24, 8, "u"], ["time_ms", 32, 8, "u"], ["produced_mwh", 40, 8, "u"],
  ["consumed_mwh", 48, 8, "u"], ["surplus_mwh", 56, 8, "u"],
  ["active_power_mw", 64, 8, "i"], ["voltage_mv", 72, 4, "u"], ["current_ma", 76, 4, "i"],
  ["frequency_mhz", 80, 4, "u"], ["flags", 84, 4, "u"],
];
const COSE_HEAD = join(fromHex("846a"), new TextEncoder().encode("Signature1"), fromHex("43a101"));
const COSE_ALGORITHMS = { ed25519: [0x27, 0x32], p256: [0x26, 0x28] };
const COSE_TAIL = fromHex("405878");

export function decodeRecord(bytes) {
  if (bytes.length !== RECORD_SIZE || !startsWith(bytes, new TextEncoder().encode("GTX1"))) {
    throw new Error("not a record of 120 bytes that begins with GTX1");
  }
  const record = {
    deployment: hex(bytes.subarray(4, 8)),
    meter_id: hex(bytes.subarray(8, 24)),
    previous_hash: hex(bytes.subarray(88)),
  };
  for (const [name, offset, size, kind] of FIELDS) record[name] = READ[kind](bytes, offset, size);
  return record;
}

// The record in a signed message, which has one accepted form.
export function recordOf(message, algorithm) {
  const [head, tail] = [COSE_HEAD.length, COSE_HEAD.length + 1];
  const record = message.subarray(tail + COSE_TAIL.length);
  if (
    record.length !== RECORD_SIZE || !startsWith(message, COSE_HEAD)
    || !COSE_ALGORITHMS[algorithm]?.includes(message[head])
    || !startsWith(message.subarray(tail), COSE_TAIL)
  ) throw new Error("the signed message is not a reading");
  return record;
}
