// Tells customers what became of their transfers. What it sends to its outbox can be read with
// `troupe outbox NotificationService/default --follow`, or on the bus by a program that delivers it.

export const NotificationService = act((self, { outbox }) =>
  withState(() => ({ successes: 0, failures: 0 }), counts =>
    whileLoop(() =>
      when(
        m => m.type === "NOTIFY_SUCCESS",
        notice => sequence(() => [
          modifyState(counts, c => ({ ...c, successes: c.successes + 1 })),
          send(outbox, readState(notice, n => ({
            to: n.customer,
            text: `${formatAmount(n.amount)} sent to ${n.to}`,
          }))),
        ]),
        notice => whenState(
          readState(notice, n => n.type === "NOTIFY_FAILURE"),
          sequence(() => [
            modifyState(counts, c => ({ ...c, failures: c.failures + 1 })),
            send(outbox, readState(notice, n => ({
              to: n.customer,
              text: `${formatAmount(n.amount)} to ${n.to} was refused: ${n.reason}`,
              urgent: true,
            }))),
          ]),
        ),
      ),
    ), { as: "counts" },
  ),
  { daemon: true },
);

// Amounts are whole cents, so that sums are exact.
const formatAmount = cents => `${Math.trunc(cents / 100)}.${String(cents % 100).padStart(2, "0")}`;
