// A household with a wallet of its own registers itself: signs in, has a session, signs once more.

import { call, newKey } from "./hub.js";
import { signIn, whenFound } from "./wallet.js";

const element = (id) => document.getElementById(id);
const key = newKey();

async function register(form) {
  if (form.dataset.signedIn === undefined) {
    const typed = new FormData(form);
    const { token } = await signIn(
      (path, body) => call("POST", path, { body: JSON.stringify(body) }),
      { name: typed.get("name").trim(), user_type: typed.get("user_type") },
    );
    await call("POST", "/api/sessions", { token });
    form.dataset.signedIn = "";
  }
  await call("POST", "/api/users/me/registration", { key });
  location.replace("/energy");
}

document.addEventListener("submit", async (event) => {
  if (event.target.id !== "register-form") return;
  event.preventDefault();
  const name = element("name");
  if (name && !name.value.trim()) {
    element("register-message").textContent = event.target.dataset.noName;
    name.focus();
    return;
  }
  element("register-message").textContent = "";
  element("register").disabled = true;
  try {
    await register(event.target);
  } catch (error) {
    element("register-message").textContent = error.message;
  } finally {
    element("register").disabled = false;
  }
});
whenFound(() => {
  const form = element("register-form");
  if (form) form.hidden = false;
  element("no-wallet")?.remove();
});
