// A transfer from the first message to its end, with this test in the place of the ledger.

test("fund transfer workflow", async () => {
  const worker = new FundTransferWorker();
  await worker.processMessages([
    { type: "INITIATE_TRANSFER", amount: 1000 },
    { type: "TRANSFER_CONFIRMED", transactionId: "123" },
  ]);

  expect(worker.emittedMessages).toEqual([
    { type: "EXECUTE_TRANSFER", amount: 1000 },
    { type: "NOTIFY_SUCCESS", transactionId: "123" },
  ]);
});

describe("FundTransfer", () => {
  const order = { type: "INITIATE_TRANSFER", id: "t-1", from: "alice", to: "bob", amount: 1250 };
  let worker;

  beforeEach(async () => {
    worker = new FundTransferWorker();
    await worker.processMessage(order);
  });

  test("asks the ledger of the payer", () => {
    expect(worker.emitted).toMatchObject([{
      to: "LedgerService",
      message: { type: "EXECUTE_TRANSFER", account: "alice", to: "bob", amount: 1250, transactionId: "t-1" },
    }]);
    expect(worker.status).toBe("waiting");
  });

  test("ends with what the ledger said", async () => {
    await worker.processMessage({ type: "TRANSFER_CONFIRMED", transactionId: "t-1", amount: 1250 });
    expect(worker.status).toBe("completed");
    expect(worker.result).toEqual({ outcome: "TRANSFER_CONFIRMED", transactionId: "t-1" });
  });

  test("tells the customer why it was refused", async () => {
    await worker.processMessage({ type: "TRANSFER_FAILED", transactionId: "t-1", amount: 1250, reason: "too much" });
    expect(worker.emittedMessages).toContainMessage({ type: "NOTIFY_FAILURE", customer: "alice", reason: "too much" });
    expect(worker.emittedMessages).not.toContainMessage({ type: "NOTIFY_SUCCESS" });
  });

  test("waits for its ledger through everything else", async () => {
    await worker.processMessages([{ type: "NEWS" }, order]);
    expect(worker.emittedMessages).toHaveLength(1);
    await worker.advance(60 * 60 * 1000);
    expect(worker.status).toBe("waiting");
  });
});
