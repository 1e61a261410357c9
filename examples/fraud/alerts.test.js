// Alerts are counted, the last ten kept, and all passed on.

test("the last ten alerts are kept", async () => {
  const worker = new AlertServiceWorker();
  const alert = number => ({ type: "HIGH_FRAUD_RISK_ALERT", userId: `user${number}`, transactionId: `tx-${number}`, score: 11 });
  await worker.processMessages(Array.from({ length: 12 }, (_, number) => alert(number)));
  const { raised, latest } = worker.getState("alerts");
  expect(raised).toBe(12);
  expect(latest.map(({ userId }) => userId)).toEqual(Array.from({ length: 10 }, (_, number) => `user${number + 2}`));
  expect(worker.emittedMessages).toHaveLength(12);
});
