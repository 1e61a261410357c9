// Reactive functions with typed arguments, sources and values.

declare const Rates: Troupe.Address<{ pair: string }, { rate: number }>;

export const RiskOf = reactive((get, user: string) => get(stateOf<number>(worker("Risk", user), "score")) + get(clock(1000)) % 2);
export const Exposure = reactive((get, user: string) => get(RiskOf(user)) * get(effect(Rates, { pair: "EURUSD" })).rate);
export const Watches = act<{ user: string }>((self, { outbox }) => waitFor((m: { user: string }) => m.user !== "", m =>
  waitForValue(Exposure(readState(m, m => m.user)), v => v > 5, value => send(outbox, readState(value, v => v.toFixed())), {
    timeout: 1000,
    otherwise: noop(),
  })));
