// A fund transfer: an ephemeral worker. Each transfer is a run of its own, which ends when the
// ledger has answered and the customer has been told.
//
//   troupe send FundTransfer '{ "type": "INITIATE_TRANSFER", "id": "t-1", "from": "alice", "to": "bob", "amount": 1250 }'

export const FundTransfer = act((self, { complete }) =>
  waitFor(m => m.type === "INITIATE_TRANSFER", transfer =>
    sequence(() => [
      send(LedgerService, readState(transfer, t => ({
        type: "EXECUTE_TRANSFER",
        account: t.from,
        to: t.to,
        amount: t.amount,
        transferId: t.id,
      }))),
      waitFor(m => m.type === "TRANSFER_CONFIRMED" || m.type === "TRANSFER_FAILED", answer =>
        sequence(() => [
          whenState(
            readState(answer, a => a.type === "TRANSFER_CONFIRMED"),
            sequence(() => [
              send(NotificationService, readState(transfer, t => ({
                type: "NOTIFY_SUCCESS",
                customer: t.from,
                text: `${formatAmount(t.amount)} sent to ${t.to}`,
              }))),
              send(DataAggregatorService, computeState([transfer, answer], (t, a) => ({
                type: "RECORD_TRADE",
                day: t.day ?? new Date().toISOString().slice(0, 10),
                from: t.from,
                to: t.to,
                amount: t.amount,
                entry: a.entry,
              }))),
            ]),
            send(NotificationService, computeState([transfer, answer], (t, a) => ({
              type: "NOTIFY_FAILURE",
              customer: t.from,
              text: `${formatAmount(t.amount)} to ${t.to} was refused: ${a.reason}`,
            }))),
          ),
          complete(readState(answer, a => ({ outcome: a.type, transferId: a.transferId }))),
        ]),
      ),
    ]),
  ),
);

// Amounts are whole cents, so that sums are exact.
const formatAmount = cents => `${Math.trunc(cents / 100)}.${String(cents % 100).padStart(2, "0")}`;
