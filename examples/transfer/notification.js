// Tells customers what became of their transfers. What it sends to its outbox can be read with
// `troupe outbox NotificationService/default --follow`, or on the bus by a program that delivers it.

export const NotificationService = act((self, { outbox }) =>
  withState(() => ({ successes: 0, failures: 0 }), counts =>
    whileLoop(() =>
      when(
        m => m.type === "NOTIFY_SUCCESS",
        notice => sequence(() => [
          modifyState(counts, c => ({ ...c, successes: c.successes + 1 })),
          send(outbox, readState(notice, n => ({ to: n.customer, text: n.text }))),
        ]),
        notice => whenState(
          readState(notice, n => n.type === "NOTIFY_FAILURE"),
          sequence(() => [
            modifyState(counts, c => ({ ...c, failures: c.failures + 1 })),
            send(outbox, readState(notice, n => ({ to: n.customer, text: n.text, urgent: true }))),
          ]),
        ),
      ),
    ), { as: "counts" },
  ),
  { daemon: true },
);
