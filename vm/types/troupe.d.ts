// Types of the language of scripted workers, for editors and `tsc`. `troupe types` prints this file.
//
// Put it beside your scripts; the names of the language are then known everywhere, as they are to Troupe. Scripts
// may also import them from "troupe", which changes nothing. TypeScript 5.5 or newer; no `dom` library is needed.
//
// A worker or service that is not declared in the script is a free name with a capital letter. Say once what it is,
// in the script or in a `services.d.ts` for all of them:
//
//     declare const LedgerService: Troupe.Address<{ type: "EXECUTE_TRANSFER"; amount: number }>;

declare namespace Troupe {
  const isCommand: unique symbol;
  const refersTo: unique symbol;
  const isState: unique symbol;
  const isMessage: unique symbol;
  const takes: unique symbol;
  const answers: unique symbol;
  const made: unique symbol;
  const emits: unique symbol;

  // -- Values that stand for what exists only in a running worker

  /** A step of a worker: a description, without a result. It does something where a sequence or a factory holds it. */
  interface Command {
    readonly [isCommand]: true;
  }

  /** A value of a running worker: pass it on, or read it with `readState` and `computeState`. */
  interface Ref<out Value> {
    readonly [refersTo]: Value;
  }

  /** The handle of a state, from `withState`. */
  interface StateHandle<State> extends Ref<State> {
    readonly [isState]: (state: State) => State;
  }

  /** The handle of a received message. */
  interface MessageHandle<out Message> extends Ref<Message> {
    readonly [isMessage]: true;
  }

  /** Where messages can be sent: a worker, a service, a child, an outbox. A plain value: keep it, send it, compare it. */
  interface Address<in Message = any, out Reply = any> {
    readonly [takes]: (message: Message) => void;
    readonly [answers]?: Reply;
  }

  /** What `act` returns. As a target it means its name; `spawn` starts it. */
  interface Worker<in Message = any, in Config = any, out Result = any> extends Address<Message> {
    readonly [made]: (config: Config) => Result;
  }

  /** An address, or a ref to one. */
  type Target<Message = any, Reply = any> = Address<Message, Reply> | Ref<Address<Message, Reply>>;

  /** A value in whose place, or in that of any part of it, a ref may stand. */
  type WithRefs<Value> = unknown extends Value
    ? any
    : | Ref<Value>
      | (Value extends string | number | boolean | bigint | symbol | null | undefined | Date | Address
          ? Value
          : Value extends readonly unknown[] | object
            ? { [Part in keyof Value]: WithRefs<Value[Part]> }
            : Value);

  /** A command, or a function that makes it. One that returns nothing does nothing. */
  type Body = Command | (() => Command | void);

  /** A command, or a function that makes it from a handle. */
  type Continuation<Handle> = Command | ((handle: Handle) => Command | void);

  /** Several commands. */
  type Commands = readonly Command[] | (() => readonly Command[]);

  // -- Workers

  /** What `act` gives its factory as second parameter. */
  interface Helpers<Config = any, Result = any> {
    /** Ends this run, in the middle of whatever encloses it, with a result. */
    complete(result?: WithRefs<Result>): Command;
    /** Ends this run as failed, unless an `attempt` is around it. */
    fail(error: unknown): Command;
    /** Where the output of this worker goes. */
    readonly outbox: Address;
    /** What the run was started with. */
    readonly config: Ref<Config>;
  }

  /** How long a rest is before something is tried again: milliseconds, or longer each time. */
  type Backoff = "exponential" | number | { first?: number; factor?: number; max?: number };

  /** How often something is tried, the first time included. */
  interface Retry {
    attempts: number;
    backoff?: Backoff;
  }

