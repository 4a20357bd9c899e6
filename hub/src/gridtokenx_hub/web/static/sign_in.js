// Signs in with a token, which becomes a cookie that no script can read; and signs out.

import { call } from "./hub.js";
import { signIn as signInByWallet, whenFound } from "./wallet.js";

const element = (id) => document.getElementById(id);

const say = (message) => { element("sign-in-message").textContent = message; };

async function byWallet() {
  say("");
  try {
    const { token } = await signInByWallet((path, body) =>
      call("POST", path, { body: JSON.stringify(body) }));
    await enter(token);
  } catch (error) {
    say(error.message);
  }
}

async function enter(token) {
  await call("POST", "/api/sessions", { token });
  location.replace(wayBack());
}

async function signIn(form) {
  const token = element("token").value.trim();
  if (!token) {
    say(form.dataset.empty);
    element("token").focus();
    return;
  }
  try {
    await enter(token);
  } catch (error) {
    say(error.message);
    element("token").focus();
  }
}

// Only a path of this hub: another site's address has no business in ours.
function wayBack() {
  const back = new URLSearchParams(location.search).get("back") ?? "/";
  return new URL(back, location.origin).origin === location.origin ? back : "/";
}

document.addEventListener("submit", (event) => {
  if (event.target.id !== "sign-in-form") return;
  event.preventDefault();
  signIn(event.target);
});
whenFound(() => {
  const entry = element("wallet-entry");
  if (entry) entry.hidden = false;
});
document.addEventListener("click", async (event) => {
  if (event.target.closest("#by-wallet")) await byWallet();
  if (event.target.closest("#sign-out")) {
    await call("DELETE", "/api/sessions/current");
    location.replace("/");
  }
});
