// Keeps a page fresh without reloading: when the hub tells of an event, and now and then anyway.
// The page asks for itself again, and what has [data-live] takes the new look.

import { morph } from "./morph.js";

const POLL_MS = 10_000;
const POLL_ALONE_MS = 3_000; // without the event stream
const GATHER_MS = 150; // events that come together cause one request
const TIMEOUT_MS = 10_000;

let source = null;
let timer = 0;
let underWay = null;

export function refresh() {
  underWay ??= load().finally(() => { underWay = null; });
  return underWay;
}

async function load() {
  try {
    const response = await fetch(location.href, {
      headers: { Accept: "text/html" }, signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (response.status >= 500) throw new Error(response.statusText);
    show(new DOMParser().parseFromString(await response.text(), "text/html"));
    connected(true);
  } catch {
    connected(false);
  }
}

function show(fresh) {
  const focused = document.activeElement;
  for (const live of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(live.id);
    if (next) morph(live, next);
  }
  if (focused !== document.activeElement && focused?.isConnected) {
    focused.focus({ preventScroll: true });
  }
  document.dispatchEvent(new Event("fresh"));
}

function connected(isSo) {
  const notice = document.getElementById("connection");
  if (notice.hidden !== isSo) notice.hidden = isSo;
}

function again(after) {
  clearTimeout(timer);
  timer = setTimeout(async () => {
    await refresh();
    if (!document.hidden) again(pause());
  }, after);
}

function pause() {
  return source?.readyState === EventSource.OPEN ? POLL_MS : POLL_ALONE_MS;
}

// A hidden page holds no connection: a browser has six for all pages of a hub.
function follow() {
  if (document.hidden) {
    clearTimeout(timer);
    source?.close();
    source = null;
  } else if (!source) {
    source = new EventSource("/api/events");
    for (const name of document.body.dataset.events.split(" ")) {
      source.addEventListener(name, () => again(GATHER_MS));
    }
    again(POLL_ALONE_MS);
  }
}

if (document.querySelector("main [data-live]")) {
  document.addEventListener("visibilitychange", follow);
  addEventListener("pagehide", () => source?.close());
  follow();
}
document.documentElement.classList.add("scripted");
