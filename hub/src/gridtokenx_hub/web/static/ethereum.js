// Wallets for the EVM that the browser brings (EIP-1193): they prove an account, and send calls.

const RECEIPT_MS = 1_000;

export function wallet() {
  return window.ethereum ?? null;
}

function ask(method, ...params) {
  return wallet().request({ method, params });
}

async function accounts() {
  return (await ask("eth_requestAccounts")).map((address) => address.toLowerCase());
}

// Has the caller pay from the wallet's account, which signs the hub's text once for that.
export async function prove(call) {
  const [address] = await accounts();
  const { account } = await call("GET", "/api/bridge/account");
  if (account?.address === address) return;
  const body = JSON.stringify({ address });
  const challenge = await call("POST", "/api/bridge/account/challenges", { body });
  const text = new TextEncoder().encode(challenge.message);
  const hex = Array.from(text, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const signature = await ask("personal_sign", `0x${hex}`, address);
  await call("POST", "/api/bridge/account", {
    body: JSON.stringify({ custody: "own", address, nonce: challenge.nonce, signature }),
  });
}

// Sends calls one after the other, each when the one before is in a block. The payer's account has
// to be among the wallet's; without a payer any does. Returns what became of it: sent, failed,
// wrongAccount.
export async function send(calls, chainId, payer) {
  const own = await accounts();
  const from = payer || own[0];
  if (!own.includes(from)) return "wrongAccount";
  await ask("wallet_switchEthereumChain", { chainId: `0x${Number(chainId).toString(16)}` });
  for (const { to, data } of calls) {
    const receipt = await mined(await ask("eth_sendTransaction", { from, to, data }));
    if (receipt.status !== "0x1") return "failed";
  }
  return "sent";
}

async function mined(hash) {
  for (;;) {
    const receipt = await ask("eth_getTransactionReceipt", hash);
    if (receipt) return receipt;
    await new Promise((wake) => { setTimeout(wake, RECEIPT_MS); });
  }
}
