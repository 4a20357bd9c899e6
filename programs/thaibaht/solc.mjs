#!/usr/bin/env node
// The compiler of package-lock.json with the command line that forge calls: `--version`, and
// `--standard-json` from standard input to standard output.
import { readFileSync, writeSync } from "node:fs";
import { createRequire } from "node:module";

const solc = createRequire(import.meta.url)("solc");

// In a loop, and without process.exit(): a pipe takes 64 KiB at a time.
function print(text) {
  const data = Buffer.from(text);
  for (let written = 0; written < data.length; ) {
    try {
      written += writeSync(1, data, written);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}

if (process.argv.includes("--version")) {
  print(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}\n`);
} else if (process.argv.includes("--standard-json")) {
  print(solc.compile(readFileSync(0, "utf8")));
} else {
  console.error("solc.mjs knows --version and --standard-json");
  process.exitCode = 2;
}
