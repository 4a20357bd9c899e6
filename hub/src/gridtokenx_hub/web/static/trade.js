// Sells energy, or offers GRX for it: the two forms are one.

import { baht, decimal, grouped, lots, millionths, quote } from "./amounts.js";
import { announce, call, fill, newKey } from "./hub.js";
import { refresh } from "./live.js";

const element = (id) => document.getElementById(id);
let key = newKey();

function typed() {
  return { mwh: lots(element("amount").value), price: millionths(element("price").value) };
}

function total() {
  const { mwh, price } = typed();
  const words = element("trade-form").dataset;
  const cost = mwh === null || price === null ? null : quote(mwh, price);
  element("trade-total").textContent = cost === null ? "–" : `${grouped(cost)} ${words.grx}`;
  const worth = cost === null ? null : baht(cost, words.bahtRate);
  element("trade-baht").textContent = worth === null ? "" : fill(words.baht, { amount: worth });
  key = newKey();
}

function refuse(id, message) {
  element("trade-message").textContent = message;
  element(id).setAttribute("aria-invalid", "true");
  element(id).focus();
}

async function send(form) {
  const words = form.dataset;
  const { mwh, price } = typed();
  for (const id of ["amount", "price"]) element(id).removeAttribute("aria-invalid");
  element("trade-message").textContent = "";
  if (mwh === null) return refuse("amount", words.badAmount);
  if (price === null) return refuse("price", words.badPrice);
  element("trade-confirm").disabled = true;
  try {
    await call("POST", words.action, {
      key,
      body: `{"${words.walletField}": "${words.wallet}", "amount_kwh": ${decimal(mwh)}, "price_per_kwh": ${decimal(price)}}`,
    });
    form.reset();
    total();
    announce(words.done);
    await refresh();
  } catch (error) {
    element("trade-message").textContent = error.message;
  } finally {
    element("trade-confirm").disabled = false;
  }
}

document.addEventListener("input", (event) => {
  if (event.target.closest("#trade-form")) total();
});
document.addEventListener("submit", (event) => {
  if (event.target.id !== "trade-form") return;
  event.preventDefault();
  send(event.target);
});
