// Shows an explanation, and how each step of it is checked.

import { check } from "./check.js";
import { Hub } from "./hub.js";
import { kwh } from "./steps_chain.js";
import { language, say, word } from "./words.js";

const NODE = "gridtokenx-node";
const MARKS = { right: "✓", wrong: "✗", open: "–" };
const STEPS = ["signature", "record", "key", "amount", "chain", "registers"];

const article = document.getElementById("explain");
const { signature } = article.dataset;
const hub = new Hub(signature, "signedIn" in article.dataset);
const element = (id) => document.getElementById(id);
let round = 0;

// Elements

function make(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function translate() {
  for (const one of document.querySelectorAll("[data-word]")) one.textContent = word(one.dataset.word);
  // A link's share stands behind #, and goes along into the other language.
  for (const link of document.querySelectorAll(".languages a")) link.hash = location.hash;
}

function verdict(state, title, more = "") {
  element("verdict").className = `verdict ${state}`;
  element("verdict").replaceChildren(make("strong", {}, title), make("span", {}, more));
}

// Settlements and their steps

function placeOf(settled) {
  return settled === null ? "transaction" : `settlement-${settled.position}`;
}

function stepItem(place, name) {
  const [title, meaning] = word("steps", name);
  return make("li", { className: "step waiting", id: `${place}-${name}` },
    make("span", { className: "mark" }),
    make("div", { className: "told" },
      make(place === "transaction" ? "h2" : "h3", {}, title, make("span", { className: "state" })), make("p", {}, meaning)));
}

function stepList(place, names) {
  return make("ol", { className: "steps" }, ...names.map((name) => stepItem(place, name)));
}

function instant(ms) {
  const options = { dateStyle: "medium", timeStyle: "short" };
  return new Intl.DateTimeFormat(language() === "th" ? "th-TH" : "en-GB", options).format(ms);
}

function settlement(settled) {
  const { previous, record } = settled;
  return make("section", { className: "settlement" },
    make("h2", {}, make("span", { className: "amount" }, kwh(BigInt(settled.minted_mwh)))),
    make("p", {}, word("minted"), " ", make("code", {}, settled.owner)),
    make("p", { className: "span" }, say(word("between"), instant(previous.time_ms), instant(record.time_ms))),
    stepList(placeOf(settled), STEPS));
}

function facts(step) {
  const rows = step.facts.map(({ label, value }) =>
    make("div", {}, make("dt", {}, word("facts", label)), make("dd", {}, make("code", {}, value))));
  return make("details", {},
    make("summary", {}, word("what-was-compared")),
    make("dl", { className: "facts addresses" }, ...rows));
}

function problemText({ name, values }) {
  const shown = name === "differs" ? [word("facts", values[0]), ...values.slice(1)] : values;
  return say(word("problems", name), ...shown);
}

function showStep(step, settled) {
  const item = element(`${placeOf(settled)}-${step.name}`);
  item.className = `step ${step.state}`;
  item.querySelector(".mark").textContent = MARKS[step.state];
  item.querySelector(".mark").ariaHidden = "true";
  item.querySelector(".state").textContent = word("states", step.state);
  const told = item.querySelector(".told");
  if (step.problems.length) {
    told.append(make("ul", { className: "problems" },
      ...step.problems.map((problem) => make("li", {}, problemText(problem)))));
  }
  if (step.reason) told.append(make("p", { className: "reason" }, say(word("open", step.reason.name), ...step.reason.values)));
  if (step.facts.length) told.append(facts(step));
}

function conclude(steps) {
  const wrong = steps.find((step) => step.state === "wrong");
  const isOpen = steps.some((step) => step.state === "open");
  if (wrong) verdict("wrong", word("some-wrong"), say(word("some-wrong-more"), word("steps", wrong.name)[0]));
  else if (isOpen) verdict("open", word("some-open"), word("some-open-more"));
  else verdict("right", word("all-right"), word("all-right-more"));
}

// The household's own

function household(answer) {
  const shown = answer.settlements.find(({ household: one }) => one.state !== "private");
  element("owner").hidden = Boolean(shown);
  element("sharing").hidden = !shown || Boolean(hub.share);
  element("sharing").dataset.meter = shown?.meter_id ?? "";
}

async function share() {
  const made = await hub.makeShare(element("sharing").dataset.meter);
  element("share-link").value = new URL(made.path, location).href;
  element("share-label").textContent = say(word("share-label"), instant(new Date(made.expires_at)));
  element("share-made").hidden = false;
  element("share-link").select();
}

// Checking

async function run() {
  const mine = ++round;
  const address = element("node").value;
  verdict("waiting", word("checking"));
  try {
    const answer = await hub.explanation();
    if (mine !== round) return;
    household(answer);
    element("steps").replaceChildren(stepList("transaction", ["transaction"]), ...answer.settlements.map(settlement));
    if (!address) return verdict("open", word("node-label"), word("node-help"));
    const steps = await check({
      answer, hub, signature, address,
      tell: (step, settled) => mine === round && showStep(step, settled),
      progress: (count) => mine === round && verdict("waiting", word("checking"), say(word("readings-checked"), count)),
    });
    if (mine !== round) return;
    conclude(steps);
    element("check").textContent = word("check-again");
  } catch (error) {
    if (mine === round) verdict("wrong", word("no-answer"), error.message);
  }
}

function start() {
  translate();
  if (!globalThis.isSecureContext) return verdict("wrong", word("insecure"));
  element("node").value = localStorage.getItem(NODE) ?? article.dataset.node;
  element("node-form").addEventListener("submit", (event) => {
    event.preventDefault();
    localStorage.setItem(NODE, element("node").value);
    run();
  });
  element("token-form")?.addEventListener("submit", (event) => {
    event.preventDefault();
    hub.token = element("token").value;
    element("token").value = "";
    run();
  });
  element("share").addEventListener("click", () => share().catch((error) => verdict("wrong", error.message)));
  run();
}

start();
