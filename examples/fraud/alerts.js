// Collects the alerts of all fraud monitors; keeps the last ten and a count.

export const AlertService = act((self, { outbox }) =>
  withState(() => ({ raised: 0, latest: [] }), alerts =>
    whileLoop(() =>
      waitFor(m => m.type === "HIGH_FRAUD_RISK_ALERT", alert =>
        sequence(() => [
          modifyState(alerts, computeState([alert], a => s => ({
            raised: s.raised + 1,
            latest: [...s.latest, { userId: a.userId, transactionId: a.transactionId, score: a.score }].slice(-10),
          }))),
          send(outbox, alert),
        ]),
      ),
    ), { as: "alerts" },
  ),
  { daemon: true },
);
