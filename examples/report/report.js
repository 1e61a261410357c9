// The daily report: a task, started by hand with the day that it is for.
//
//   troupe start DailyReport --config '{ "day": "2026-03-02" }'

export const DailyReport = act((self, { complete, config }) =>
  sequence(() => [
    send(DataAggregatorService, { type: "FETCH_DAILY_TRADES", day: readState(config, c => c.day) }),
    waitFor(m => m.type === "DAILY_TRADES_DATA", trades =>
      send(ReportFormattingService, readState(trades, t => ({
        type: "FORMAT_AS_PDF",
        title: `Trades of ${t.day}`,
        lines: [
          `Transfers: ${t.count}`,
          `Volume: ${Math.trunc(t.volume / 100)}.${String(t.volume % 100).padStart(2, "0")}`,
          ...t.largest.map((trade, place) => `${place + 1}. ${trade.from} to ${trade.to}: ${trade.amount}`),
        ],
      }))),
    ),
    waitFor(m => m.type === "REPORT_PDF_READY", report =>
      sequence(() => [
        send(EmailDistributionService, readState(report, r => ({
          type: "SEND_REPORT",
          subject: r.title,
          attachment: r.pdf,
        }))),
        complete(readState(report, r => ({ title: r.title, bytes: r.pdf.length }))),
      ]),
    ),
  ]),
);
