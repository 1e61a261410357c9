// A fraud monitor: a daemon with one instance for each user, which never ends. Add nodes and its
// instances spread over them.

const ALERT_ABOVE = 10;
const HALF_LIFE_MS = 24 * 60 * 60 * 1000;

const LARGE = 250_000;
const VERY_LARGE = 800_000;

function calculateRisk(transaction) {
  const size = transaction.amount > VERY_LARGE ? 6 : transaction.amount > LARGE ? 3 : 0;
  const abroad = transaction.country !== transaction.home ? 2.5 : 0;
  const hour = new Date(transaction.at).getUTCHours();
  const night = hour < 5 ? 1 : 0;
  return size + abroad + night;
}

// The score halves with every day that passes between two transactions of the user.
function decayed(score, elapsedMs) {
  return elapsedMs > 0 ? score * Math.pow(0.5, elapsedMs / HALF_LIFE_MS) : score;
}

export const FraudMonitor = act(() =>
  withState(() => ({ score: 0, at: 0, seen: 0, alerts: 0 }), risk =>
    whileLoop(() =>
      waitFor(m => m.type === "NEW_TRANSACTION", transaction =>
        sequence(() => [
          modifyState(risk, computeState([transaction], t => r => {
            const at = Date.parse(t.at);
            return {
              ...r,
              score: decayed(r.score, at - r.at) + calculateRisk(t),
              at: Math.max(at, r.at),
              seen: r.seen + 1,
            };
          })),
          whenState(
            readState(risk, r => r.score > ALERT_ABOVE),
            sequence(() => [
              send(AlertService, computeState([risk, transaction], (r, t) => ({
                type: "HIGH_FRAUD_RISK_ALERT",
                userId: t.userId,
                transactionId: t.id,
                score: Math.round(r.score * 10) / 10,
              }))),
              modifyState(risk, r => ({ ...r, score: 0, alerts: r.alerts + 1 })),
            ]),
          ),
        ]),
      ),
    ), { as: "risk" },
  ),
  { daemon: true, key: m => m.userId },
);
