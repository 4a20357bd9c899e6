// A payment in baht: the time that is left, and the wallet that pays or takes back.

import { send, wallet } from "./ethereum.js";
import { announce } from "./hub.js";
import { refresh } from "./live.js";

const SECOND_MS = 1_000;
const opened = performance.now();
let isUnderWay = false;
const element = (id) => document.getElementById(id);

// Counted from when the page came: the visitor's own clock may be wrong.
function count() {
  const countdown = element("countdown");
  if (!countdown) return;
  const passed = Math.floor((performance.now() - opened) / SECOND_MS);
  const left = Math.max(0, Number(countdown.dataset.leftS) - passed);
  const seconds = String(left % 60).padStart(2, "0");
  countdown.textContent = `${Math.floor(left / 60)}:${seconds}`;
  if (left === 0) refresh();
}

function offer() {
  const button = element("send");
  if (button) button.hidden = wallet() === null;
}

async function pay(button) {
  if (isUnderWay) return; // the button may be a fresh one
  isUnderWay = true;
  const { calls, chainId, payer, sent } = button.dataset;
  const message = element("payment-message");
  message.textContent = "";
  try {
    const outcome = await send(JSON.parse(calls), chainId, payer);
    if (outcome === "sent") announce(sent);
    else message.textContent = button.dataset[outcome];
  } catch (error) { // in the wallet's own words: the visitor has declined, for example
    message.textContent = error.message;
  } finally {
    isUnderWay = false;
  }
  await refresh();
}

document.addEventListener("click", async (event) => {
  if (event.target.closest("#send")) pay(event.target.closest("#send"));
  const copy = event.target.closest("button.copy");
  if (copy) {
    await navigator.clipboard.writeText(copy.dataset.copy);
    announce(copy.dataset.done);
  }
});
document.addEventListener("fresh", offer);
addEventListener("ethereum#initialized", offer, { once: true });
setInterval(count, SECOND_MS);
count();
offer();
