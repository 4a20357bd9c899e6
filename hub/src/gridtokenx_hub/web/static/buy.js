// Buys from an order: the whole or a part of it, paid in one of the ways of the dialog.

import { baht, decimal, grouped, lots, quote, thbc } from "./amounts.js";
import { prove, wallet } from "./ethereum.js";
import { announce, call, fill, newKey } from "./hub.js";
import { refresh } from "./live.js";

const element = (id) => document.getElementById(id);
const dialog = element("buy");
const words = dialog.dataset;
let purchase = null;

function match(wanted, wallet, mwh, method) {
  return call("POST", "/api/trading/orders/match", {
    key: wanted.key,
    body: `{"buyer_wallet": "${wallet}", "order_id": "${wanted.order}", "amount_kwh": ${decimal(mwh)}, "payment_method": "${method}"}`,
  });
}

async function reserve(wanted, wallet, mwh) {
  const { reservation_id: reservation } = await match(wanted, wallet, mwh, "THB");
  location.assign(`/payments/${reservation}`);
}

// A way to pay takes the purchase and the buyer, and returns when it is done: the trade, or nothing
// when the visitor is led on.
const PAY = {
  grx: (wanted, wallet, mwh) => match(wanted, wallet, mwh, "GRX"),
  thb: reserve,
  own_thb: async (wanted, wallet, mwh) => {
    await prove(call);
    await reserve(wanted, wallet, mwh);
  },
};

function say(message) {
  element("buy-message").textContent = message;
}

function ask(order) {
  const part = (name) => order.querySelector(`[data-part="${name}"]`).textContent;
  const { order: id, leftMwh, priceMicroGrx, bahtRate } = order.dataset;
  purchase = {
    order: id, left: BigInt(leftMwh), price: BigInt(priceMicroGrx), rate: bahtRate, key: newKey(),
  };
  element("buy-seller").textContent = part("seller");
  element("buy-price").textContent = part("price");
  element("buy-left").textContent = part("amount");
  element("buy-amount").value = decimal(purchase.left);
  for (const choice of dialog.querySelectorAll("[data-needs-wallet]")) choice.hidden = !wallet();
  say("");
  total();
  dialog.showModal();
  element("buy-amount").select();
}

function chosen() {
  const mwh = lots(element("buy-amount").value);
  return mwh !== null && mwh <= purchase.left ? mwh : null;
}

function total() {
  const mwh = chosen();
  element("buy-amount").setAttribute("aria-invalid", String(mwh === null));
  const cost = mwh === null ? null : quote(mwh, purchase.price);
  const inBaht = method() !== "grx" && cost !== null ? thbc(cost, purchase.rate) : null;
  const inGrx = cost === null ? "–" : `${grouped(cost)} ${words.grx}`;
  const worth = cost === null ? null : baht(cost, purchase.rate);
  const about = worth === null ? words.noBaht : fill(words.baht, { amount: worth });
  element("buy-total").textContent = inBaht === null ? inGrx : `${grouped(inBaht)} ${words.thbc}`;
  element("buy-baht").textContent = inBaht === null ? about : inGrx;
}

function method() {
  return new FormData(element("buy-form")).get("payment");
}

async function me() {
  try {
    return await call("GET", "/api/users/me");
  } catch (error) {
    if (error.status !== 401) throw error;
    location.assign(`/sign-in?back=${encodeURIComponent(location.pathname)}`);
    return null;
  }
}

async function confirm(event) {
  event.preventDefault();
  const mwh = chosen();
  if (mwh === null) {
    say(words.badAmount);
    element("buy-amount").focus();
    return;
  }
  element("buy-confirm").disabled = true;
  say("");
  try {
    const buyer = await me();
    if (!buyer) return;
    if (!buyer.wallet) throw new Error(words.notUser);
    const trade = await PAY[method()](purchase, buyer.wallet, mwh);
    if (!trade) return;
    dialog.close();
    announce(fill(words.done, { amount: trade.amount_kwh, total: trade.total_price_grx }));
    await refresh();
  } catch (error) {
    say(error.message);
  } finally {
    element("buy-confirm").disabled = false;
  }
}

// Another amount is another purchase: its key must not be that of one that was sent.
function changed() {
  purchase.key = newKey();
  total();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button.buy");
  if (button) ask(button.closest("[data-order]"));
});
element("buy-form").addEventListener("input", changed);
element("buy-form").addEventListener("submit", confirm);
element("buy-cancel").addEventListener("click", () => dialog.close());
