// What a customer could lose, kept up to date over all accounts: a pure function of the accounts' states and of a
// rate that a program on the bus answers. A desk is told when it passes a limit.

export const Account = act(self =>
  withState(() => ({ balance: 0, currency: "EUR" }), account =>
    whileLoop(() =>
      waitFor(m => m.type === "BOOK", booking =>
        modifyState(account, computeState([booking], m => a => ({
          ...a,
          balance: a.balance + m.amount,
          currency: m.currency ?? a.currency,
        }))))),
    { as: "account" }),
  { key: m => m.account });

export const Customer = act(self =>
  withState(() => [], accounts =>
    whileLoop(() =>
      waitFor(m => m.type === "OPEN", opened =>
        modifyState(accounts, computeState([opened], m => list =>
          list.includes(m.account) ? list : [...list, m.account])))),
    { as: "accounts" }),
  { key: m => m.customer });

// What an account is worth in euros. Accounts that never had a booking are worth nothing.
export const Worth = reactive((get, id) => {
  const account = get(stateOf(worker("Account", id), "account"));
  if (!account) return 0;
  if (account.currency === "EUR") return account.balance;
  return account.balance * get(effect(Rates, { from: account.currency, to: "EUR" })).rate;
});

export const Exposure = reactive((get, customer) => {
  const accounts = get(stateOf(worker("Customer", customer), "accounts")) ?? [];
  return accounts.reduce((sum, id) => sum + get(Worth(id)), 0);
});

// Watches one customer: `{ customer, limit }`. Says when the exposure passes the limit, and when it is below again.
export const Desk = act((self, { outbox }) =>
  waitFor(m => m.type === "WATCH", order =>
    whileLoop(() => sequence(() => [
      waitForValue(Exposure(readState(order, m => m.customer)), computeState([order], m => value => value > m.limit),
        value => send(outbox, { type: "ABOVE", exposure: value })),
      waitForValue(Exposure(readState(order, m => m.customer)), computeState([order], m => value => value <= m.limit),
        value => send(outbox, { type: "BELOW", exposure: value })),
    ]))),
  { key: m => m.customer });
