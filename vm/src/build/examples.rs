//! What to write where an argument or option is wrong and nothing better is known: an example of each.

/// A call of each command.
const COMMANDS: &[(&str, &str)] = &[
    (
        "attempt",
        "attempt(send(Bank, order), { otherwise: error => … })",
    ),
    ("call", "call(Ledger, { type: 'BALANCE' }, reply => …)"),
    ("clock", "clock(1000)"),
    (
        "compensate",
        "compensate(send(Hotel, 'book'), send(Hotel, 'cancel'))",
    ),
    (
        "computeState",
        "computeState([state, message], (s, m) => s.total + m.amount)",
    ),
    ("delay", "delay(1000)"),
    ("effect", "effect(Rates, { pair: 'EURUSD' })"),
    ("fail", "fail({ message: 'out of stock' })"),
    (
        "forEach",
        "forEach(readState(order, o => o.items), item => …)",
    ),
    ("kill", "kill(child)"),
    ("modifyState", "modifyState(count, n => n + 1)"),
    ("parallel", "parallel([call(A, 1), call(B, 2)])"),
    ("race", "race([waitFor(m => m === 'stop'), delay(1000)])"),
    ("readState", "readState(order, o => o.amount)"),
    ("reply", "reply(message, { ok: true })"),
    ("saga", "saga(sequence(() => […]))"),
    ("send", "send(Ledger, { type: 'ADD' })"),
    ("sender", "sender(message)"),
    ("sequence", "sequence(() => [send(A, 1), send(B, 2)])"),
    ("spawn", "spawn(Worker, { n: 1 }, child => …)"),
    ("stateOf", "stateOf(worker('Account', id), 'balance')"),
    ("waitFor", "waitFor(m => m.type === 'ADD', m => …)"),
    (
        "waitForValue",
        "waitForValue(Exposure('ann'), value => value > 100, value => …)",
    ),
    ("when", "when(m => m.ok, m => …, m => …)"),
    (
        "whenState",
        "whenState(readState(state, s => s.n > 1), send(A, 1), noop())",
    ),
    ("whileLoop", "whileLoop(loop => waitFor(m => true, m => …))"),
    ("withState", "withState(() => 0, count => …)"),
    ("worker", "worker('Account', 'ann')"),
];

/// A value of each option.
const OPTIONS: &[(&str, &str)] = &[
    ("as", "as: 'balance'"),
    ("attempts", "attempts: 5"),
    ("backoff", "backoff: { first: 100, factor: 2, max: 60000 }"),
    ("daemon", "daemon: true"),
    ("factor", "factor: 2"),
    ("first", "first: 100"),
    ("from", "from: 'start'"),
    ("idle", "idle: '30d'"),
    ("key", "key: m => m.account"),
    ("max", "max: 60000"),
    ("missed", "missed: 'one'"),
    ("policy", "policy: 'on-failure'"),
    ("retention", "retention: '30d'"),
    ("restart", "restart: { attempts: 5 }"),
    ("retry", "retry: { attempts: 3 }"),
    ("reuse", "reuse: 'restart'"),
    ("schedule", "schedule: '0 6 * * *'"),
    ("subscribe", "subscribe: 'orders.>'"),
    ("timeout", "timeout: 1000"),
    ("watch", "watch: true"),
];

fn of(table: &[(&str, &'static str)], name: &str) -> Option<String> {
    let mut known = table.iter().filter(|(known, _)| *known == name);
    known
        .next()
        .map(|(_, example)| format!("for example `{example}`"))
}

/// A call of a command.
pub(super) fn command(name: &str) -> Option<String> {
    of(COMMANDS, name)
}

/// An option with a value.
pub(super) fn option(name: &str) -> Option<String> {
    of(OPTIONS, name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BuildLimits, Source, compile};

    /// What examples leave out, so that they stand in a worker.
    const AROUND: &str = "export const Exposure = reactive((get, who) => get(clock(1000)))
        const Worker = act(self => noop())
        export const Test = act((self, { fail }) => withState(() => ({ items: [1] }), state => withState(() => 0, count =>
          waitFor(m => true, message => waitFor(m => true, order => spawn(Worker, 1, child => withState(() => 1, id => EXAMPLE)))))))";

    #[test]
    fn every_example_compiles() {
        for (name, example) in COMMANDS {
            let example = example.replace("[…]", "[noop()]").replace('…', "noop()");
            let example = match *name {
                "compensate" => format!("saga({example})"),
                "readState" | "computeState" | "sender" | "worker" => {
                    format!("send(Log, {example})")
                }
                "stateOf" => {
                    "waitForValue(stateOf(worker('Account', 'ann'), 'balance'), v => true)"
                        .to_owned()
                }
                "clock" | "effect" => continue,
                _ => example,
            };
            let text = AROUND.replace("EXAMPLE", &example);
            let made = compile(&Source::new("a.js", text), &BuildLimits::default());
            assert!(made.is_ok(), "{name}: {made:?}");
        }
    }
}
