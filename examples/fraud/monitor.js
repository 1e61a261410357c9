// A fraud monitor: a daemon with one instance for each user, which never ends. Add nodes and its
// instances spread over them.

const ALERT_ABOVE = 10;
const HALF_LIFE_MS = 24 * 60 * 60 * 1000;

const LARGE = 250_000;
const VERY_LARGE = 800_000;

// A transaction that does not say where it was made is as suspicious as a very large one.
function calculateRisk(transaction) {
  const size = transaction.amount > VERY_LARGE ? 6 : transaction.amount > LARGE ? 3 : 0;
  const origin = transaction.country === undefined ? 6 : transaction.country !== transaction.home ? 2.5 : 0;
  const hour = new Date(transaction.at).getUTCHours();
  const night = hour < 5 ? 1 : 0;
  return size + origin + night;
}

// The score halves with every day that passes between two transactions of the user.
function decayed(score, elapsedMs) {
  return elapsedMs > 0 ? score * Math.pow(0.5, elapsedMs / HALF_LIFE_MS) : score;
}

function withTransaction(risk, transaction) {
  const { userId } = transaction;
  const at = transaction.at === undefined ? Date.now() : Date.parse(transaction.at);
  const before = decayed(risk.userRiskScores[userId] ?? 0, at - risk.at);
  const score = before + calculateRisk(transaction);
  // One alert each time that the score passes the line, not one for each transaction above it.
  const passes = before <= ALERT_ABOVE && score > ALERT_ABOVE;
  return {
    userRiskScores: { ...risk.userRiskScores, [userId]: score },
    at: Math.max(at, risk.at),
    seen: risk.seen + 1,
    alerts: risk.alerts + (passes ? 1 : 0),
    passes,
  };
}

export const FraudMonitor = act(() =>
  withState(() => ({ userRiskScores: {}, at: 0, seen: 0, alerts: 0, passes: false }), risk =>
    whileLoop(() =>
      waitFor(m => m.type === "NEW_TRANSACTION", transaction =>
        sequence(() => [
          modifyState(risk, computeState([transaction], t => r => withTransaction(r, t))),
          whenState(
            readState(risk, r => r.passes),
            send(AlertService, computeState([risk, transaction], (r, t) => ({
              type: "HIGH_FRAUD_RISK_ALERT",
              userId: t.userId,
              transactionId: t.id,
              score: Math.round(r.userRiskScores[t.userId] * 10) / 10,
            }))),
          ),
        ]),
      ),
    ), { as: "risk" },
  ),
  { daemon: true, key: m => m.userId },
);
