// One of many counters. Each add is a message that is committed, applied and kept in history.
export const Counter = act(() =>
  withState(() => 0, total =>
    whileLoop(() =>
      waitFor(m => m.type === "ADD", add =>
        modifyState(total, computeState([add], a => t => t + a.amount)),
      ),
    ), { as: "total" },
  ),
  { daemon: true, key: m => m.counter },
);
