// When two values are equal, and when one holds another.

/** What stands for many values inside an expected one: `expect.any(Number)`. */
export class Asymmetric {
  constructor(describe, matches) {
    this.asymmetric = true;
    this.describe = describe;
    this.matches = matches;
  }
}

/** Equal in structure. Properties that are `undefined` count as absent unless `strict`. */
export function equals(received, expected, { strict = false } = {}) {
  return compare(received, expected, { strict, partial: false }, []);
}

/** Whether `received` has all that `expected` has, at every depth; lists have to be as long. */
export function holds(received, expected) {
  return compare(received, expected, { strict: false, partial: true }, []);
}

function compare(received, expected, how, open) {
  if (expected instanceof Asymmetric) return expected.matches(received, (a, b) => compare(a, b, { ...how, partial: false }, open));
  if (Object.is(received, expected)) return true;
  if (!isObject(received) || !isObject(expected)) return false;
  // A value that contains itself equals another that does so in the same place.
  if (open.some(([left, right]) => left === received && right === expected)) return true;
  const inside = [...open, [received, expected]];
  const kind = kindOf(expected);
  if (kindOf(received) !== kind) return false;
  if (how.strict && Object.getPrototypeOf(received) !== Object.getPrototypeOf(expected)) return false;
  switch (kind) {
    case "Array":
      return received.length === expected.length
        && expected.every((item, at) => compare(received[at], item, how, inside));
    case "Map":
      return received.size === expected.size && [...expected].every(([key, item]) => {
        const known = received.has(key) ? [key, received.get(key)] : [...received].find(([other]) => compare(other, key, how, inside));
        return known !== undefined && compare(known[1], item, how, inside);
      });
    case "Set":
      return received.size === expected.size
        && [...expected].every(item => received.has(item) || [...received].some(other => compare(other, item, how, inside)));
    case "Date":
      return Object.is(received.getTime(), expected.getTime());
    case "RegExp":
      return String(received) === String(expected);
    case "Error":
      return received.name === expected.name && received.message === expected.message;
    case "Function":
    case "Promise":
      return false;
    default:
      return sameProperties(received, expected, how, inside);
  }
}

function sameProperties(received, expected, how, open) {
  const keys = object => Object.keys(object).filter(key => how.strict || object[key] !== undefined);
  const own = how.partial ? Object.keys(expected) : keys(expected);
  if (!how.partial && keys(received).length !== own.length) return false;
  return own.every(key => (how.partial ? key in received || expected[key] === undefined : Object.hasOwn(received, key))
    && compare(received[key], expected[key], how, open));
}

function isObject(value) {
  return value !== null && (typeof value === "object" || typeof value === "function");
}

function kindOf(value) {
  if (Array.isArray(value)) return "Array";
  if (typeof value === "function") return "Function";
  return [Map, Set, Date, RegExp, Error, Promise].find(kind => value instanceof kind)?.name ?? "Object";
}
