// Every command with typed messages, states and refs: what is right has to compile in strict mode.

import { act as makeWorker, type Address } from "troupe";

type Deposit = { type: "DEPOSIT"; amount: number };
type Withdraw = { type: "WITHDRAW"; amount: number; to?: Address };
type Account = Deposit | Withdraw;

declare const Ledger: Troupe.Address<{ type: "ADD"; amount: number } | { type: "LIST"; items: number[] }>;
declare const Rates: Troupe.Address<{ pair: string }, { rate: number }>;

export const Bank = act<Account, { limit: number; items: string[] }, { paid: number }>(
  (self, { outbox, config, complete, fail }) =>
    withState(() => ({ balance: 0, last: null as string | null, seen: [] }), state =>
      whileLoop(loop => sequence(() => [
        // The type guard that TypeScript infers, one that is written, and none.
        waitFor((m: Account) => m.type === "DEPOSIT", deposit => sequence(({ done }) => [
          modifyState(state, computeState([deposit], d => s => ({ ...s, balance: s.balance + d.amount }))),
          modifyState(state, s => ({ ...s, seen: [...s.seen, "any"] })),
          send(Ledger, readState(deposit, d => ({ type: "ADD", amount: d.amount }))),
          send(Ledger, { type: "ADD", amount: readState(deposit, d => d.amount) }),
          send(Ledger, { type: "LIST", items: [1, readState(deposit, d => d.amount)] }),
          send(outbox, deposit),
          done(),
        ])),
        waitFor((m): m is Withdraw => m.type === "WITHDRAW", withdrawal => whenState(
          computeState([state, withdrawal, config], (s, w, c) => s.balance - w.amount < c.limit),
          fail("too little"),
          send(sender(withdrawal), { ok: true }),
        ), { timeout: 1000, otherwise: loop.break() }),
        waitFor(m => m.type === "ANY", any => send(outbox, readState(any, a => a.x.y))),
        waitFor(() => true, { timeout: readState(config, c => c.limit), otherwise: noop() }),
        when((m: Account) => m.type === "DEPOSIT",
          deposit => send(outbox, readState(deposit, d => d.amount.toFixed())),
          other => send(outbox, readState(other, w => w.to)),
        ),
        withState((): number[] => [], list => modifyState(list, l => [...l, 1])),
        withState(() => new Map<string, number>(), map => whenState(readState(map, m => m.has("a")), noop())),
        send(self, { type: "DEPOSIT", amount: 1 }),
        send(worker<Account>("Bank", readState(config, c => c.items[0]!)), { type: "DEPOSIT", amount: 2 }),
        spawn(Child, { n: 1 }, child => send(child, "go"), { watch: true }),
        spawn(Child, { n: readState(config, c => c.limit) }),
        spawn(Child, outbox),
        call(Rates, { pair: "EURUSD" }, rate => send(outbox, readState(rate, r => r.rate.toFixed(2)))),
        call(Http, { url: "https://a.example" },
          answer => send(outbox, readState(answer, a => (a.type === "response" ? a.status : a.code))),
          { timeout: 5, otherwise: fail("late"), retry: { attempts: 3, backoff: { first: 10, max: 100 } } }),
        forEach(readState(config, c => c.items), item => send(outbox, readState(item, i => i.length))),
        attempt(send(outbox, 1), { otherwise: error => send(outbox, error), retry: { attempts: 2 } }),
        saga(sequence(() => [compensate(send(outbox, 1), send(outbox, -1))])),
        parallel([noop(), delay(5)]),
        race(() => [delay(5), delay(readState(config, c => c.limit))]),
        kill(self),
        kill(readState(state, () => self)),
        send(Log, { level: "warn", message: "low" }),
        send(Bus, { subject: "a.b", message: state }),
        complete({ paid: readState(state, s => s.balance) }),
        loop.continue(),
      ])), { as: "account" }),
  { daemon: true, key: m => m.amount, reuse: "restart", restart: { policy: "on-failure", attempts: 3, from: "wait" } },
);

const Child = makeWorker<string, { n: number }>((self, { config }) => send(self, readState(config, c => `${c.n}`)));

export const Asks = act((self, { outbox }) =>
  waitFor((m: { question: string }) => m.question !== "", question => sequence([
    reply(question, { answer: readState(question, q => q.question.length) }),
    send(outbox, readState(question, q => ({ at: now(), id: uuid(), q }))),
  ])));

// Functions of our own that make commands.
function book(state: Troupe.StateHandle<{ sum: number }>, message: Troupe.MessageHandle<Deposit>): Troupe.Command {
  return modifyState(state, computeState([message], m => s => ({ sum: s.sum + m.amount })));
}
export const Books = act<Deposit>(() => withState(() => ({ sum: 0 }), state =>
  whileLoop(() => waitFor((m: Deposit) => m.type === "DEPOSIT", m => book(state, m)))), { daemon: true });

console.log(structuredClone({ a: 1 }).a);
