// An @coral-xyz/anchor client of our programs.
//
// Reads requests on standard input and answers each, one JSON object a line; ../anchor/clients.py
// says what is in them.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import anchor from "@coral-xyz/anchor";

const { AnchorError, AnchorProvider, BN, Program, Wallet, utils, web3 } = anchor;
const EVENT_TAG_SIZE = 8;
const LOOK_AGAIN_MS = 20;
const NUMBERS = new Set(["u8", "i8", "u16", "i16", "u32", "i32"]);

const camel = (name) => name.replace(/_+([a-z0-9])/g, (_, letter) => letter.toUpperCase());
const lowerFirst = (name) => name[0].toLowerCase() + name.slice(1);
const mapValues = (object, change) =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [camel(key), change(value)]));

/** Keeps what AnchorProvider 0.32.1 loses of transactions that a chain refuses: signature and logs. */
class Provider extends AnchorProvider {
  async sendAndConfirm(transaction, signers = [], options = {}) {
    if (!options.skipPreflight) return super.sendAndConfirm(transaction, signers, options);
    const latest = await this.connection.getLatestBlockhash();
    transaction.feePayer = this.wallet.publicKey;
    transaction.recentBlockhash = latest.blockhash;
    transaction.sign(this.wallet.payer, ...signers);
    const signature = await this.connection.sendRawTransaction(transaction.serialize(), options);
    const error = await this.#failure({ signature, ...latest });
    if (error) throw await this.#refusal(signature, error);
    return signature;
  }

  /** What the chain says against it: web3.js returns what a notice told, and throws what it had to ask for. */
  async #failure(strategy) {
    try {
      return (await this.connection.confirmTransaction(strategy, "confirmed")).value.err;
    } catch (thrown) {
      if (thrown instanceof Error) throw thrown;
      return thrown;
    }
  }

  /** As AnchorProvider means to: with the logs, in which Anchor finds the program's error. */
  async #refusal(signature, error) {
    const { logMessages: logs } = (await confirmed(this.connection, signature)).meta;
    const transactionMessage = JSON.stringify(error);
    return new web3.SendTransactionError({ action: "send", signature, transactionMessage, logs });
  }
}

/** A transaction that was executed, once its block is confirmed. */
async function confirmed(connection, signature) {
  for (;;) {
    const transaction = await found(connection, signature);
    if (transaction) return transaction;
    await setTimeout(LOOK_AGAIN_MS);
  }
}

const found = (connection, signature) =>
  connection.getTransaction(signature, { commitment: "confirmed", maxSupportedTransactionVersion: 0 });

/** A value as Anchor takes it. */
function argument(tagged) {
  const [[kind, value]] = Object.entries(tagged);
  if (kind === "pubkey") return new web3.PublicKey(value);
  if (kind === "bool") return value;
  if (kind === "list") return value.map(argument);
  if (kind === "option") return value === null ? null : argument(value);
  if (kind === "enum") return { [lowerFirst(value[1])]: {} };
  if (kind === "struct") return mapValues(value[1], argument);
  return NUMBERS.has(kind) ? Number(value) : new BN(value);
}

/** What Anchor decoded, as JSON without types. */
function plain(value) {
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "number" || BN.isBN(value)) return value.toString();
  if (value instanceof web3.PublicKey) return value.toBase58();
  if (Array.isArray(value) || value instanceof Uint8Array) return Array.from(value, plain);
  const entries = Object.entries(value);
  const isVariant =
    entries.length === 1 && entries[0][1]?.constructor === Object && !Object.keys(entries[0][1]).length;
  return isVariant ? entries[0][0] : mapValues(value, plain);
}

function methods(program, job) {
  const accounts = mapValues(job.accounts, (address) => new web3.PublicKey(address));
  return program.methods[camel(job.instruction)](...job.args.map(argument)).accountsPartial(accounts);
}

/** An instruction, taken apart. */
async function build(program, job) {
  const made = await methods(program, job).instruction();
  return {
    program_id: made.programId.toBase58(),
    data: made.data.toString("hex"),
    accounts: made.keys.map((key) => [key.pubkey.toBase58(), key.isSigner, key.isWritable]),
  };
}

