// Buttons that do one thing at the hub, after a question: taking back, delivering, revoking.

import { announce, call, newKey } from "./hub.js";
import { refresh } from "./live.js";

async function act(button) {
  const { method, action, body, question, done } = button.dataset;
  if (!confirm(question)) return;
  button.dataset.key ??= newKey(); // pressed again after a lost answer, it is the same request
  button.disabled = true;
  try {
    await call(method, action, { key: button.dataset.key, body });
    announce(done);
    await refresh();
  } catch (error) {
    if (error.status < 500) delete button.dataset.key; // refused: pressed again, it is another one
    announce(error.message);
  } finally {
    button.disabled = false;
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button.act");
  if (button) act(button);
});
