// `expect(value)` and its matchers. A matcher that fails throws an `AssertionError` whose message says what
// was expected, what came, and where they differ.

import { diff } from "troupe:diff";
import { Asymmetric, equals, holds } from "troupe:equality";
import { show } from "troupe:format";
import { refusing } from "troupe:names";

export class AssertionError extends Error {
  get name() {
    return "AssertionError";
  }
}

// Each gives whether it holds, and functions that explain, for when it should and when it should not.
const MATCHERS = {
  toBe(received, expected) {
    const alike = () => (equals(received, expected) ? "they are equal, but not the same object: use `toEqual`" : both(received, expected));
    return verdict(Object.is(received, expected), alike, () => `both are ${show(expected)}`);
  },
  toEqual: (received, expected) => equality(received, expected, equals(received, expected)),
  toStrictEqual: (received, expected) => equality(received, expected, equals(received, expected, { strict: true })),
  toMatchObject(received, expected) {
    const relevant = isObject(received) ? part(received, expected) : received;
    return verdict(holds(received, expected), () => both(relevant, expected), () => `received: ${show(received)}`);
  },
  toContain(received, item) {
    const found = typeof received === "string" ? received.includes(item) : [...iterable(received, "toContain")].includes(item);
    const hint = () => (typeof received !== "string" && [...received].some(each => equals(each, item))
      ? "\nan equal item is there, but not the same: use `toContainEqual`" : "");
    return verdict(found, () => contained(received, item) + hint(), () => contained(received, item));
  },
  toContainEqual(received, item) {
    const found = [...iterable(received, "toContainEqual")].some(each => equals(each, item));
    return verdict(found, () => contained(received, item), () => contained(received, item));
  },
  toContainMessage(received, message) {
    const all = [...iterable(received, "toContainMessage")];
    const found = all.find(each => holds(each, message));
    return verdict(found !== undefined, () => closest(all, message), () => `found: ${show(found)}`);
  },
  toBeGreaterThan: ordered((a, b) => a > b, ">"),
  toBeGreaterThanOrEqual: ordered((a, b) => a >= b, ">="),
  toBeLessThan: ordered((a, b) => a < b, "<"),
  toBeLessThanOrEqual: ordered((a, b) => a <= b, "<="),
  toBeCloseTo(received, expected, digits = 2) {
    const near = received === expected || Math.abs(received - expected) < 10 ** -digits / 2;
    const explain = () => `expected: ${show(expected)}, to ${digits} digits\nreceived: ${show(received)}`;
    return verdict(near, explain, explain);
  },
  toThrow(received, expected) {
    if (typeof received !== "function" && !(received instanceof Thrown)) {
      throw new AssertionError("`toThrow` needs a function: write `expect(() => …).toThrow()`");
    }
    const thrown = received instanceof Thrown ? received : catching(received);
    return thrownVerdict(thrown, expected);
  },
  toBeUndefined: simple(value => value === undefined),
  toBeNull: simple(value => value === null),
  toBeDefined: simple(value => value !== undefined),
  toBeTruthy: simple(Boolean),
  toBeFalsy: simple(value => !value),
  toBeNaN: simple(Number.isNaN),
  toBeInstanceOf(received, kind) {
    const explain = () => `expected: an instance of ${kind.name}\nreceived: ${show(received)}`;
    return verdict(received instanceof kind, explain, explain);
  },
  toHaveLength(received, length) {
    const explain = () => `expected length: ${show(length)}\nreceived length: ${show(received?.length)}\nreceived: ${show(received)}`;
    return verdict(received?.length === length, explain, explain);
  },
  toHaveProperty(received, path, ...value) {
    const keys = Array.isArray(path) ? path : String(path).split(".");
    let at = received;
    let found = true;
    for (const key of keys) {
      found = found && at !== null && at !== undefined && key in Object(at);
      at = found ? at[key] : undefined;
    }
    const held = found && (value.length === 0 || equals(at, value[0]));
    const wanted = value.length === 0 ? "" : ` with ${show(value[0])}`;
    const explain = () => `expected property: ${keys.join(".")}${wanted}\nreceived: ${show(received)}`;
    return verdict(held, explain, explain);
  },
  toMatch(received, pattern) {
    if (typeof received !== "string") throw new AssertionError(`\`toMatch\` needs a string, got ${show(received)}`);
    const found = typeof pattern === "string" ? received.includes(pattern) : pattern.test(received);
    const explain = () => `expected: ${show(pattern)}\nreceived: ${show(received)}`;
    return verdict(found, explain, explain);
  },
};

const KNOWN = refusing("`expect(…)`", () => [...Object.keys(MATCHERS), "not", "resolves", "rejects"]);

/** What was thrown, or that nothing was. */
class Thrown {
  constructor(happened, error) {
    this.happened = happened;
    this.error = error;
  }
}

export function expect(received) {
  const matchers = bound(received, false, "");
  matchers.not = bound(received, true, ".not");
  matchers.resolves = later(received, false);
  matchers.resolves.not = later(received, true);
  matchers.rejects = rejected(received, false);
  matchers.rejects.not = rejected(received, true);
  return matchers;
}

expect.any = kind => new Asymmetric(() => `any ${kind.name}`, value => value instanceof kind
  || typeof value === kind.name.toLowerCase());
