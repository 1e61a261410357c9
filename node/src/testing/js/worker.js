// The workers under test, as classes. What they do is done in Rust (`vm::testing`); here are the names that
// tests use, and the services that answer calls.

import { show } from "troupe:format";
import { strict } from "troupe:names";
import { reactiveFunction, sourceText } from "troupe:sources";

const native = globalThis.__troupe;
delete globalThis.__troupe;

const OPTIONS = ["config", "key", "seed", "now"];

/** One instance of a worker and its children, on a virtual clock. */
class WorkerUnderTest {
  #id;
  #services = new Map();
  #offered = new Set();

  constructor(script, name, options = {}) {
    for (const option of Object.keys(options)) {
      if (!OPTIONS.includes(option)) throw new TypeError(`\`${option}\` is no option of a worker under test: there are ${OPTIONS.join(", ")}`);
    }
    const now = options.now === undefined ? undefined : new Date(options.now).getTime();
    if (Number.isNaN(now)) throw new TypeError(`\`now\` is no time: ${show(options.now)}`);
    const key = options.key === undefined ? undefined : String(options.key);
    const config = options.config === undefined ? undefined : json(options.config, "a config");
    this.#id = native.start(script, name, key, config, options.seed ?? 0, now);
  }

  /** Gives the worker a message. All that follows at this moment has happened when it returns. */
  processMessage(message, { from } = {}) {
    native.process(this.#id, undefined, from, json(message, "a message"));
    return this.#served();
  }

  processMessages(messages, options) {
    for (const message of messages) this.processMessage(message, options);
    return Promise.resolve();
  }

  /** Asks the worker, as `call` does; its answer, where it has given one by now. */
  call(message) {
    const call = native.ask(this.#id, json(message, "a message"));
    this.#serve();
    const answer = native.answerTo(this.#id, call);
    return Promise.resolve(answer === undefined ? undefined : JSON.parse(answer));
  }

  /** Lets time pass: timers fire in order, and services answer at the moment of the call. */
  advance(ms) {
    if (!(Number.isFinite(ms) && ms >= 0)) throw new RangeError(`\`advance\` needs milliseconds, got ${show(ms)}`);
    const end = native.clock(this.#id) + Math.floor(ms);
    for (;;) {
      this.#serve();
      const due = native.nextDue(this.#id);
      const clock = native.clock(this.#id);
      if (due === undefined || due >= end) {
        native.advance(this.#id, end - clock);
        return this.#served();
      }
      native.advance(this.#id, due - clock);
    }
  }

  /** Answers the oldest call to a service. */
  reply(service, body) {
    native.reply(this.#id, service, json(body, "an answer"));
    return this.#served();
  }

  /** Lets a function answer all calls to a service; `undefined` is silence. */
  answer(service, handler) {
    if (typeof handler !== "function") throw new TypeError("`answer` needs a function from request to answer");
    this.#services.set(service, handler);
    this.#offered.clear();
    return this.#served();
  }

  /** Sets what a source says: a value, or an error that its readers are thrown. */
  setSource(source, value) {
    const text = sourceText(source, json);
    if (value instanceof Error) native.setSource(this.#id, text, value.name, value.message);
    else native.setSource(this.#id, text, undefined, value === undefined ? undefined : json(value, "a value"));
    return this.#served();
  }

  /** The sources that are read, as a script writes them. */
  get sources() {
    return native.sources(this.#id);
  }

  get emittedMessages() {
    return this.emitted.map(each => each.message);
  }

  get emitted() {
    return JSON.parse(native.emitted(this.#id));
  }

  get openCalls() {
    return JSON.parse(native.openCalls(this.#id)).map(({ from, to, message }) => ({ from, to, message }));
  }

  getState(name) {
    return native.state(this.#id, undefined, name);
  }

  get status() {
    return native.status(this.#id, undefined);
  }

  get result() {
    return native.result(this.#id, undefined);
  }

  get error() {
    return native.error(this.#id, undefined);
  }

  /** Every failure of the worker and its children so far. */
  get failures() {
    return native.failures(this.#id);
  }

  get deadLetters() {
    return native.deadLetters(this.#id);
  }

  get log() {
    return native.log(this.#id);
  }

  get address() {
    return native.address(this.#id);
  }

  get children() {
    return native.children(this.#id).map(address => new Child(this.#id, address, () => this.#served()));
  }

  #served() {
    this.#serve();
    return Promise.resolve();
  }

  #serve() {
    if (this.#services.size === 0) return;
    for (;;) {
      const next = JSON.parse(native.openCalls(this.#id)).find(call => !this.#offered.has(call.id) && this.#serviceOf(call));
      if (next === undefined) return;
      this.#offered.add(next.id);
      const answer = this.#serviceOf(next)(next.message, { from: next.from, to: next.to });
      if (typeof answer?.then === "function") throw new TypeError(`the answer of ${next.to} is a promise: services of a test answer at once`);
      if (answer !== undefined) native.replyTo(this.#id, next.id, json(answer, "an answer"));
    }
  }

  #serviceOf({ to }) {
    return this.#services.get(to) ?? this.#services.get(to.split("/")[0]);
  }
}

/** A child of a worker under test. */
class Child {
  #id;
  #served;

  constructor(id, address, served) {
    this.#id = id;
    this.#served = served;
    this.address = address;
    this.name = address.split("/")[0];
  }

  processMessage(message, { from } = {}) {
    native.process(this.#id, this.address, from, json(message, "a message"));
    return this.#served();
  }

  processMessages(messages, options) {
    for (const message of messages) this.processMessage(message, options);
    return Promise.resolve();
  }

  getState(name) {
    return native.state(this.#id, this.address, name);
  }

  get status() {
    return native.status(this.#id, this.address);
  }

  get result() {
    return native.result(this.#id, this.address);
  }

  get error() {
    return native.error(this.#id, this.address);
  }
}

strict(WorkerUnderTest, "a worker under test");
strict(Child, "a child of a worker under test", ["address", "name"]);

const classes = new Map();

/** The class of a worker of a script. */
export function workerClass(script, name) {
  const key = `${script}/${name}`;
  if (!classes.has(key)) {
    const made = class extends WorkerUnderTest {
      constructor(options) {
        super(script, name, options);
      }
    };
    Object.defineProperty(made, "name", { value: `${name}Worker` });
    classes.set(key, made);
  }
  return classes.get(key);
}

export { reactiveFunction };

/** Makes the workers and reactive functions of the files under test globals. `names`: each with the scripts that have it. */
export function defineGlobals(names) {
  for (const [name, found] of Object.entries(names)) {
    if (name in globalThis) continue;
    Object.defineProperty(globalThis, name, {
      configurable: true,
      get() {
        const [only] = found;
        if (found.length === 1) return only.reactive ? reactiveFunction(only.name) : workerClass(only.script, only.name);
        const where = found.map(each => `\`${each.name}\` of ${each.file}`).join(", ");
        throw new ReferenceError(`\`${name}\` is ambiguous: it may be ${where}; import the one that is meant`);
      },
    });
  }
}

// JSON of a message, or why it is none: as the language says of messages.
function json(value, what) {
  if (value === undefined) throw new TypeError(`${what} cannot be undefined: JSON has no such value`);
  return JSON.stringify(value, function (key, shown) {
    const own = this[key];
    const kind = own instanceof Map ? "a Map" : own instanceof Set ? "a Set" : typeof own === "function" ? "a function" : typeof own === "symbol" ? "a symbol" : undefined;
    if (kind !== undefined) throw new TypeError(`${what} cannot hold ${kind}${key === "" ? "" : ` (at \`${key}\`)`}: only what JSON can say is sent`);
    return own instanceof Error ? { name: own.name, message: own.message } : shown;
  });
}