  interface Options<Message = any> {
    /** Starts when deployed or, with `key`, on the first message to each key; starts again after its end. */
    daemon?: boolean;
    /** The key of the instance that takes a message to the bare name. Without time and chance. */
    key?: (message: Message) => string | number;
    /** What a message to an ended instance does. */
    reuse?: "restart" | "reject";
    /** What happens after a failure. */
    restart?: { policy?: "on-failure" | "never"; from?: "wait" | "start"; backoff?: Backoff; attempts?: number };
    /** Cron, in UTC: each tick starts a run. */
    schedule?: string;
    /** What happens to ticks that were missed. */
    missed?: "skip" | "one" | "all";
    /** A subject of the bus, or `jetstream:STREAM`. */
    subscribe?: string;
    /** An instance that received nothing for that long ends: `"30d"`, or milliseconds. */
    idle?: string | number;
    /** How long the history of an ended run is kept: `"30d"`, or milliseconds. */
    retention?: string | number;
  }

  /** A time after which a wait is given up, and what is done then; without `otherwise` the worker fails. */
  interface Timeout {
    timeout?: number | Ref<number>;
    otherwise?: Body;
  }

  /** The end of a child that was spawned with `{ watch: true }`. */
  interface Exit<Result = any> {
    type: "exit";
    child: Address;
    status: "completed" | "failed" | "killed";
    result?: Result;
    error?: { code: string; message: string };
  }

  /** Makes a worker. Name its messages, its config and its result to have them checked: `act<Order>(…)`. */
  function act<Message = any, Config = any, Result = any>(
    factory: ((self: Address<Message>, helpers: Helpers<Config, Result>) => Command | void) | Command,
    options?: Options<Message>,
  ): Worker<Message, Config, Result>;

  /** The address of a worker or service by name, or of its instance with a key. */
  function worker<Message = any>(name: string, key?: string | number | Ref<string | number>): Address<Message>;

  /** The address of whoever sent a message. */
  function sender(handle: MessageHandle<unknown>): Address;

  // -- Commands

  /** Each command in order. `done()` leaves this sequence, through whatever is inside it. */
  function sequence(body: readonly Command[] | ((scope: { done(): Command }) => readonly Command[])): Command;

  /** Sends a message. A ref may stand for it or for any part of it. */
  function send<Message>(target: Target<Message>, message: NoInfer<WithRefs<Message>>): Command;

  /**
   * Takes messages one by one, drops those that do not match, stops at the first that does. Its type comes from a
   * type guard: `(m): m is Deposit => …`, or `(m: Deposit | Withdrawal) => m.type === "DEPOSIT"`.
   */
  function waitFor<Test extends (message: any) => unknown>(
    predicate: Test,
    then?: Continuation<MessageHandle<Matched<Test>>>,
    options?: Timeout,
  ): Command;
  function waitFor<Message = any>(
    predicate: ((message: Message) => unknown) | Ref<(message: any) => unknown>,
    then?: Continuation<MessageHandle<Message>>,
    options?: Timeout,
  ): Command;
  function waitFor(predicate: ((message: any) => unknown) | Ref<(message: any) => unknown>, options: Timeout): Command;

  /** What a predicate lets through: what its type guard says, else what it takes. */
  type Matched<Test> = Test extends (message: any) => message is infer Match
    ? Match
    : Test extends (message: infer Message) => unknown
      ? Message
      : any;

  /** What a predicate does not let through. */
  type Rest<Test> = Test extends (message: infer Message) => message is any
    ? unknown extends Message
      ? any
      : Exclude<Message, Matched<Test>>
    : Matched<Test>;

  /** Takes exactly one message and runs the first branch if it matches, else the second. */
  function when<Test extends (message: any) => unknown>(
    predicate: Test,
    matched: Continuation<MessageHandle<Matched<Test>>>,
    otherwise?: Continuation<MessageHandle<Rest<Test>>>,
  ): Command;
  function when<Message = any>(
    predicate: ((message: Message) => unknown) | Ref<(message: any) => unknown>,
    matched: Continuation<MessageHandle<Message>>,
    otherwise?: Continuation<MessageHandle<Message>>,
  ): Command;

  /** Branches on a value, taking no message. */
  function whenState(condition: Ref<unknown> | boolean, then: Body, otherwise?: Body): Command;

  /** The type of a state by its first value: what is an empty list then can become any list. */
  type Started<State> = State extends readonly never[]
    ? any[]
    : State extends
          | readonly unknown[] | Map<any, any> | Set<any> | Date | RegExp | Error
          | string | number | boolean | null | undefined
      ? State
      : { [Part in keyof State]: State[Part] extends readonly never[] ? any[] : State[Part] };

