// The risk score of a user, and when it is an alert.

test("fraud detection state", async () => {
  const worker = new FraudMonitorWorker();

  // Process transactions
  await worker.processMessage({ type: "NEW_TRANSACTION", userId: "user1", amount: 5000 });
  await worker.processMessage({ type: "NEW_TRANSACTION", userId: "user1", amount: 6000 });

  // Verify state changes
  expect(worker.getState().userRiskScores["user1"]).toBeGreaterThan(10);
  expect(worker.emittedMessages).toContainMessage({ type: "HIGH_FRAUD_RISK_ALERT" });
});

const at = hour => new Date(Date.UTC(2026, 2, 2, hour)).toISOString();
const payment = changes => ({
  type: "NEW_TRANSACTION", id: "tx-1", userId: "user1", amount: 4500, country: "DE", home: "DE", at: at(12), ...changes,
});

test("everyday payments at home raise nothing", async () => {
  const worker = new FraudMonitorWorker();
  await worker.processMessages(Array.from({ length: 50 }, () => payment()));
  expect(worker.getState()).toMatchObject({ userRiskScores: { user1: 0 }, seen: 50, alerts: 0 });
  expect(worker.emittedMessages).toEqual([]);
});

test("one alert as the score passes the line, another once it had fallen", async () => {
  const worker = new FraudMonitorWorker();
  const burst = hour => payment({ amount: 900_000, country: "SE", at: at(hour) });
  await worker.processMessages([burst(2), burst(2), burst(2)]);
  expect(worker.emittedMessages).toHaveLength(1);
  await worker.processMessage(payment({ at: at(24 * 30 + 12) }));
  expect(worker.getState("risk").userRiskScores.user1).toBeLessThan(1);
  await worker.processMessages([burst(24 * 30 + 13), burst(24 * 30 + 14)]);
  expect(worker.emitted.map(({ to, message }) => [to, message.score])).toEqual([
    ["AlertService", 19],
    ["AlertService", expect.closeTo(16.8, 1)],
  ]);
});
