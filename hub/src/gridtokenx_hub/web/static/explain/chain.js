// Asks a Solana node, and takes its transactions apart.

import { base58, fromBase58, fromBase64, startsWith } from "./bytes.js";

const ANSWER_MS = 20_000;
const EVENT = Uint8Array.from([0xe4, 0x45, 0xa5, 0x2e, 0x51, 0xcb, 0x9a, 0x1d]);

export class Node {
  constructor(address) {
    this.address = address;
  }

  async ask(method, ...params) {
    const response = await fetch(this.address, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
      signal: AbortSignal.timeout(ANSWER_MS),
      credentials: "omit",
    });
    const answer = await response.json();
    if (answer.error) throw new Error(answer.error.message);
    return answer.result;
  }

  // An executed transaction, null when the node has none of this signature.
  async transaction(signature) {
    const found = await this.ask("getTransaction", signature, {
      encoding: "base64", commitment: "confirmed", maxSupportedTransactionVersion: 0,
    });
    return found && new Transaction(found);
  }

  async isFinal(signature) {
    const { value: [status] } = await this.ask(
      "getSignatureStatuses", [signature], { searchTransactionHistory: true });
    return status?.confirmationStatus === "finalized";
  }

  async account(address) {
    const { value } = await this.ask(
      "getAccountInfo", address, { encoding: "base64", commitment: "confirmed" });
    return value && { owner: value.owner, data: fromBase64(value.data[0]) };
  }
}

class Transaction {
  constructor(found) {
    this.slot = found.slot;
    this.blockTime = found.blockTime;
    this.meta = found.meta;
    const wire = new Wire(fromBase64(found.transaction[0]));
    this.signatures = wire.list(() => wire.take(64));
    this.message = wire.rest();
    const keys = this.readMessage(wire);
    const { writable, readonly } = found.meta.loadedAddresses ?? { writable: [], readonly: [] };
    this.keys = [...keys.map(base58), ...writable, ...readonly];
    this.payer = keys[0];
  }

  get signature() {
    return base58(this.signatures[0]);
  }

  // Legacy, or version 0, whose accounts may come from lookup tables.
  readMessage(wire) {
    if (wire.peek() & 0x80) {
      if (wire.byte() !== 0x80) throw new Error("a transaction of an unknown version");
    }
    wire.take(3);
    const keys = wire.list(() => wire.take(32));
    wire.take(32);
    this.called = wire.list(() => ({
      program: wire.byte(), accounts: wire.list(() => wire.byte()), data: wire.bytes(),
    }));
    return keys;
  }

  get instructions() {
    return this.called.map(({ program, accounts, data }) => ({
      program: this.keys[program], accounts: accounts.map((index) => this.keys[index]), data,
    }));
  }

  // Events that a program sent: it calls itself with them, and takes such calls from nobody else.
  events(program) {
    return (this.meta.innerInstructions ?? []).flatMap(({ index, instructions }) =>
      instructions
        .filter((inner) => this.keys[inner.programIdIndex] === program)
        .map((inner) => ({ index, data: fromBase58(inner.data) }))
        .filter(({ data }) => startsWith(data, EVENT))
        .map(({ index: outer, data }) => ({ index: outer, data: data.subarray(EVENT.length) })));
  }

  // By how much the token balance of an account rose.
  rise(account, mint) {
    const place = this.keys.indexOf(account);
    const amount = (balances) => BigInt(
      balances.find((one) => one.accountIndex === place && one.mint === mint)?.uiTokenAmount.amount ?? 0);
    return amount(this.meta.postTokenBalances) - amount(this.meta.preTokenBalances);
  }
}

// The wire format of transactions: sizes are written seven bits at a time.
class Wire {
  constructor(bytes) {
    this.data = bytes;
    this.offset = 0;
  }

  take(size) {
    if (this.offset + size > this.data.length) throw new Error("a transaction ends too early");
    this.offset += size;
    return this.data.subarray(this.offset - size, this.offset);
  }

  peek() {
    return this.data[this.offset];
  }

  byte() {
    return this.take(1)[0];
  }

  size() {
    let [size, shift, byte] = [0, 0, 0];
    do {
      byte = this.byte();
      size |= (byte & 0x7f) << shift;
      shift += 7;
    } while (byte & 0x80 && shift < 21);
    return size;
  }

  list(read) {
    return Array.from({ length: this.size() }, read);
  }

  bytes() {
    return this.take(this.size());
  }

  rest() {
    return this.data.subarray(this.offset);
  }
}
