// What a test can do with sources: states, reactive functions, effects, errors, and what is refused.

import { Hourly, Limits, Price, Total } from "./limits.js";

const waiting = order => {
  const limits = new Limits();
  limits.processMessage(order);
  return limits;
};
const TOTAL = { type: "TOTAL" };

test("a worker waits for a state of a worker that the test plays", async () => {
  const limits = waiting({ type: "PHASE", job: "j1" });
  await limits.setSource(stateOf("Job/j1", "phase"), "runs");
  expect(limits.emittedMessages).toEqual([]);
  await limits.setSource(stateOf("Job/j1", "phase"), "done");
  expect(limits.emittedMessages).toEqual([{ phase: "done" }]);
});

test("a state has the value that was set, also `undefined`", async () => {
  const limits = waiting(TOTAL);
  await limits.setSource(stateOf("Basket/all", "parts"), ["nut"]);
  await limits.setSource(Price("nut"), 4);
  await limits.setSource(stateOf("Basket/all", "parts"), undefined);
  expect(limits.sources).toEqual(["Total()", 'stateOf("Basket/all", "parts")']);
  await limits.setSource(stateOf(globalThis.worker("Basket", "all"), "parts"), ["nut", "nut", "nut"]);
  expect(limits.emittedMessages).toEqual([12]);
});

test("a function that is set keeps its value for the next wait", async () => {
  const limits = waiting(TOTAL);
  await limits.setSource(Total(), 11);
  expect(limits.sources).toEqual([]);
  await limits.processMessage(TOTAL);
  expect(limits.emittedMessages).toEqual([11, 11]);
});

test("an effect is answered by the test, or by a service", async () => {
  const limits = waiting(TOTAL);
  await limits.setSource(stateOf("Basket/all", "parts"), ["nut"]);
  await limits.setSource(stateOf("Part/nut", "stock"), { amount: 2 });
  expect(limits.openCalls).toEqual([{ from: 'Price/["nut"]', to: "Rates", message: { part: "nut" } }]);
  await limits.setSource(effect(Rates, { part: "nut" }), { rate: 2 });
  await limits.setSource(effect("Rates", { part: "nut" }), { rate: 3 });
  expect(limits.openCalls).toEqual([]);
  await limits.setSource(effect(worker("Rates"), { part: "nut" }), { rate: 7 });
  expect(limits.emittedMessages).toEqual([14]);

  const other = new Limits();
  other.answer("Rates", ({ part }) => ({ rate: part.length }));
  other.processMessage(TOTAL);
  other.setSource(stateOf("Basket/all", "parts"), ["screw"]);
  other.setSource(stateOf("Part/screw", "stock"), { amount: 3 });
  expect(other.emittedMessages).toEqual([15]);
});

test("an error is thrown by `get`, and `waitForValue` fails with it", async () => {
  const limits = waiting(TOTAL);
  await limits.setSource(stateOf("Basket/all", "parts"), new RangeError("no basket"));
  expect(limits.emittedMessages).toEqual([{ failed: expect.stringContaining("no basket") }]);
  expect(limits.failures).toEqual([]);
});

test("time passes only by `advance`, for clocks too", async () => {
  const limits = waiting({ type: "HOUR" });
  expect(() => limits.setSource(clock(3_600_000), 0)).toThrow("time passes by `advance`");
  await limits.advance(3_600_000);
  expect(limits.emittedMessages).toEqual(["an hour later"]);
  const late = waiting(TOTAL);
  await late.advance(60_000);
  expect(late.emittedMessages).toEqual(["late"]);
});

test("what is no source, or read by nobody, is refused", () => {
  const limits = waiting(TOTAL);
  const read = "what is read is `Total()`, `stateOf(\"Basket/all\", \"parts\")`";
  expect(() => limits.setSource(stateOf("Basket/other", "parts"), [])).toThrow(
    `nobody reads \`stateOf("Basket/other", "parts")\` now: ${read}`,
  );
  expect(() => limits.setSource(Hourly(), 1)).toThrow("nobody reads `Hourly()` now");
  expect(() => new Limits().setSource(Total(), 1)).toThrow("the worker reads no source");
  expect(() => limits.setSource("Total", 1)).toThrow("is no source: write `stateOf(");
  expect(() => limits.setSource(stateOf(Limits, "parts"), 1)).toThrow("is no address");
  expect(() => limits.setSource(stateOf("Basket/all"), 1)).toThrow("the name of a state");
  expect(() => limits.setSource(stateOf("Basket/all", "parts"), new Map())).toThrow("a value cannot hold a Map");
  expect(() => new Total()).toThrow("is a reactive function, not a worker");
});
