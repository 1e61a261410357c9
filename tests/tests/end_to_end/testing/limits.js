// Workers for the tests of `troupe test`: one that waits for values of others, and reactive functions.

const parts = stateOf(worker("Basket", "all"), "parts");

export const Price = reactive((get, part) => {
  const { amount } = get(stateOf(worker("Part", part), "stock")) ?? { amount: 0 };
  return amount * get(effect(Rates, { part })).rate;
});

export const Total = reactive(get => (get(parts) ?? []).reduce((sum, part) => sum + get(Price(part)), 0));

export const Hourly = reactive(get => get(clock(3_600_000)));

export const Limits = act((self, { outbox }) =>
  whileLoop(() =>
    waitFor(m => true, order => sequence(() => [
      whenState(readState(order, o => o.type === "TOTAL"),
        attempt(() => waitForValue(Total(), value => value > 10, value => send(outbox, value),
          { timeout: 60_000, otherwise: send(outbox, "late") }),
          { otherwise: error => send(outbox, readState(error, e => ({ failed: e.message }))) })),
      whenState(readState(order, o => o.type === "PHASE"),
        waitForValue(stateOf(worker("Job", readState(order, o => o.job)), "phase"), phase => phase === "done",
          phase => send(outbox, readState(phase, p => ({ phase: p }))))),
      whenState(readState(order, o => o.type === "HOUR"),
        waitForValue(Hourly(), hour => hour >= 946_688_400_000, () => send(outbox, "an hour later"))),
    ]))),
  { daemon: true });
