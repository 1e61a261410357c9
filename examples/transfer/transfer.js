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
        transactionId: t.id,
        day: t.day,
      }))),
      waitFor(m => m.type === "TRANSFER_CONFIRMED" || m.type === "TRANSFER_FAILED", answer =>
        sequence(() => [
          whenState(
            readState(answer, a => a.type === "TRANSFER_CONFIRMED"),
            send(NotificationService, notice("NOTIFY_SUCCESS", transfer, answer)),
            send(NotificationService, notice("NOTIFY_FAILURE", transfer, answer)),
          ),
          complete(readState(answer, a => ({ outcome: a.type, transactionId: a.transactionId }))),
        ]),
      ),
    ]),
  ),
);

// What the customer is told: who asked for the transfer, and what the ledger says of it.
const notice = (type, transfer, answer) =>
  computeState([transfer, answer], (t, a) => ({
    type,
    transactionId: a.transactionId,
    customer: t.from,
    to: t.to,
    amount: a.amount,
    reason: a.reason,
  }));
