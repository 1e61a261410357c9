// The ledger: a daemon with one instance for each account, so that it spreads over the cluster.
// An account may go below zero; what it refuses is a single transfer above its limit.

const TRANSFER_LIMIT = 1_000_000;

export const LedgerService = act(() =>
  withState(() => ({ balance: 0, entries: 0 }), page =>
    whileLoop(() =>
      waitFor(m => m.type === "EXECUTE_TRANSFER" || m.type === "CREDIT", entry =>
        whenState(
          readState(entry, e => e.type === "CREDIT"),
          book(page, entry, amount => amount),
          whenState(
            readState(entry, e => e.amount > TRANSFER_LIMIT || !(e.amount > 0)),
            send(sender(entry), readState(entry, e => ({
              type: "TRANSFER_FAILED",
              transactionId: e.transactionId,
              amount: e.amount,
              reason: "the amount is outside the limits of the account",
            }))),
            sequence(() => [
              book(page, entry, amount => -amount),
              send(LedgerService, readState(entry, e => ({
                type: "CREDIT",
                account: e.to,
                amount: e.amount,
                transactionId: e.transactionId,
              }))),
              send(sender(entry), computeState([page, entry], (p, e) => ({
                type: "TRANSFER_CONFIRMED",
                transactionId: e.transactionId,
                amount: e.amount,
                entry: p.entries,
              }))),
              send(DataAggregatorService, computeState([page, entry], (p, e) => ({
                type: "RECORD_TRADE",
                day: e.day ?? new Date().toISOString().slice(0, 10),
                from: e.account,
                to: e.to,
                amount: e.amount,
                entry: p.entries,
              }))),
            ]),
          ),
        ),
      ),
    ), { as: "page" },
  ),
  { daemon: true, key: m => m.account },
);

// A combinator of our own: ordinary functions may make commands while the program is built.
function book(page, entry, signed) {
  return modifyState(page, computeState([entry], e => p => ({
    balance: p.balance + signed(e.amount),
    entries: p.entries + 1,
  })));
}
