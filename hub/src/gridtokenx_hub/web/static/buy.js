// Buys from an order: the whole or a part of it, paid in one of the ways of the dialog.

import { baht, decimal, grouped, lots, quote } from "./amounts.js";
import { announce, call, fill, newKey } from "./hub.js";
import { refresh } from "./live.js";

const element = (id) => document.getElementById(id);
const dialog = element("buy");
const words = dialog.dataset;
let purchase = null;

// A way to pay takes the purchase and the buyer, and returns when it is done.
const PAY = {
  grx: (wanted, wallet, mwh) => call("POST", "/api/trading/orders/match", {
    key: wanted.key,
    body: `{"buyer_wallet": "${wallet}", "order_id": "${wanted.order}", "amount_kwh": ${decimal(mwh)}}`,
  }),
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
  element("buy-total").textContent = cost === null ? "–" : `${grouped(cost)} ${words.grx}`;
  const worth = cost === null ? null : baht(cost, purchase.rate);
  element("buy-baht").textContent = worth === null ? words.noBaht : fill(words.baht, { amount: worth });
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
    const method = new FormData(element("buy-form")).get("payment");
    const trade = await PAY[method](purchase, buyer.wallet, mwh);
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
element("buy-amount").addEventListener("input", changed);
element("buy-form").addEventListener("submit", confirm);
element("buy-cancel").addEventListener("click", () => dialog.close());
