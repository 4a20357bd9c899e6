// An @coral-xyz/anchor client of our programs.
//
// Reads a job as JSON on standard input and prints the answers; ../anchor/jobs.py says what is in
// both.

import { readFileSync } from "node:fs";
import anchor from "@coral-xyz/anchor";

const { AnchorProvider, BN, Program, ProgramError, Wallet, utils, web3 } = anchor;
const EVENT_TAG_SIZE = 8;
const NUMBERS = new Set(["u8", "i8", "u16", "i16", "u32", "i32"]);
const POLL_MS = 50;
const GIVE_UP_MS = 30_000;

const camel = (name) => name.replace(/_+([a-z0-9])/g, (_, letter) => letter.toUpperCase());
const lowerFirst = (name) => name[0].toLowerCase() + name.slice(1);
const mapValues = (object, change) =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [camel(key), change(value)]));

/** Our local chain has no websocket, so transactions are followed by asking. */
class PollingProvider extends AnchorProvider {
  async sendAndConfirm(transaction, signers = []) {
    transaction.feePayer = this.wallet.publicKey;
    transaction.recentBlockhash = (await this.connection.getLatestBlockhash()).blockhash;
    transaction.sign(this.wallet.payer, ...signers);
    const signature = await this.#submit(transaction.serialize());
    for (const end = Date.now() + GIVE_UP_MS; Date.now() < end; ) {
      const status = (await this.connection.getSignatureStatuses([signature])).value[0];
      if (status?.err) throw new Error(`${signature} failed: ${JSON.stringify(status.err)}`);
      if (["confirmed", "finalized"].includes(status?.confirmationStatus)) return signature;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    throw new Error(`${signature} was not confirmed`);
  }

  // web3.js writes the logs into its error's text, where Anchor then finds the program's code more
  // than once and gives up (0.32.1, ProgramError.parse); it reads the refusal by itself well.
  async #submit(bytes) {
    try {
      return await this.connection.sendRawTransaction(bytes);
    } catch (error) {
      if (!(error instanceof web3.SendTransactionError)) throw error;
      const { message, logs } = error.transactionError;
      throw Object.assign(new Error(message), { logs });
    }
  }
}

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

function errors(program) {
  const messages = anchor.parseIdlErrors(program.idl);
  return program.idl.errors.map(({ code, name }) => ({ code, name, msg: messages.get(code) }));
}

/** Send an instruction; its events, or the error that Anchor makes of a refusal. */
async function send(program, keys, step) {
  const before = step.proof ? [proof(step.proof)] : [];
  let signature;
  try {
    signature = await methods(program, step)
      .preInstructions(before)
      .signers(step.signers.map((name) => keys[name]))
      .rpc();
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    const { name } = program.idl.errors.find(({ code }) => code === error.code);
    return { error: { code: error.code, name, msg: error.msg } };
  }
  return { signature, events: await events(program, signature) };
}

function proof(job) {
  if (job.program_id !== web3.Ed25519Program.programId.toBase58()) throw new Error(job.program_id);
  const bytes = (hex) => Buffer.from(hex, "hex");
  return web3.Ed25519Program.createInstructionWithPublicKey({
    publicKey: bytes(job.public_key),
    signature: bytes(job.signature),
    message: bytes(job.message),
  });
}

/** The events of a transaction: inner instructions by which the program calls itself. */
async function events(program, signature) {
  const found = await program.provider.connection.getTransaction(signature, {
    commitment: "confirmed",
    maxSupportedTransactionVersion: 0,
  });
  const keys = found.transaction.message.staticAccountKeys;
  return found.meta.innerInstructions
    .flatMap((group) => group.instructions)
    .filter((inner) => keys[inner.programIdIndex].equals(program.programId))
    .map((inner) => decodeEvent(program, utils.bytes.bs58.decode(inner.data)));
}

async function each(items, change) {
  const made = [];
  for (const item of items) made.push(await change(item));
  return made;
}

async function answer(job) {
  const keys = mapValues(job.keys, (secret) =>
    web3.Keypair.fromSecretKey(Buffer.from(secret, "hex")),
  );
  const connection = new web3.Connection(job.rpc_url, "confirmed");
  const provider = new PollingProvider(connection, new Wallet(keys.payer), { commitment: "confirmed" });
  const programs = Object.fromEntries(
    Object.entries(job.idls).map(([name, path]) => [
      name,
      new Program(JSON.parse(readFileSync(path, "utf8")), provider),
    ]),
  );
  const of = (item) => programs[item.program];
  return {
    builds: await each(job.builds, (item) => build(of(item), item)),
    accounts: job.accounts.map((item) => decodeAccount(of(item), item)),
    events: job.events.map((item) => decodeEvent(of(item), Buffer.from(item.data, "hex"))),
    errors: Object.fromEntries(Object.entries(programs).map(([name, one]) => [name, errors(one)])),
    steps: await each(job.steps, (step) => send(of(step), keys, step)),
    fetched: await each(job.fetches, async (item) =>
      plain(await of(item).account[lowerFirst(item.account)].fetch(item.address)),
    ),
  };
}

process.stdout.write(JSON.stringify(await answer(JSON.parse(readFileSync(0, "utf8")))));
