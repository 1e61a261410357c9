// Types of tests of workers, for editors and `tsc`: the names that `troupe test` gives a `*.test.js` or
// `*.test.ts`. It stands beside `troupe.d.ts`.
//
// Import the workers under test from their scripts, so that their messages are checked; the globals
// `FundTransferWorker` and kin are there too, and no editor knows them.

declare namespace Troupe {
  interface Worker<in Message = any, in Config = any, out Result = any> {
    /** In a test: one instance of this worker and its children, on a virtual clock. */
    new (options?: Testing.WorkerOptions<Config>): Testing.WorkerUnderTest<Message, Result>;
  }

  namespace Testing {
    interface WorkerOptions<Config = any> {
      /** What the run is started with. */
      config?: Config;
      /** The key of the instance: that of the first message for a worker with `key`, else `default`. */
      key?: string | number;
      /** What chance comes from. */
      seed?: number;
      /** When the virtual clock starts: 2000-01-01T00:00Z where left out. */
      now?: string | number | Date;
    }

    type Status = "waiting" | "completed" | "failed" | "killed";

    interface ScriptError {
      code: string;
      message: string;
      stack: string[];
      value?: any;
    }

    interface Emitted {
      /** Virtual milliseconds from the start. */
      at: number;
      from: string;
      /** `outbox`, `NAME/KEY` of an instance, or a bare name. */
      to: string;
      kind: "send" | "call" | "reply";
      message: any;
    }

    interface Instance<Message, Result> {
      readonly status: Status;
      /** What `complete` was given. */
      readonly result: Result | undefined;
      /** Why it failed. */
      readonly error: ScriptError | undefined;
      /** The value of the outermost open `withState`, or of the one that is named so by `as`. */
      getState(name?: string): any;
      /** Gives it a message; all that follows at this moment has happened when it returns. */
      processMessage(message: Message, options?: { from?: string }): Promise<void>;
      processMessages(messages: Iterable<Message>, options?: { from?: string }): Promise<void>;
    }

    interface Child extends Instance<any, any> {
      readonly name: string;
      readonly address: string;
    }

    /** What it and its children send to any other name is recorded, not delivered. */
    interface WorkerUnderTest<Message = any, Result = any> extends Instance<Message, Result> {
      /** `NAME/KEY`, once it has a key. */
      readonly address: string | undefined;
      /** The bodies of what was sent to others, in order. */
      readonly emittedMessages: any[];
      /** The same with who sent it, where to and when. */
      readonly emitted: Emitted[];
      /** Calls that wait for an answer. */
      readonly openCalls: { from: string; to: string; message: any }[];
      readonly children: Child[];
      /** Every failure so far, also those after which it goes on. */
      readonly failures: { at: number; worker: string; error: ScriptError; restartsAt?: number }[];
      readonly deadLetters: { at: number; to: string; message: any; cause: ScriptError }[];
      /** What `console.log` wrote. */
      readonly log: string[];
      /** Lets time pass: timers fire only so. */
      advance(ms: number): Promise<void>;
      /** Asks the worker, as `call` does; its answer, where it has given one by now. */
      call(message: Message): Promise<any>;
      /** Sets what a source says, in place of a worker, reactive function or service that does not run here. */
      setSource<Value>(source: Source<Value>, value: NoInfer<Value> | Error | undefined): Promise<void>;
      /** The sources that it, its children and the reactive functions below them read. */
      readonly sources: string[];
      /** Answers the oldest call to a service. */
      reply(service: string, body: unknown): Promise<void>;
      /** Lets a function answer all calls to a service; `undefined` is silence. */
      answer(service: string, handler: (request: any, call: { from: string; to: string }) => unknown): Promise<void>;
    }

    type Body = () => void | Promise<unknown>;

    interface Each {
      <Row extends readonly any[]>(rows: readonly Row[]): (name: string, body: (...row: Row) => void | Promise<unknown>) => void;
      <Row>(rows: readonly Row[]): (name: string, body: (row: Row) => void | Promise<unknown>) => void;
    }

    interface Declare {
      (name: string, body: Body): void;
      each: Each;
    }

    interface Test extends Declare {
      only: Declare;
      skip: Declare;
      todo(name: string): void;
    }

    interface Describe extends Declare {
      only: Declare;
      skip: Declare;
    }

    interface Matchers<Returned> {
      toBe(expected: unknown): Returned;
      toEqual(expected: unknown): Returned;
      toStrictEqual(expected: unknown): Returned;
      toMatchObject(expected: object): Returned;
      toContain(item: unknown): Returned;
      toContainEqual(item: unknown): Returned;
      /** One of the messages has all that this one has. */
      toContainMessage(message: object): Returned;
      toBeGreaterThan(expected: number | bigint): Returned;
      toBeGreaterThanOrEqual(expected: number | bigint): Returned;
      toBeLessThan(expected: number | bigint): Returned;
      toBeLessThanOrEqual(expected: number | bigint): Returned;
      toBeCloseTo(expected: number, digits?: number): Returned;
      toThrow(expected?: string | RegExp | Error | (new (...values: any[]) => Error)): Returned;
      toBeUndefined(): Returned;
      toBeNull(): Returned;
      toBeDefined(): Returned;
      toBeTruthy(): Returned;
      toBeFalsy(): Returned;
      toBeNaN(): Returned;
      toBeInstanceOf(kind: new (...values: any[]) => unknown): Returned;
      toHaveLength(length: number): Returned;
      toHaveProperty(path: string | readonly string[], value?: unknown): Returned;
      toMatch(pattern: string | RegExp): Returned;
    }

    interface Expectation extends Matchers<void> {
      not: Matchers<void>;
      resolves: Matchers<Promise<void>> & { not: Matchers<Promise<void>> };
      rejects: Matchers<Promise<void>> & { not: Matchers<Promise<void>> };
    }

    interface Expect {
      (received: unknown): Expectation;
      any(kind: Function): any;
      anything(): any;
      objectContaining(expected: object): any;
      arrayContaining(expected: readonly unknown[]): any;
      stringContaining(text: string): any;
      stringMatching(pattern: RegExp): any;
      closeTo(expected: number, digits?: number): any;
    }
  }
}

declare const test: Troupe.Testing.Test;
declare const it: Troupe.Testing.Test;
declare const describe: Troupe.Testing.Describe;
declare const expect: Troupe.Testing.Expect;
declare function beforeAll(body: Troupe.Testing.Body): void;
declare function beforeEach(body: Troupe.Testing.Body): void;
declare function afterEach(body: Troupe.Testing.Body): void;
declare function afterAll(body: Troupe.Testing.Body): void;
