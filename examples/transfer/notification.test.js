// What customers are told, as it leaves by the outbox.

test("notices are counted and written out", async () => {
  const worker = new NotificationServiceWorker();
  await worker.processMessages([
    { type: "NOTIFY_SUCCESS", customer: "alice", to: "bob", amount: 1205 },
    { type: "SOMETHING_ELSE" },
    { type: "NOTIFY_FAILURE", customer: "carl", to: "bob", amount: 99, reason: "no" },
  ]);
  expect(worker.getState("counts")).toEqual({ successes: 1, failures: 1 });
  expect(worker.emitted.every(({ to }) => to === "outbox")).toBe(true);
  expect(worker.emittedMessages).toEqual([
    { to: "alice", text: "12.05 sent to bob" },
    { to: "carl", text: "0.99 to bob was refused: no", urgent: true },
  ]);
});
