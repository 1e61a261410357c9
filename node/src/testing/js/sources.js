// The sources that a test can set, written as scripts write them: `stateOf(…)`, `Name(…)` of a reactive
// function, `effect(…)`, and `clock(…)`, which no test sets. What they hold is read by `vm::testing`.

import { show } from "troupe:format";

/** The address of a worker or service by name, or of its instance with a key. */
export const worker = (name, key) => ({ $address: key === undefined ? `${name}` : `${name}/${key}` });

export const stateOf = (of, name) => ({ source: "state", of, name });

export const effect = (of, request) => ({ source: "effect", of, request });

export const clock = ms => ({ source: "clock", ms });

/** A reactive function of a script: called with arguments, it is a source. */
export function reactiveFunction(name) {
  return function (...args) {
    if (new.target) throw new TypeError(`\`${name}\` is a reactive function, not a worker: start a worker that reads it`);
    return { source: "result", of: name, args };
  };
}

/** JSON of a source, or why it is none. */
export function sourceText(source, json) {
  const { source: kind, of } = source ?? {};
  if (kind === "clock") return json({ source: kind, ms: source.ms }, "a clock");
  if (!["state", "result", "effect"].includes(kind)) {
    throw new TypeError(`${show(source)} is no source: write \`stateOf("Name/key", "state")\`, \`Name(…)\` of a reactive function of the script, or \`effect("Service", request)\``);
  }
  const address = typeof of === "string" ? of : of?.$address;
  if (typeof address !== "string") throw new TypeError(`${show(of)} is no address: write \`"Name/key"\`, or \`worker("Name", key)\``);
  if (kind === "state" && typeof source.name !== "string") throw new TypeError("`stateOf` needs the name of a state, which `as` gives it");
  const { request } = source;
  return json({ ...source, of: address, ...(kind === "effect" ? { request: request === undefined ? null : request } : {}) }, "a source");
}