  /** A block with state of its own; `as` names it for queries and migration. */
  function withState<State>(
    initial: (() => State) | Ref<() => State>,
    body: Continuation<StateHandle<Started<State>>>,
    options?: { as?: string },
  ): Command;

  /** Replaces a state; with a message: `modifyState(h, computeState([m], m => s => ({ ...s, last: m.id })))`. */
  function modifyState<Handle extends StateHandle<any>>(handle: Handle, updater: Updater<StateOf<Handle>>): Command;

  /** The state that a handle stands for. */
  type StateOf<Handle> = unknown extends Handle ? any : Handle extends StateHandle<infer State> ? State : never;

  /** What replaces a state: a function, or a ref that gives one. */
  type Updater<State> = ((state: State) => State) | Ref<(state: State) => State>;

  /** What `whileLoop` gives its body: commands for that loop, from any depth inside it. */
  interface Loop {
    break(): Command;
    continue(): Command;
  }

  /** Repeats. */
  function whileLoop(body: Continuation<Loop>): Command;

  /** A loop over an array, read once. */
  function forEach<Item>(
    items: Ref<readonly Item[]> | readonly WithRefs<Item>[],
    body: Continuation<Ref<Item>>,
  ): Command;

  /** Starts a child. An address as config is its outbox; any other value is its config. */
  function spawn<Message, Config, Result>(
    worker: Worker<Message, Config, Result>,
    config?: WithRefs<Config> | Address,
    then?: Continuation<Address<Message>>,
    options?: { watch?: boolean },
  ): Command;

  /** Ends a worker. */
  function kill(target: Target): Command;

  /** Pauses; messages that arrive meanwhile are kept. */
  function delay(milliseconds: number | Ref<number>): Command;

  /** Nothing. */
  function noop(): Command;

  /** Sends a message and waits for the reply that answers it. */
  function call<Message, Reply = any>(
    target: Target<Message, Reply>,
    message: NoInfer<WithRefs<Message>>,
    then?: Continuation<MessageHandle<Reply>>,
    options?: Timeout & { retry?: Retry },
  ): Command;
  function call<Message>(
    target: Target<Message>,
    message: NoInfer<WithRefs<Message>>,
    options: Timeout & { retry?: Retry },
  ): Command;

  /** Answers the sender of a message. */
  function reply(handle: MessageHandle<unknown>, message: unknown): Command;

  /** Branches of one worker, until all have ended. */
  function parallel(branches: Commands): Command;

  /** Branches of one worker, until the first has ended; the others are cancelled. */
  function race(branches: Commands): Command;

  /** `fail` and script errors unwind to the nearest `attempt`; sends and state before them stand. */
  function attempt(body: Body, options: { otherwise?: Continuation<Ref<any>>; retry?: Retry }): Command;

  /** On failure the undo commands that `compensate` recorded run in reverse. */
  function saga(body: Body): Command;

  /** Runs a command, then records how it is undone. */
  function compensate(body: Body, undo: Body): Command;

  // -- Refs

  type Values<Refs extends readonly Ref<unknown>[]> = {
    [Place in keyof Refs]: unknown extends Refs[Place] ? any : Refs[Place] extends Ref<infer Value> ? Value : never;
  };

  /** What a function reads out of a value. */
  function readState<Value, Result>(ref: Ref<Value>, selector: (value: Value) => Result): Ref<Result>;

  /** What a function makes of one value or several. */
  function computeState<const Refs extends readonly Ref<unknown>[], Result>(
    refs: readonly [...Refs],
    combiner: (...values: Values<Refs>) => Result,
  ): Ref<Result>;
  function computeState<Value, Result>(ref: Ref<Value>, combiner: (value: Value) => Result): Ref<Result>;

  // -- Reactive functions

  /** A value that changes. */
  interface Source<out Value> {
    readonly [emits]: Value;
  }

  /** What `reactive` returns: called with arguments, it is a source. */
  interface Reactive<Arguments extends readonly unknown[], out Value> {
    (...args: { [Place in keyof Arguments]: WithRefs<Arguments[Place]> }): Source<Value>;
  }

