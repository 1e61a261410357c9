// Names that are not there: a misspelled method of what tests are given is refused with a guess, and is not
// `undefined`.

const closest = globalThis.__closest;
delete globalThis.__closest;

// What the engine and our own modules ask any value for.
const ASKED = new Set(["then", "toJSON", "$address", "length"]);

/** A prototype that refuses names which `names()` does not have. `what` says whose they are. */
export function refusing(what, names, base = Object.prototype) {
  return new Proxy(base, {
    get(target, key, receiver) {
      if (typeof key === "symbol" || ASKED.has(key) || key in target) return Reflect.get(target, key, receiver);
      const near = closest(key, names());
      throw new TypeError(`${what} has no \`${key}\`: ${near === undefined ? `there are ${names().join(", ")}` : `did you mean \`${near}\`?`}`);
    },
  });
}

/** Lets the objects of a class refuse names that it does not have; `more` are those that they have themselves. */
export function strict(made, what, more = []) {
  const own = Object.getOwnPropertyNames(made.prototype).filter(name => name !== "constructor");
  Object.setPrototypeOf(made.prototype, refusing(what, () => [...own, ...more]));
}
