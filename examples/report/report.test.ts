// The daily report and the services that it asks, each by itself.

type Message = { type: string; [key: string]: unknown };

test("the report asks for trades, a PDF and a mail, and ends", async () => {
  const worker = new DailyReportWorker({ config: { day: "2026-03-02" } });
  expect(worker.emittedMessages).toEqual([{ type: "FETCH_DAILY_TRADES", day: "2026-03-02" }]);
  const trades: Message = {
    type: "DAILY_TRADES_DATA", day: "2026-03-02", count: 2, volume: 1205,
    largest: [{ from: "alice", to: "bob", amount: 1200 }],
  };
  await worker.processMessages([trades, { type: "REPORT_PDF_READY", title: "Trades of 2026-03-02", pdf: "%PDF" }]);
  const [, format, mail] = worker.emittedMessages as Message[];
  expect(format.lines).toEqual(["Transfers: 2", "Volume: 12.05", "1. alice to bob: 1200"]);
  expect(mail).toEqual({ type: "SEND_REPORT", subject: "Trades of 2026-03-02", attachment: "%PDF" });
  expect(worker.result).toEqual({ title: "Trades of 2026-03-02", bytes: 4 });
});

test("a day adds up its trades and keeps the five largest", async () => {
  const day = new DataAggregatorServiceWorker();
  for (let amount = 1; amount <= 7; amount += 1) {
    await day.processMessage({ type: "RECORD_TRADE", day: "2026-03-02", from: `f${amount}`, to: "t", amount });
  }
  await day.processMessage({ type: "FETCH_DAILY_TRADES", day: "2026-03-02" }, { from: "DailyReport/1" });
  expect(day.address).toBe("DataAggregatorService/2026-03-02");
  expect(day.emitted[0].to).toBe("DailyReport/1");
  expect(day.emitted[0].message).toMatchObject({ count: 7, volume: 28 });
  expect(day.emitted[0].message.largest.map((trade: { amount: number }) => trade.amount)).toEqual([7, 6, 5, 4, 3]);
});

test("a PDF says where its objects are", async () => {
  const worker = new ReportFormattingServiceWorker();
  await worker.processMessage({ type: "FORMAT_AS_PDF", title: "Día (1)", lines: [] }, { from: "DailyReport/1" });
  const { pdf } = worker.emittedMessages[0] as { pdf: string };
  expect(pdf).toMatch(/^%PDF-1\.4\n/);
  expect(pdf).toContain("D?a \\(1\\)");
  const [, offset] = pdf.match(/startxref\n(\d+)\n%%EOF\n$/)!;
  expect(pdf.slice(Number(offset))).toMatch(/^xref/);
});

test("mails leave by the outbox", async () => {
  const worker = new EmailDistributionServiceWorker();
  await worker.processMessage({ type: "SEND_REPORT", subject: "s", attachment: "%PDF" });
  expect(worker.getState("counts")).toEqual({ sent: 1 });
  expect(worker.emittedMessages).toMatchObject([{ subject: "s", attachments: [{ type: "application/pdf", content: "%PDF" }] }]);
});