function decodeAccount(program, job) {
  const data = Buffer.from(job.data, "hex");
  const { name } = program.idl.accounts.find(({ discriminator }) =>
    data.subarray(0, discriminator.length).equals(Buffer.from(discriminator)),
  );
  return { name, values: plain(program.coder.accounts.decode(name, data)) };
}

/** An event out of an inner instruction's data. */
function decodeEvent(program, data) {
  const event = program.coder.events.decode(data.subarray(EVENT_TAG_SIZE).toString("base64"));
  return { name: event.name, values: plain(event.data) };
}

function named({ error: { errorCode, errorMessage } }) {
  return { code: errorCode.number, name: errorCode.code, msg: errorMessage };
}

/** Send an instruction; its events, or the error that Anchor makes of a refusal. */
async function send(program, keys, step) {
  let signature;
  try {
    signature = await methods(program, step)
      .preInstructions(step.before.map(instruction))
      .signers(step.signers.map((name) => keys[name]))
      .rpc({ skipPreflight: !step.preflight });
  } catch (refused) {
    if (!(refused instanceof AnchorError)) throw refused;
    return { error: named(refused) };
  }
  return { signature, events: await events(program, signature) };
}

function instruction(job) {
  const data = Buffer.from(job.data, "hex");
  if (job.program_id === web3.Ed25519Program.programId.toBase58() && data[0] === 1) return proof(data);
  return new web3.TransactionInstruction({
    programId: new web3.PublicKey(job.program_id),
    keys: job.accounts.map(([address, isSigner, isWritable]) => ({
      pubkey: new web3.PublicKey(address),
      isSigner,
      isWritable,
    })),
    data,
  });
}

/** web3.js lays one signature out by itself. */
function proof(data) {
  const [signature, publicKey, message, size] = [2, 6, 10, 12].map((at) => data.readUInt16LE(at));
  return web3.Ed25519Program.createInstructionWithPublicKey({
    publicKey: data.subarray(publicKey, publicKey + 32),
    signature: data.subarray(signature, signature + 64),
    message: data.subarray(message, message + size),
  });
}

/** The events of a transaction: inner instructions by which the program calls itself. */
async function events(program, signature) {
  const { transaction, meta } = await confirmed(program.provider.connection, signature);
  const keys = transaction.message.staticAccountKeys;
  return meta.innerInstructions
    .flatMap((group) => group.instructions)
    .filter((inner) => keys[inner.programIdIndex].equals(program.programId))
    .map((inner) => decodeEvent(program, utils.bytes.bs58.decode(inner.data)));
}

const ANSWERS = {
  build: (program, _, job) => build(program, job),
  account: (program, _, job) => decodeAccount(program, job),
  event: (program, _, job) => decodeEvent(program, Buffer.from(job.data, "hex")),
  error: (_, __, job) => named(AnchorError.parse(job.logs)),
  send: (program, keys, job) => send(program, keys, job),
  fetch: async (program, _, job) =>
    plain(await program.account[lowerFirst(job.account)].fetch(job.address)),
};

function open({ idls, keys: secrets, rpc_url }) {
  const keys = Object.fromEntries(
    Object.entries(secrets).map(([name, secret]) => [
      name,
      web3.Keypair.fromSecretKey(Buffer.from(secret, "hex")),
    ]),
  );
  const connection = new web3.Connection(rpc_url, "confirmed");
  const options = { commitment: "confirmed", preflightCommitment: "confirmed" };
  const provider = new Provider(connection, new Wallet(keys.payer), options);
  const programs = Object.fromEntries(
    Object.entries(idls).map(([name, path]) => [
      name,
      new Program(JSON.parse(readFileSync(path, "utf8")), provider),
    ]),
  );
  return { keys, programs };
}

let session;
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  if (!session) {
    session = open(request);
    continue;
  }
  const answer = await ANSWERS[request.do](session.programs[request.program], session.keys, request);
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
