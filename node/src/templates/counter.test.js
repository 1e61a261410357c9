import { Counter } from "./counter.js";

test("a counter adds up", async () => {
  const apples = new Counter();
  await apples.processMessages([
    { type: "add", name: "apples", amount: 3 },
    { type: "add", name: "apples", amount: 4 },
  ]);

  expect(apples.address).toBe("Counter/apples");
  expect(apples.getState("total")).toBe(7);
  expect(apples.emittedMessages).toEqual([
    { type: "total", name: "apples", total: 3 },
    { type: "total", name: "apples", total: 7 },
  ]);
});
