// Calls of the hub's API, as whoever has signed in, and what went wrong in the visitor's language.

import { signTransaction } from "./wallet.js";

const words = JSON.parse(document.getElementById("problems").textContent);

export class Refused extends Error {
  constructor(problem, status) {
    super(words[problem.error] ?? `${words.other} (${problem.detail})`);
    this.status = status;
  }
}

// One key for each intention: pressing twice, or again after a lost answer, does it once.
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)),
    (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export async function call(method, path, { token, key, body, signed } = {}) {
  const response = await ask(path, {
    method,
    headers: {
      ...(token && { Authorization: `Bearer ${token}` }),
      ...(key && { "Idempotency-Key": key }),
      ...(signed && { "Signed-Transaction": signed }),
      ...(body && { "Content-Type": "application/json" }),
    },
    body,
  });
  if (response.status === 204) return null;
  const answer = await response.json();
  if (!response.ok) throw new Refused(answer, response.status);
  if (response.status === 202) return countersign(method, path, { key, body }, answer.transaction);
  return answer;
}

// A household with a wallet of its own signs what the hub has made; the same call takes it back.
async function countersign(method, path, request, transaction) {
  const signed = await signTransaction(transaction);
  if (signed === null) throw new Error(words.NoWallet);
  return call(method, path, { ...request, signed });
}

async function ask(path, request) {
  try {
    return await fetch(path, request);
  } catch {
    throw new Error(document.getElementById("connection").textContent);
  }
}

export function announce(text) {
  const toast = document.getElementById("toast");
  toast.textContent = text;
  setTimeout(() => { if (toast.textContent === text) toast.textContent = ""; }, 8000);
}

export function fill(template, values) {
  return template.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}
