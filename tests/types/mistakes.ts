// What is wrong has to be refused: each line below a comment is an error, and a comment without one is an error, too.

type Deposit = { type: "DEPOSIT"; amount: number };
type Withdraw = { type: "WITHDRAW"; amount: number };
type Account = Deposit | Withdraw;

declare const Ledger: Troupe.Address<Account>;
const Child = act<string, { n: number }, { ok: boolean }>(() => noop());

act<Account>((self, { outbox, config, complete }) => withState(() => ({ n: 0 }), state => sequence(() => [
  // @ts-expect-error: a field is missing
  send(Ledger, { type: "DEPOSIT" }),
  // @ts-expect-error: no message has that type
  send(Ledger, { type: "DEPOSITT", amount: 1 }),
  // @ts-expect-error: a number is wanted
  send(self, { type: "DEPOSIT", amount: "1" }),
  // @ts-expect-error: a ref to another type
  send(self, { type: "DEPOSIT", amount: readState(state, s => `${s.n}`) }),
  // @ts-expect-error: a name that nothing declares
  send(Unknown, 1),
  // @ts-expect-error: the updater gives another type
  modifyState(state, s => ({ n: "1" })),
  // @ts-expect-error: the updater reads what is not there
  modifyState(state, s => ({ n: s.m })),
  // @ts-expect-error: a ref has no properties when the script is deployed
  whenState(state.n, noop()),
  // @ts-expect-error: a ref is not a number
  delay(state),
  // @ts-expect-error: a handle of a message is no state
  waitFor(m => m.ok, m => modifyState(m, s => s)),
  // @ts-expect-error: the config of the child is another
  spawn(Child, { n: "x" }),
  // @ts-expect-error: the child takes text
  spawn(Child, { n: 1 }, child => send(child, 1)),
  // @ts-expect-error: only what `act` made can be spawned
  spawn(Ledger),
  // @ts-expect-error: the type guard leaves deposits alone
  waitFor((m: Account) => m.type === "WITHDRAW", m => send(outbox, readState(m, (d: Deposit) => d.type))),
  // @ts-expect-error: an unknown option
  waitFor(m => m.ok, m => noop(), { timeOut: 5 }),
  // @ts-expect-error: an address is not text
  send("Ledger", 1),
  // @ts-expect-error: the sender of a state
  send(sender(state), 1),
  // @ts-expect-error: a request needs a url
  send(Http, { method: "GET" }),
  // @ts-expect-error: a list is wanted
  forEach(state, item => noop()),
])));

// @ts-expect-error: a function is not a command
act((self, { complete }) => sequence(() => [complete]));
// @ts-expect-error: a misspelled option
act(() => noop(), { deamon: true });
// @ts-expect-error: the key of an instance is text or a number
act<Account>(() => noop(), { key: m => m });
// @ts-expect-error: the result is another
act<string, unknown, { ok: boolean }>((self, { complete }) => complete({ ok: 1 }));
// @ts-expect-error: `act` needs a command
act(() => 5);