  /** Reads a source; the function runs again when it changes. */
  type Get = <Value>(source: Source<Value>) => Value;

  /** A pure function of sources, kept up to date. */
  function reactive<Arguments extends readonly unknown[], Value>(
    compute: (get: Get, ...args: Arguments) => Value,
  ): Reactive<Arguments, Value>;

  /** The state of a worker's block with that name (`as`). */
  function stateOf<Value = any>(address: Address, name: string): Source<Value>;

  /** The answer of a service, kept up to date by it. */
  function effect<Message, Reply = any>(service: Address<Message, Reply>, request: NoInfer<Message>): Source<Reply>;

  /** The time, in steps of so many milliseconds. */
  function clock(milliseconds: number): Source<number>;

  /** Waits until a source has a value that matches. */
  function waitForValue<Value>(
    source: Source<Value>,
    predicate: ((value: Value) => unknown) | Ref<(value: any) => unknown>,
    then?: Continuation<Ref<Value>>,
    options?: Timeout,
  ): Command;

  // -- Functions of the run stage

  /** The time of the input, in milliseconds since 1970; constant within a turn. */
  function now(): number;

  /** A random identifier, the same in every replay. Not for secrets. */
  function uuid(): string;

  // -- Built-in services

  interface HttpRequest {
    type?: string;
    url: string;
    method?: string;
    headers?: { [name: string]: string | number };
    /** A string goes out as it is, any other value as JSON. */
    body?: unknown;
    /** Bytes, instead of `body`. */
    base64?: string;
    /** Milliseconds for everything, at most 120,000. */
    timeout?: number;
    /** Comes back in the answer. */
    tag?: unknown;
  }

  interface HttpResponse {
    type: "response";
    status: number;
    /** Where it came from, after redirects. */
    url: string;
    headers: { [name: string]: string };
    body?: any;
    base64?: string;
    tag?: any;
  }

  interface BusMessage {
    type?: string;
    subject: string;
    message?: unknown;
    headers?: { [name: string]: string | number };
    tag?: unknown;
  }

  /** What a service answers that could not do what it was asked. */
  interface ServiceError {
    type: "error";
    service: string;
    code: string;
    message: string;
    /** Whether the same request may succeed later. */
    passing: boolean;
    tag?: any;
  }
}

import act = Troupe.act;
import worker = Troupe.worker;
import sender = Troupe.sender;
import sequence = Troupe.sequence;
import send = Troupe.send;
import waitFor = Troupe.waitFor;
import when = Troupe.when;
import whenState = Troupe.whenState;
import withState = Troupe.withState;
import modifyState = Troupe.modifyState;
import whileLoop = Troupe.whileLoop;
import forEach = Troupe.forEach;
import spawn = Troupe.spawn;
import kill = Troupe.kill;
import delay = Troupe.delay;
import noop = Troupe.noop;
import call = Troupe.call;
import reply = Troupe.reply;
import parallel = Troupe.parallel;
import race = Troupe.race;
import attempt = Troupe.attempt;
import saga = Troupe.saga;
import compensate = Troupe.compensate;
import readState = Troupe.readState;
import computeState = Troupe.computeState;
import reactive = Troupe.reactive;
import stateOf = Troupe.stateOf;
import effect = Troupe.effect;
import clock = Troupe.clock;
import waitForValue = Troupe.waitForValue;
import now = Troupe.now;
import uuid = Troupe.uuid;

/** Requests to hosts that the cluster allows; the response or an error comes back. */
declare const Http: Troupe.Address<Troupe.HttpRequest, Troupe.HttpResponse | Troupe.ServiceError>;
/** Publishes to a subject of the bus. */
declare const Bus: Troupe.Address<Troupe.BusMessage, null | Troupe.ServiceError>;
/** Takes structured records: any value. */
declare const Log: Troupe.Address<any, null>;

interface Console {
  /** Writes to the history of the instance, and has no other effect. */
  log(...values: unknown[]): void;
}
declare var console: Console;
declare function structuredClone<Value>(value: Value): Value;

declare module "troupe" {
  export = Troupe;
}
