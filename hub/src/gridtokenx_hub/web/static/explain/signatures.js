// Signatures, checked by the browser's own cryptography.

import { unsigned } from "./bytes.js";

const P = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

export async function verify(algorithm, publicKey, signature, message) {
  if (algorithm === "ed25519") {
    const key = await crypto.subtle.importKey("raw", publicKey, "Ed25519", false, ["verify"]);
    return crypto.subtle.verify("Ed25519", key, signature, message);
  }
  const curve = { name: "ECDSA", namedCurve: "P-256" };
  const key = await crypto.subtle.importKey("raw", uncompressed(publicKey), curve, false, ["verify"]);
  return crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, signature, message);
}

// WebCrypto takes points of P-256 with both coordinates: y² = x³ - 3x + b (SEC 1, 2.3.4).
function uncompressed(point) {
  if (point.length !== 33 || (point[0] !== 2 && point[0] !== 3)) throw new Error("not a P-256 point");
  const x = unsigned(point.slice(1).reverse(), 0, 32);
  const square = (((x * x - 3n) * x + B) % P + P) % P;
  let y = power(square, (P + 1n) / 4n);
  if ((y & 1n) !== BigInt(point[0] & 1)) y = P - y;
  const both = new Uint8Array(65);
  both[0] = 4;
  both.set(point.subarray(1), 1);
  for (let index = 64; index > 32; index--, y >>= 8n) both[index] = Number(y & 255n);
  return both;
}

function power(base, exponent) {
  let result = 1n;
  for (; exponent > 0n; exponent >>= 1n, base = (base * base) % P) {
    if (exponent & 1n) result = (result * base) % P;
  }
  return result;
}
