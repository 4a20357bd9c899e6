// Bytes and their forms as text; numbers out of bytes, exactly.

const BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

export function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function fromHex(text) {
  if (!/^([0-9a-f]{2})*$/.test(text)) throw new Error("not hexadecimal");
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

export function fromBase64(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

export function base58(bytes) {
  let number = 0n;
  for (const byte of bytes) number = (number << 8n) | BigInt(byte);
  let text = "";
  for (; number > 0n; number /= 58n) text = BASE58[Number(number % 58n)] + text;
  const zeros = bytes.findIndex((byte) => byte !== 0);
  return "1".repeat(zeros < 0 ? bytes.length : zeros) + text;
}

export function fromBase58(text) {
  let number = 0n;
  for (const letter of text) {
    const digit = BASE58.indexOf(letter);
    if (digit < 0) throw new Error("not base58");
    number = number * 58n + BigInt(digit);
  }
  const bytes = [];
  for (; number > 0n; number >>= 8n) bytes.unshift(Number(number & 255n));
  const zeros = text.length - text.replace(/^1+/, "").length;
  return Uint8Array.from([...new Array(zeros).fill(0), ...bytes]);
}

export function same(one, other) {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

export function startsWith(bytes, head) {
  return same(bytes.subarray(0, head.length), head);
}

export function join(...parts) {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

// Little-endian, of `size` bytes.
export function unsigned(bytes, offset, size) {
  let number = 0n;
  for (let index = size - 1; index >= 0; index--) number = (number << 8n) | BigInt(bytes[offset + index]);
  return number;
}

export function signed(bytes, offset, size) {
  return BigInt.asIntN(8 * size, unsigned(bytes, offset, size));
}

export async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

// The first 8 bytes by which Anchor's formats tell what follows, such as "event:MeterSettled".
export async function discriminator(name) {
  return (await sha256(new TextEncoder().encode(name))).subarray(0, 8);
}
