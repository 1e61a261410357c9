// What the runner loads first: the globals of a test file.

import { expect } from "troupe:expect";
import { show } from "troupe:format";
import { clock, effect, stateOf, worker } from "troupe:sources";
import * as suite from "troupe:suite";
import { defineGlobals } from "troupe:worker";

const { test, describe, beforeAll, beforeEach, afterEach, afterAll } = suite;
const log = globalThis.__log;
delete globalThis.__log;

const print = (...values) => log(values.map(value => (typeof value === "string" ? value : show(value))).join(" "));
const noTimers = name => () => {
  throw new Error(`there is no \`${name}\` in a test: time passes only by \`worker.advance(ms)\``);
};
Object.assign(globalThis, {
  test, it: test, describe, beforeAll, beforeEach, afterEach, afterAll, expect,
  clock, effect, stateOf, worker,
  console: { log: print, info: print, warn: print, error: print, debug: print },
  setTimeout: noTimers("setTimeout"),
  setInterval: noTimers("setInterval"),
});

export { defineGlobals };
export const { close, choose, run } = suite;
