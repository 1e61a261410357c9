//! The workers that turns, state and memory are measured with, and how they are run.

use vm::{
    BuildLimits, Data, Identity, Input, Limits, Outcome, Program, Source, Turn, TurnContext,
    Worker, compile, turn,
};

/// A worker, what it is sent, and how its state begins.
pub(crate) struct Script {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
    pub(crate) config: &'static str,
    pub(crate) message: &'static str,
}

pub(crate) static COUNTER: Script = Script {
    name: "Counter",
    text: "export const Counter = act(() => withState(() => 0, count => whileLoop(() =>
        waitFor(m => m.type === 'ADD', m =>
            modifyState(count, computeState([m], m => n => n + m.amount))))))",
    config: "null",
    message: r#"{"type":"ADD","amount":1}"#,
};

/// An account with the state that such accounts have: limits, an owner, the last entries, holds.
pub(crate) static ACCOUNT: Script = Script {
    name: "Account",
    text: "
        const KEPT = 10
        const book = (account, m) => ({
            ...account,
            balance: account.balance + m.amount,
            entries: account.entries + 1,
            last: [...account.last, { id: m.id, amount: m.amount, at: m.at }].slice(-KEPT),
            byKind: { ...account.byKind, [m.kind]: (account.byKind[m.kind] ?? 0) + m.amount },
        })
        export const Account = act((self, { config }) =>
            withState(() => ({
                owner: { name: 'Ada Lovelace', country: 'GB', verified: true },
                currency: 'EUR', balance: 0, entries: 0, limit: 5000, opened: '2000-01-01',
                status: 'active', last: [], holds: {}, byKind: {},
            }), account => whileLoop(() =>
                waitFor(m => m.type === 'BOOK' || m.type === 'HOLD', m => sequence([
                    whenState(computeState([account, m], (a, m) => m.amount <= a.limit && a.status === 'active'),
                        modifyState(account, computeState([m], m => a => book(a, m))),
                        send(sender(m), { type: 'REFUSED', id: readState(m, m => m.id) })),
                    send(Audit, computeState([account, m], (a, m) => ({
                        type: 'BOOKED', id: m.id, balance: a.balance, note: `${m.kind}: ${m.amount} ${a.currency}`,
                    }))),
                ])))),
            { key: m => m.account })",
    config: "null",
    message: r#"{"type":"BOOK","account":"a-4711","id":"t-000017","kind":"card","amount":12.5,"at":946684800000,
        "merchant":{"name":"Corner shop","country":"GB","category":5411}}"#,
};

/// A workflow in the middle of its way, as many are while they wait for an answer.
pub(crate) static TRANSFER: Script = Script {
    name: "Transfer",
    text: "
        export const Transfer = act((self, { config, outbox, complete }) =>
            withState(() => ({ attempts: 0, risk: null }), state =>
                whileLoop(() => waitFor(m => m.type === 'QUOTE', quote => sequence([
                    modifyState(state, computeState([quote], q => s => ({ ...s, attempts: s.attempts + 1, risk: q.risk }))),
                    whenState(readState(state, s => s.risk < 0.5),
                        send(outbox, { type: 'ACCEPTED', from: readState(config, c => c.from), risk: readState(state, s => s.risk) }),
                        send(outbox, { type: 'HELD', from: readState(config, c => c.from) })),
                ])))))",
    config: r#"{"from":"a-4711","to":"a-0815","amount":120.5,"currency":"EUR","reference":"Invoice 2000-17"}"#,
    message: r#"{"type":"QUOTE","risk":0.25}"#,
};

/// Runs turns of one script.
pub(crate) struct Runner {
    pub(crate) program: Program,
    pub(crate) limits: Limits,
    script: &'static Script,
    message: Data,
}

impl Runner {
    pub(crate) fn new(script: &'static Script) -> Runner {
        let source = Source::new("worker.js", script.text);
        let compiled = compile(&source, &BuildLimits::default());
        let compiled = compiled.unwrap_or_else(|errors| panic!("{}: {errors:#?}", script.name));
        let limits = Limits::default();
        Runner {
            program: compiled.program,
            message: Data::from_json(script.message, &limits).unwrap(),
            limits,
            script,
        }
    }

    /// A worker that has started.
    pub(crate) fn worker(&self, key: &str) -> Worker {
        let address = vm::Address::keyed(self.script.name, key);
        let run = [1; 16];
        let mut worker =
            Worker::new(&self.program, self.script.name, Identity { address, run }).unwrap();
        let config = Data::from_json(self.script.config, &self.limits).unwrap();
        let outbox = None;
        let turn = self.turn(&mut worker, Input::Start { config, outbox });
        assert_eq!(turn.outcome, Outcome::Waiting);
        worker
    }

    /// A worker that has taken some messages, each its own.
    pub(crate) fn idle_worker(&self, key: &str) -> Worker {
        let mut worker = self.worker(key);
        for _ in 0..3 {
            let body = Data::from_json(self.script.message, &self.limits).unwrap();
            self.give(&mut worker, body);
        }
        worker
    }

    /// The message of the script.
    pub(crate) fn message(&self) -> Data {
        self.message.clone()
    }

    /// A turn with a message.
    pub(crate) fn give(&self, worker: &mut Worker, body: Data) -> Turn {
        let (sender, call) = (Some(vm::Address::keyed("Sender", "one")), None);
        let turn = self.turn(worker, Input::Message { body, sender, call });
        assert_eq!(turn.outcome, Outcome::Waiting);
        turn
    }

    fn turn(&self, worker: &mut Worker, input: Input) -> Turn {
        let context = TurnContext {
            now_ms: 946_684_800_000,
            seed: [7; 16],
            limits: &self.limits,
        };
        turn(&self.program, worker, input, &context)
    }
}
