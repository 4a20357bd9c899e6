// Raw Modbus registers to an integer in our units, by the rule that the device signed beside them.

const BITS = {
  uint16: 16, int16: 16, uint32: 32, int32: 32, uint64: 64, int64: 64, float32: 32, float64: 64, thousandths64: 64,
};
const LARGEST_EXPONENT = 10n;

export function ruleOf(fields) {
  const [type, littleWords, notAvailable, phases, numerator, denominator, scaleFollows, roundsDown, optional] = fields;
  if (fields.length !== 9 || !BITS[type] || phases < 1n || denominator < 1n) throw new Error("not a decoding rule");
  return {
    type, littleWords, notAvailable, phases: Number(phases), numerator, denominator,
    scaleFollows, roundsDown, optional,
  };
}

// Returns null for a value that is not available.
export function decodeRegisters(rule, raw) {
  const size = BITS[rule.type] / 8;
  const end = size * rule.phases;
  if (raw.length !== end + (rule.scaleFollows ? 2 : 0)) throw new Error("another number of registers");
  let [numerator, denominator, count] = [0n, 1n, 0n];
  for (let start = 0; start < end; start += size) {
    const number = numberOf(rule, raw.subarray(start, start + size));
    if (number === null) continue;
    numerator = numerator * number[1] + number[0] * denominator;
    denominator *= number[1];
    count += 1n;
  }
  const factor = rule.scaleFollows ? powerOfTen(raw.subarray(end)) : [1n, 1n];
  if (count === 0n || factor === null) return rule.optional ? 0n : null;
  return rounded(
    numerator * factor[0] * rule.numerator,
    denominator * count * factor[1] * rule.denominator,
    rule.roundsDown,
  );
}

// A fraction, or null when the meter marks that there is no value.
function numberOf(rule, raw) {
  if (rule.type === "thousandths64") return withThousandths(rule, raw);
  const bytes = rule.littleWords ? swapped(raw) : raw;
  const view = new DataView(Uint8Array.from(bytes).buffer);
  if (rule.type.startsWith("float")) {
    return fraction(rule.type === "float32" ? view.getFloat32(0) : view.getFloat64(0));
  }
  const bits = BITS[rule.type];
  const number = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const value = rule.type.startsWith("uint") ? number : BigInt.asIntN(bits, number);
  return value === missing(rule, bits) ? null : [value, 1n];
}

function withThousandths(rule, raw) {
  const halves = [raw.subarray(0, 4), raw.subarray(4)];
  const [whole, thousandths] = halves.map((half) => numberOf({ ...rule, type: "int32" }, half));
  if (whole === null || thousandths === null) return null;
  if (thousandths[0] < 0n || thousandths[0] > 999n) throw new Error("thousandths that do not make a number");
  return [whole[0] * 1000n + thousandths[0], 1000n];
}

function swapped(raw) {
  const bytes = new Uint8Array(raw.length);
  for (let index = 0; index < raw.length; index += 2) {
    bytes.set(raw.subarray(index, index + 2), raw.length - 2 - index);
  }
  return bytes;
}

// A float is exactly the fraction that it is: doubling it is exact, too.
function fraction(number) {
  if (!Number.isFinite(number)) return null;
  let denominator = 1n;
  while (!Number.isInteger(number)) {
    number *= 2;
    denominator *= 2n;
  }
  return [BigInt(number), denominator];
}

function missing(rule, bits) {
  if (rule.notAvailable === "none") return null;
  if (rule.type.startsWith("uint")) return (1n << BigInt(bits)) - 1n;
  const sign = 1n << BigInt(bits - 1);
  return rule.notAvailable === "highest" ? sign - 1n : -sign;
}

function powerOfTen(raw) {
  const exponent = BigInt.asIntN(16, (BigInt(raw[0]) << 8n) | BigInt(raw[1]));
  if (exponent === -32768n) return null;
  const size = exponent < 0n ? -exponent : exponent;
  if (size > LARGEST_EXPONENT) throw new Error("a scale factor that no meter has");
  return exponent < 0n ? [1n, 10n ** size] : [10n ** size, 1n];
}

// Down, or to the nearest with ties to even; the denominator is above zero.
function rounded(numerator, denominator, down) {
  let floor = numerator / denominator;
  if (numerator % denominator < 0n) floor -= 1n;
  const twice = 2n * (numerator - floor * denominator);
  const up = twice > denominator || (twice === denominator && floor % 2n !== 0n);
  return !down && up ? floor + 1n : floor;
}
