// Uses up tokens against what a meter recorded as consumed.

import { decimal, grouped, millionths } from "./amounts.js";
import { call, fill, newKey } from "./hub.js";
import { refresh } from "./live.js";

const element = (id) => document.getElementById(id);
let key = newKey();

function refuse(message) {
  element("redeem-message").textContent = message;
  element("amount").setAttribute("aria-invalid", "true");
  element("amount").focus();
}

async function send(form) {
  const words = form.dataset;
  const meter = form.querySelector("input[name=meter]:checked");
  const mwh = millionths(element("amount").value);
  element("amount").removeAttribute("aria-invalid");
  element("redeem-message").textContent = "";
  if (mwh === null || mwh > BigInt(meter.dataset.mostMwh)) return refuse(words.badAmount);
  const amount = grouped(mwh);
  if (!confirm(fill(words.question, { amount, meter: meter.value }))) return;
  element("redeem-confirm").disabled = true;
  try {
    const { tx_signature: signature } = await call("POST", `/api/meters/${meter.value}/redemption`, {
      key, body: `{"amount_kwh": ${decimal(mwh)}}`,
    });
    key = newKey();
    element("amount").value = "";
    tell(fill(words.done, { amount }), signature, words.transaction);
    await refresh();
  } catch (error) {
    if (error.status < 500) key = newKey(); // refused: sent again, it is another request
    element("redeem-message").textContent = error.message;
  } finally {
    element("redeem-confirm")?.removeAttribute("disabled");
  }
}

function tell(text, signature, label) {
  const link = Object.assign(document.createElement("a"), {
    href: `/explorer/transactions/${signature}`, className: "code", textContent: `${signature.slice(0, 6)}…${signature.slice(-6)}`,
    ariaLabel: fill(label, { signature }),
  });
  element("redeem-result").replaceChildren(`${text} `, link);
}

document.addEventListener("input", (event) => {
  if (event.target.closest("#redeem-form")) key = newKey();
});
document.addEventListener("submit", (event) => {
  if (event.target.id !== "redeem-form") return;
  event.preventDefault();
  send(event.target);
});
