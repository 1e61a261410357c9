// One account of the ledger. Its answers go to whom the message came from; what it books elsewhere is a
// message to another account.

const entry = (changes) => ({
  type: "EXECUTE_TRANSFER", account: "alice", to: "bob", amount: 1250, transactionId: "t-1", day: "2026-03-02", ...changes,
});

test("a transfer is booked here, and credited there", async () => {
  const alice = new LedgerServiceWorker();
  await alice.processMessage(entry(), { from: "FundTransfer/1" });
  expect(alice.address).toBe("LedgerService/alice");
  expect(alice.getState("page")).toEqual({ balance: -1250, entries: 1 });
  expect(alice.emitted.map(({ to, message }) => [to, message.type])).toEqual([
    ["LedgerService/bob", "CREDIT"],
    ["FundTransfer/1", "TRANSFER_CONFIRMED"],
    ["DataAggregatorService", "RECORD_TRADE"],
  ]);
});

test("a credit raises the balance", async () => {
  const bob = new LedgerServiceWorker({ key: "bob" });
  await bob.processMessages([{ type: "CREDIT", account: "bob", amount: 5 }, { type: "CREDIT", account: "bob", amount: 7 }]);
  expect(bob.getState()).toEqual({ balance: 12, entries: 2 });
  expect(bob.emittedMessages).toEqual([]);
});

test.each([[1_000_001], [0], [-5]])("an amount of %d is refused and not booked", async amount => {
  const alice = new LedgerServiceWorker();
  await alice.processMessage(entry({ amount }), { from: "FundTransfer/1" });
  expect(alice.emittedMessages).toEqual([{
    type: "TRANSFER_FAILED", transactionId: "t-1", amount, reason: expect.stringContaining("outside the limits"),
  }]);
  expect(alice.getState().entries).toBe(0);
});

test("a trade without a day is recorded on today's", async () => {
  const alice = new LedgerServiceWorker({ now: "2026-04-05T23:59:00Z" });
  await alice.processMessage(entry({ day: undefined }), { from: "FundTransfer/1" });
  expect(alice.emittedMessages).toContainMessage({ type: "RECORD_TRADE", day: "2026-04-05" });
});
