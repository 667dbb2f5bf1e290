// What the checks of the libraries for Node.js share: run named checks one after another, name those that failed.
"use strict";
const assert = require("node:assert/strict");

const CHECK_SECONDS = 30;

function withLimit(promise) {
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${CHECK_SECONDS} s`)), CHECK_SECONDS * 1000);
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}

// Ends the process, with 0 only if every check was right.
async function runChecks(checks) {
  let failed = 0;
  for (const [name, check] of Object.entries(checks)) {
    try {
      await withLimit(check());
    } catch (error) {
      failed += 1;
      console.log(`FAILED ${name}: ${error.stack}`);
    }
  }
  const count = Object.keys(checks).length;
  console.log(failed ? `${failed} of ${count} checks failed` : `${count} checks were right`);
  process.exit(failed ? 1 : 0);
}

// A reply of RESP3 may be an object without a prototype, which is as good as one with.
function same(actual, expected) {
  assert.deepEqual(JSON.parse(JSON.stringify(actual)), expected);
}

async function rejects(promise, pattern) {
  await assert.rejects(promise, (error) => {
    assert.match(error.message, pattern);
    return true;
  });
}

module.exports = { assert, rejects, runChecks, same };
