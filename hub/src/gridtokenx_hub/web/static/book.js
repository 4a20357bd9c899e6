// Keeps the order book fresh without reloading, and buys from it.

const REFRESH_MS = 2000;
const TOKEN = "gridtokenx-token";
const element = (id) => document.getElementById(id);

// The book

// Makes `live` look like `fresh` and keeps every node that can stay: focus and selection remain.
function update(live, fresh) {
  if (live.isEqualNode(fresh)) return;
  const element = live.nodeType === Node.ELEMENT_NODE && live.nodeName === fresh.nodeName;
  if (element && fresh.hasAttribute("data-list")) {
    const known = new Map([...live.children].map((child) => [child.id, child]));
    live.replaceChildren(...[...fresh.children].map((child) => {
      const old = known.get(child.id);
      if (!old) return child;
      update(old, child);
      return old;
    }));
  } else if (element && live.childNodes.length === fresh.childNodes.length) {
    copyAttributes(live, fresh);
    const children = [...fresh.childNodes];
    [...live.childNodes].forEach((child, index) => update(child, children[index]));
  } else {
    live.replaceWith(fresh);
  }
}

function copyAttributes(live, fresh) {
  for (const name of live.getAttributeNames()) {
    if (!fresh.hasAttribute(name)) live.removeAttribute(name);
  }
  for (const name of fresh.getAttributeNames()) live.setAttribute(name, fresh.getAttribute(name));
}

async function refresh() {
  try {
    const response = await fetch("/book", { signal: AbortSignal.timeout(10000) });
    if (!response.ok) throw new Error(response.statusText);
    const page = new DOMParser().parseFromString(
      `<div id="book">${await response.text()}</div>`, "text/html");
    const focused = document.activeElement;
    update(element("book"), page.getElementById("book"));
    if (focused !== document.activeElement && focused?.isConnected) {
      focused.focus({ preventScroll: true });
    }
    element("connection").hidden = true;
  } catch {
    element("connection").hidden = false;
  }
}

async function follow() {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, REFRESH_MS));
    if (!document.hidden) await refresh();
  }
}

// Buying

let purchase = null;

function show(message) {
  element("buy-message").textContent = message;
}

function ask(order) {
  const part = (name) => order.querySelector(`[data-part="${name}"]`).textContent;
  purchase = { order: order.dataset.order, key: newKey() };
  for (const name of ["seller", "amount", "price", "total"]) {
    element(`buy-${name}`).textContent = part(name);
  }
  show("");
  needToken(!sessionStorage.getItem(TOKEN));
  element("buy").showModal();
}

function needToken(needed) {
  element("token-field").hidden = !needed;
  element("token").required = needed;
  element("token").value = "";
  element("forget").hidden = needed;
}

function forget() {
  sessionStorage.removeItem(TOKEN);
  needToken(true);
}

// One key for each purchase: pressing twice, or again after a lost answer, buys once.
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)),
    (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function call(path, token, key, body) {
  const response = await fetch(path, {
    method: body ? "POST" : "GET",
    headers: {
      Authorization: `Bearer ${token}`,
      ...(body && { "Content-Type": "application/json", "Idempotency-Key": key }),
    },
    body: body && JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.detail), { status: response.status });
  return answer;
}

async function buy() {
  const token = sessionStorage.getItem(TOKEN) ?? element("token").value.trim();
  const me = await call("/api/users/me", token);
  if (!me.wallet) throw new Error("This token is not a user’s: only a user can buy.");
  sessionStorage.setItem(TOKEN, token);
  needToken(false);
  return call("/api/trading/orders/match", token, purchase.key, {
    buyer_wallet: me.wallet, order_id: purchase.order,
  });
}

async function confirm(event) {
  event.preventDefault();
  element("buy-confirm").disabled = true;
  show("");
  try {
    const trade = await buy();
    element("buy").close();
    announce(`You bought ${trade.amount_kwh} kWh for ${trade.total_price_grx} GRX.`);
    await refresh();
  } catch (error) {
    if (error.status === 401) forget();
    show(error.message);
  } finally {
    element("buy-confirm").disabled = false;
  }
}

function announce(text) {
  const toast = element("done");
  toast.textContent = text;
  setTimeout(() => { if (toast.textContent === text) toast.textContent = ""; }, 8000);
}

document.documentElement.classList.add("live");
document.addEventListener("click", (event) => {
  const button = event.target.closest("button.buy");
  if (button) ask(button.closest(".order"));
});
element("buy-form").addEventListener("submit", confirm);
element("buy-cancel").addEventListener("click", () => element("buy").close());
element("forget").addEventListener("click", forget);
element("forget").hidden = !sessionStorage.getItem(TOKEN);
follow();