expect.anything = () => new Asymmetric(() => "anything", value => value !== null && value !== undefined);
expect.objectContaining = expected => new Asymmetric(line => `an object with ${line(expected)}`, value => holds(value, expected));
expect.arrayContaining = expected => new Asymmetric(line => `a list with ${line(expected)}`,
  (value, same) => Array.isArray(value) && expected.every(item => value.some(each => same(each, item))));
expect.stringContaining = text => new Asymmetric(line => `a string with ${line(text)}`, value => typeof value === "string" && value.includes(text));
expect.stringMatching = pattern => new Asymmetric(() => `a string like ${pattern}`, value => typeof value === "string" && pattern.test(value));
expect.closeTo = (number, digits = 2) => new Asymmetric(() => `about ${number}`, value => Math.abs(value - number) < 10 ** -digits / 2);

function bound(received, negated, how) {
  const matchers = Object.create(KNOWN);
  for (const [name, matcher] of Object.entries(MATCHERS)) {
    matchers[name] = (...args) => check(name, matcher(received, ...args), negated, how, args);
  }
  return matchers;
}

function later(received, negated) {
  const matchers = Object.create(KNOWN);
  for (const [name, matcher] of Object.entries(MATCHERS)) {
    matchers[name] = async (...args) => check(name, matcher(await received, ...args), negated, `.resolves${negated ? ".not" : ""}`, args);
  }
  return matchers;
}

function rejected(received, negated) {
  const matchers = Object.create(KNOWN);
  for (const [name, matcher] of Object.entries(MATCHERS)) {
    matchers[name] = async (...args) => {
      const promise = typeof received === "function" ? received() : received;
      const thrown = await promise.then(() => new Thrown(false), error => new Thrown(true, error));
      if (!thrown.happened && name !== "toThrow") throw new AssertionError("the promise was expected to be rejected, and was fulfilled");
      return check(name, matcher(name === "toThrow" ? thrown : thrown.error, ...args), negated, `.rejects${negated ? ".not" : ""}`, args);
    };
  }
  return matchers;
}

function check(name, { held, should, shouldNot }, negated, how, args) {
  if (held !== negated) return;
  const call = `expect(received)${how}.${name}(${args.length === 0 ? "" : "expected"})`;
  throw new AssertionError(`${call}\n\n${negated ? shouldNot() : should()}`);
}

function verdict(held, should, shouldNot) {
  return { held, should, shouldNot };
}

function equality(received, expected, held) {
  return verdict(held, () => both(received, expected), () => `both are ${show(expected)}`);
}

function both(received, expected) {
  if (isObject(received) && isObject(expected)) {
    const text = diff(received, expected);
    if (text !== "") return text;
  }
  return `expected: ${show(expected)}\nreceived: ${show(received)}`;
}

// What of a value is compared with an expected part of it.
function part(received, expected) {
  if (!isObject(received) || !isObject(expected) || expected instanceof Asymmetric) return received;
  if (Array.isArray(received) && Array.isArray(expected)) return received.map((item, at) => part(item, expected[at]));
  if (Object.getPrototypeOf(expected) !== Object.prototype) return received;
  return Object.fromEntries(Object.keys(expected).filter(key => key in received).map(key => [key, part(received[key], expected[key])]));
}

function contained(received, item) {
  return `expected item: ${show(item)}\nreceived: ${show(received)}`;
}

function closest(all, message) {
  if (all.length === 0) return `expected message: ${show(message)}\nreceived: no message`;
  const alike = each => (isObject(each) ? Object.keys(message).filter(key => equals(each[key], message[key])).length : 0);
  const best = all.reduce((found, each) => (alike(each) > alike(found) ? each : found));
  const count = all.length === 1 ? "the only message differs" : `the closest of ${all.length} messages differs`;
  return `expected message: ${show(message)}\n${count}:\n\n${both(part(best, message), message)}`;
}

function ordered(holdsFor, sign) {
  return (received, expected) => {
    const explain = () => `expected: ${sign} ${show(expected)}\nreceived: ${show(received)}`;
    const comparable = ["number", "bigint"].includes(typeof received);
    return verdict(comparable && holdsFor(received, expected), explain, explain);
  };
}

function simple(holdsFor) {
  const explain = received => () => `received: ${show(received)}`;
  return received => verdict(holdsFor(received), explain(received), explain(received));
}

function catching(run) {
  try {
    run();
    return new Thrown(false);
  } catch (error) {
    return new Thrown(true, error);
  }
}

function thrownVerdict(thrown, expected) {
  const message = String(thrown.error?.message ?? thrown.error);
  let held = thrown.happened;
  let wanted = "an error";
  if (typeof expected === "string") {
    held = held && message.includes(expected);
    wanted = `an error whose message has ${show(expected)}`;
  } else if (expected instanceof RegExp) {
    held = held && expected.test(message);
    wanted = `an error whose message is like ${expected}`;
  } else if (typeof expected === "function") {
    held = held && thrown.error instanceof expected;
    wanted = `a ${expected.name}`;
  } else if (expected !== undefined) {
    held = held && (expected instanceof Error ? message === expected.message : equals(thrown.error, expected));
    wanted = show(expected);
  }
  const came = thrown.happened ? show(thrown.error) : "nothing was thrown";
  const explain = () => `expected: ${wanted}\nreceived: ${came}`;
  return verdict(held, explain, explain);
}

function iterable(value, matcher) {
  if (value !== null && value !== undefined && typeof value[Symbol.iterator] === "function") return value;
  throw new AssertionError(`\`${matcher}\` needs a list, got ${show(value)}`);
}

function isObject(value) {
  return value !== null && typeof value === "object";
}
