// Checks an explanation step by step, and tells of each as soon as it is done.

import { Node } from "./chain.js";
import { Step } from "./step.js";
import { amountStep, keyStep, recordStep, signatureStep, transactionStep } from "./steps_chain.js";
import { chainStep, registersStep } from "./steps_household.js";

const OF_TRANSACTION = ["transaction", transactionStep];
// Each with what it needs of the steps before.
const OF_SETTLEMENT = [
  ["signature", signatureStep, "transaction"],
  ["record", recordStep, "proof"],
  ["key", keyStep, "record"],
  ["amount", amountStep, "meter"],
  ["chain", chainStep, "before"],
  ["registers", registersStep, "record"],
];

// `tell` hears of a step and of the settlement it belongs to (null for the transaction's);
// `progress` of how many readings were followed.
export async function check({ answer, hub, signature, address, tell, progress }) {
  const way = { answer, hub, signature, node: new Node(address) };
  const steps = [await run(OF_TRANSACTION, way)];
  tell(steps[0], null);
  for (const settled of answer.settlements) {
    const own = { ...way, settled };
    for (const one of OF_SETTLEMENT) {
      const step = await run(one, own, progress);
      steps.push(step);
      tell(step, settled);
    }
  }
  return steps;
}

async function run([name, look, needed], way, progress) {
  const step = new Step(name);
  if (needed && way[needed] === undefined) {
    step.leave("needs-before");
    return step;
  }
  try {
    await look(step, way, progress);
  } catch (error) {
    step.problem("cannot-check", error.message);
  }
  return step;
}
