// One of many senders: passes on whatever it gets to the one that gathers.
export const FanSender = act(() =>
  whileLoop(() => waitFor(m => m.type === "PASS", pass => send(FanGatherer, { type: "PASSED" }))),
  { daemon: true, key: m => m.sender },
);

// Counts what all of them passed on.
export const FanGatherer = act(() =>
  withState(() => 0, gathered =>
    whileLoop(() => waitFor(m => m.type === "PASSED", () => modifyState(gathered, g => g + 1))),
  ),
  { daemon: true },
);
