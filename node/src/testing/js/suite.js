// `test`, `describe` and hooks: the tests of a file in the order of its text, and how one of them runs.

import { show } from "troupe:format";
import { refusing } from "troupe:names";

const root = block("", undefined, "run");
const tests = [];
let current = root;
let open = true;

function block(name, parent, mode) {
  return { name, parent, mode, beforeAll: [], beforeEach: [], afterEach: [], afterAll: [], begun: false, left: 0 };
}

function add(name, body, mode) {
  if (!open) throw new Error("`test` stands inside another test: tests are declared while the file is read");
  if (mode !== "todo" && typeof body !== "function") throw new TypeError(`the test ${show(name)} has no function`);
  tests.push({ name: String(name), body, mode, block: current, stack: new Error().stack });
}

function group(name, body, mode) {
  if (!open) throw new Error("`describe` stands inside a test: blocks are declared while the file is read");
  if (typeof body !== "function") throw new TypeError(`the block ${show(name)} has no function`);
  const before = current;
  current = block(String(name), before, mode);
  try {
    const result = body();
    if (typeof result?.then === "function") throw new TypeError(`the block ${show(name)} must not be async: only tests and hooks may`);
  } finally {
    current = before;
  }
}

/** A function with `.only`, `.skip` and `.each`, and for tests `.todo`. */
function declarer(declare, { todo }) {
  const make = mode => {
    const declared = (name, body) => declare(name, body, mode);
    declared.each = (...table) => each(table, (name, body) => declare(name, body, mode));
    return declared;
  };
  const declared = Object.assign(make("run"), { only: make("only"), skip: make("skip") });
  if (todo) declared.todo = name => declare(name, undefined, "todo");
  const own = Object.keys(declared);
  return Object.setPrototypeOf(declared, refusing(todo ? "`test`" : "`describe`", () => own, Function.prototype));
}

function each([rows], declare) {
  if (!Array.isArray(rows)) throw new TypeError("`each` needs a list of rows");
  return (name, body) => {
    rows.forEach((row, at) => {
      const values = Array.isArray(row) ? row : [row];
      declare(title(String(name), values, at), () => body(...values));
    });
  };
}

// `%s` and kin stand for the values of the row in their order, `%#` for its number, `$name` for a property.
function title(name, values, at) {
  let next = 0;
  const shown = value => (typeof value === "string" ? value : show(value));
  return name
    .replace(/%[sdifjop#%]/g, mark => (mark === "%%" ? "%" : mark === "%#" ? String(at) : next < values.length ? shown(values[next++]) : mark))
    .replace(/\$([A-Za-z_]\w*)/g, (mark, key) => (key in Object(values[0]) ? shown(values[0][key]) : mark));
}

function hook(kind) {
  return body => {
    if (!open) throw new Error(`\`${kind}\` stands inside a test`);
    if (typeof body !== "function") throw new TypeError(`\`${kind}\` needs a function`);
    current[kind].push(body);
  };
}

export const test = declarer(add, { todo: true });
export const describe = declarer(group, { todo: false });
export const beforeAll = hook("beforeAll");
export const beforeEach = hook("beforeEach");
export const afterEach = hook("afterEach");
export const afterAll = hook("afterAll");

function blocksOf(test) {
  const blocks = [];
  for (let at = test.block; at; at = at.parent) blocks.unshift(at);
  return blocks;
}

/** Ends the reading of the file: its tests, each with its path, its mode and where it stands. */
export function close() {
  open = false;
  const only = test => test.mode === "only" || blocksOf(test).some(each => each.mode === "only");
  const anyOnly = tests.some(only);
  return tests.map(test => {
    const path = [...blocksOf(test).slice(1).map(each => each.name), test.name];
    const skipped = test.mode === "skip" || blocksOf(test).some(each => each.mode === "skip") || (anyOnly && !only(test));
    return { path, stack: test.stack, mode: test.mode === "todo" ? "todo" : skipped ? "skip" : "run" };
  });
}

/** Says which tests will run, so that `afterAll` follows the last of its block. */
export function choose(indices) {
  for (const index of indices) for (const each of blocksOf(tests[index])) each.left += 1;
}

/** Runs one test with its hooks. The first error counts; the hooks behind it run all the same. */
export async function run(index) {
  const test = tests[index];
  const blocks = blocksOf(test);
  const errors = [];
  const attempt = async bodies => {
    for (const body of bodies) {
      try {
        await body();
      } catch (error) {
        errors.push(error);
        return;
      }
    }
  };
  for (const each of blocks) {
    if (!each.begun && errors.length === 0) await attempt(each.beforeAll);
    each.begun = true;
  }
  if (errors.length === 0) await attempt([...blocks.flatMap(each => each.beforeEach), test.body]);
  const reversed = [...blocks].reverse();
  for (const body of reversed.flatMap(each => each.afterEach)) await attempt([body]);
  for (const each of reversed) {
    each.left -= 1;
    if (each.left === 0) for (const body of each.afterAll) await attempt([body]);
  }
  if (errors.length > 0) throw errors[0];
}
