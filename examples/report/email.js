// Hands reports to whoever delivers mail: it writes each as a finished message to its outbox, which a
// mail gateway reads from the bus.

export const EmailDistributionService = act((self, { outbox }) =>
  withState(() => ({ sent: 0 }), counts =>
    whileLoop(() =>
      waitFor(m => m.type === "SEND_REPORT", report =>
        sequence(() => [
          modifyState(counts, c => ({ sent: c.sent + 1 })),
          send(outbox, readState(report, r => ({
            to: "trading-desk@example.org",
            subject: r.subject,
            attachments: [{ name: "report.pdf", type: "application/pdf", content: r.attachment }],
          }))),
        ]),
      ),
    ), { as: "counts" },
  ),
  { daemon: true },
);
