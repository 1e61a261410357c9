// A worker of a ring: passes a token on to the next until it has made all its hops.
export const Ring = act((self, { config }) =>
  whileLoop(() =>
    waitFor(m => m.type === "TOKEN", token =>
      whenState(
        readState(token, t => t.left > 0),
        send(readState(config, c => c.next), readState(token, t => ({ type: "TOKEN", left: t.left - 1 }))),
        send(RingFinish, { type: "DONE" }),
      ),
    ),
  ),
);

// Counts the tokens that have made all their hops.
export const RingFinish = act(() =>
  withState(() => 0, done =>
    whileLoop(() => waitFor(m => m.type === "DONE", () => modifyState(done, d => d + 1))),
  ),
  { daemon: true },
);
