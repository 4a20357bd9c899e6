// Forms that make tokens, codes and users: what is secret in the answer is shown this once.

import { decimal, millionths } from "./amounts.js";
import { announce, call, newKey } from "./hub.js";
import { refresh } from "./live.js";

const element = (id) => document.getElementById(id);
const KINDS = {
  text: (typed) => JSON.stringify(typed),
  whole: (typed) => (/^\d{1,12}$/.test(typed) ? String(BigInt(typed)) : null),
  decimal: (typed) => { const value = millionths(typed); return value === null ? null : decimal(value); },
};

function fields(form) {
  return [...form.elements].filter((one) => one.name && (one.type !== "radio" || one.checked));
}

// The JSON of what was typed; null after telling which field is wrong.
function bodyOf(form) {
  const parts = [];
  for (const field of fields(form)) {
    const typed = field.value.trim();
    field.removeAttribute("aria-invalid");
    if (typed === "" && !field.required) continue;
    const value = typed === "" ? null : KINDS[field.dataset.kind ?? "text"](typed);
    if (value === null) {
      field.setAttribute("aria-invalid", "true");
      field.focus();
      return null;
    }
    parts.push(`"${field.name}": ${value}`);
  }
  return `{${parts.join(", ")}}`;
}

async function send(form) {
  const message = form.querySelector(".message");
  const button = form.querySelector("button[type=submit]");
  message.textContent = "";
  const body = bodyOf(form);
  if (body === null) {
    message.textContent = form.dataset.bad;
    return;
  }
  form.dataset.key ??= newKey(); // sent again after a lost answer, it is the same request
  button.disabled = true;
  try {
    const answer = await call("POST", form.dataset.action, { key: form.dataset.key, body });
    delete form.dataset.key;
    form.reset();
    show(answer[form.dataset.secret]);
    announce(form.dataset.done);
    await refresh();
  } catch (error) {
    if (error.status < 500) delete form.dataset.key; // refused: sent again, it is another request
    message.textContent = error.message;
  } finally {
    button.disabled = false;
  }
}

function show(secret) {
  element("secret").textContent = secret;
  element("secret-box").hidden = false;
  element("secret-box").focus();
}

document.addEventListener("input", ({ target }) => { delete target.closest("form[data-secret]")?.dataset.key; });
document.addEventListener("submit", (event) => {
  if (!event.target.dataset.secret) return;
  event.preventDefault();
  send(event.target);
});
document.addEventListener("click", async ({ target }) => {
  const button = target.closest("#secret-copy");
  if (!button) return;
  await navigator.clipboard.writeText(element("secret").textContent);
  announce(button.dataset.copied);
});
