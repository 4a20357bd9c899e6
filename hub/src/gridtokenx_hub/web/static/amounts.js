// Amounts as whole numbers: no binary fraction touches energy or money.

export const MICRO = 1_000_000n;
const LOT_MWH = 1_000n;

// Millionths of what somebody typed, null when it is no positive number of at most six decimals.
export function millionths(typed) {
  const match = /^(\d{1,12})(?:[.,](\d{1,6}))?$/.exec(typed.trim());
  if (!match) return null;
  const value = BigInt(match[1]) * MICRO + BigInt((match[2] ?? "").padEnd(6, "0"));
  return value > 0n ? value : null;
}

export function lots(typed) {
  const mwh = millionths(typed);
  return mwh !== null && mwh % LOT_MWH === 0n ? mwh : null;
}

// The decimal of millionths as JSON and people read it: 1.5, 10.
export function decimal(value) {
  const rest = (value % MICRO).toString().padStart(6, "0").replace(/0+$/, "");
  return `${value / MICRO}${rest && `.${rest}`}`;
}

export function grouped(value) {
  const [whole, rest] = decimal(value).split(".");
  const apart = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return rest ? `${apart}.${rest}` : apart;
}

// What an amount costs, rounded up as the trading program does.
export function quote(mwh, priceMicroGrx) {
  return (mwh * priceMicroGrx + MICRO - 1n) / MICRO;
}

// What GRX are in millionths of THBC, rounded up as the trading program does; null without a rate.
export function thbc(microGrx, rate) {
  return rate ? (microGrx * BigInt(rate) + MICRO - 1n) / MICRO : null;
}

// ≈ baht to the nearest satang, null while there is no rate.
export function baht(microGrx, rate) {
  if (!rate) return null;
  const satang = (microGrx * BigInt(rate) / MICRO + 5_000n) / 10_000n;
  const rest = satang % 100n;
  const whole = grouped(satang / 100n * MICRO);
  return rest ? `${whole}.${rest.toString().padStart(2, "0")}` : whole;
}
