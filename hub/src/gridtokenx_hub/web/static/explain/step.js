// One step of a check: what was found, what is wrong, or why it is left open.

export class Step {
  constructor(name) {
    this.name = name;
    this.facts = [];
    this.problems = [];
    this.reason = null;
  }

  get state() {
    if (this.problems.length) return "wrong";
    return this.reason ? "open" : "right";
  }

  fact(label, value) {
    this.facts.push({ label, value: String(value) });
    return this;
  }

  // What was found here, and what the hub said of it.
  compare(label, found, told) {
    this.fact(label, found);
    if (String(found) !== String(told)) this.problem("differs", label, found, told);
    return this;
  }

  require(holds, name, ...values) {
    if (!holds) this.problem(name, ...values);
    return holds;
  }

  problem(name, ...values) {
    this.problems.push({ name, values: values.map(String) });
  }

  leave(reason, ...values) {
    this.reason = { name: reason, values: values.map(String) };
  }
}
