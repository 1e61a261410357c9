// A counter for each name: a daemon with one instance for each key, made by its first message.

/** @typedef {{ type: "add", name: string, amount: number }} Add */

/** @type {Troupe.Worker<Add>} */
export const Counter = act((self, { outbox }) =>
  withState(() => 0, total =>
    whileLoop(() =>
      waitFor(m => m.type === "add", add =>
        sequence(() => [
          modifyState(total, computeState([add], m => n => n + m.amount)),
          send(outbox, computeState([total, add], (n, m) => ({ type: "total", name: m.name, total: n }))),
        ]),
      ),
    ), { as: "total" },
  ),
  { daemon: true, key: m => m.name },
);
