// Adds up the trades of each day: a daemon with one instance for each day.

const LARGEST_KEPT = 5;

export const DataAggregatorService = act(() =>
  withState(() => ({ count: 0, volume: 0, largest: [] }), day =>
    whileLoop(() =>
      waitFor(m => m.type === "RECORD_TRADE" || m.type === "FETCH_DAILY_TRADES", message =>
        whenState(
          readState(message, m => m.type === "RECORD_TRADE"),
          modifyState(day, computeState([message], trade => d => ({
            count: d.count + 1,
            volume: d.volume + trade.amount,
            largest: withTrade(d.largest, trade),
          }))),
          send(sender(message), computeState([day, message], (d, m) => ({
            type: "DAILY_TRADES_DATA",
            day: m.day,
            ...d,
          }))),
        ),
      ),
    ), { as: "day" },
  ),
  { daemon: true, key: m => m.day },
);

// Equal amounts are ordered by their parties, so that the result does not depend on who came first.
function withTrade(largest, { from, to, amount }) {
  return [...largest, { from, to, amount }]
    .sort((a, b) => b.amount - a.amount || (a.from + a.to < b.from + b.to ? -1 : 1))
    .slice(0, LARGEST_KEPT);
}
