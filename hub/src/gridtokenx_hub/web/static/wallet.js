// Wallets that the browser brings (Wallet Standard): they sign in, and sign what moves something.

const NEEDED = ["standard:connect", "solana:signMessage", "solana:signTransaction"];
const found = [];
let tell = () => {};

function register(...wallets) {
  found.push(...wallets.filter(({ features }) => NEEDED.every((name) => name in features)));
  if (found.length) tell();
}

// Calls back when there is a wallet: now, or when one comes.
export function whenFound(callback) {
  tell = callback;
  if (found.length) callback();
}

async function account(wallet) {
  const { accounts } = await wallet.features["standard:connect"].connect();
  return accounts[0];
}

// `more`: the name and type of a household that registers itself.
export async function signIn(ask, more = {}) {
  const [wallet] = found;
  const own = await account(wallet);
  const challenge = await ask("/api/sign-in/challenges", { wallet: own.address });
  const message = new TextEncoder().encode(challenge.message);
  const [{ signature }] = await wallet.features["solana:signMessage"].signMessage({ account: own, message });
  return ask("/api/sign-in", { wallet: own.address, nonce: challenge.nonce, signature: base64(signature), ...more });
}

// The same transaction with the wallet's signature, null where there is no wallet.
export async function signTransaction(transaction) {
  const [wallet] = found;
  if (!wallet) return null;
  const bytes = Uint8Array.from(atob(transaction), (letter) => letter.charCodeAt(0));
  const own = await account(wallet);
  const [{ signedTransaction }] = await wallet.features["solana:signTransaction"]
    .signTransaction({ account: own, transaction: bytes });
  return base64(signedTransaction);
}

function base64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}

addEventListener("wallet-standard:register-wallet", (event) => event.detail({ register }));
dispatchEvent(new CustomEvent("wallet-standard:app-ready", { detail: { register } }));
