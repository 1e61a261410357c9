//! The scripts of the tests that are more than one test's, as files with a name.

/// Keeps a sum for each name; what it has is put out on request. A negative amount makes it fail.
pub(crate) const COUNTER: (&str, &str) = (
    "counter.js",
    r#"
export const Counter = act((self, { outbox }) =>
  withState(() => ({ sum: 0, seen: [] }), total =>
    whileLoop(() =>
      when(m => m.type === "add",
        add => modifyState(total, computeState([add], m => t => {
          if (!(m.amount >= 0)) throw `cannot add ${m.amount}`;
          return { sum: t.sum + m.amount, seen: [...t.seen, m.amount] };
        })),
        other => send(outbox, computeState([total, other], (t, m) => ({ asked: m.type, sum: t.sum }))),
      ),
    ), { as: "total" },
  ), { daemon: true, key: m => m.name });
"#,
);

/// Ends with a result when it is told to, or fails.
pub(crate) const ERRAND: (&str, &str) = (
    "errand.js",
    r#"
export const Errand = act((self, { config, outbox, complete, fail }) =>
  waitFor(m => m.type === "go" || m.type === "break", order => sequence(() => [
    send(outbox, { type: "went", with: config }),
    whenState(
      readState(order, m => m.type === "break"),
      fail(readState(order, m => `broken by ${m.by}`)),
      complete(readState(order, m => ({ done: m.by }))),
    ),
  ])));
"#,
);
