// What a test can do with a worker: services, calls, time, children, failures, options.

import { prices, ShopWorker } from "./shop.js";
import type { Nothing } from "./nothing-is-read-of-types";

enum Fruit {
  Apple = "apple",
  Pear = "pear",
}

class Till {
  constructor(private readonly taken: number[] = []) {}
  answer = ({ fruit }: { fruit: Fruit }): { price: number } | undefined => {
    const price = prices[fruit];
    if (price !== undefined) this.taken.push(price);
    return price === undefined ? undefined : { price };
  };
  get sum(): number {
    return this.taken.reduce((a, b) => a + b, 0);
  }
}

test("a script's other exports are as they are, and its workers have two names", () => {
  expect(prices).toEqual({ apple: 3, pear: 4 });
  expect(Shop).toBe(ShopWorker);
});

test("services answer calls, and the worker answers the test", async () => {
  const till = new Till();
  const shop = new ShopWorker();
  shop.answer("Prices", till.answer);
  expect(await shop.call({ type: "PRICE", fruit: Fruit.Pear })).toBe(4);
  await shop.processMessage({ type: "PRICE", fruit: Fruit.Apple }, { from: "Customer/1" });
  expect(shop.emitted.map(({ to, kind, message }) => [to, kind, message])).toContainEqual(["Customer/1", "send", 3]);
  expect(till.sum).toBe(7);
  expect(shop.getState("orders")).toEqual({ log: [4, 3] });
});

test("the test answers by itself, or not at all", async () => {
  const shop = new ShopWorker();
  await shop.processMessage({ type: "PRICE", fruit: "kiwi" }, { from: "Customer/1" });
  expect(shop.openCalls).toEqual([{ from: "ShopWorker/default", to: "Prices", message: { fruit: "kiwi" } }]);
  expect(() => shop.reply("Http", {})).toThrow("no call to `Http` waits for an answer: there are `Prices`");
  await shop.reply("Prices", { price: 9 });
  expect(shop.getState().log).toEqual([9]);

  shop.answer("Prices", () => undefined);
  await shop.processMessage({ type: "PRICE", fruit: "kiwi" });
  await shop.advance(999);
  expect(shop.emittedMessages).not.toContainMessage({ type: "NO_PRICE" });
  await shop.advance(1);
  expect(shop.emittedMessages).toContainMessage({ type: "NO_PRICE" });
  expect(shop.openCalls).toEqual([]);
});

test("time passes only by advance", async () => {
  const shop = new ShopWorker({ now: "2026-03-02T12:00:00Z" });
  shop.processMessage({ type: "REMIND" });
  shop.advance(59_999);
  expect(shop.emitted).toEqual([]);
  shop.advance(1);
  expect(shop.emitted).toEqual([{
    at: 60_000, from: "ShopWorker/default", to: "outbox", kind: "send",
    message: { type: "REMINDER", at: Date.parse("2026-03-02T12:01:00Z") },
  }]);
  expect(() => shop.advance(-1)).toThrow(RangeError);
});

test("children take part, with messages of their own", async () => {
  const shop = new ShopWorker();
  await shop.processMessage({ type: "SHIP" });
  const [packer] = shop.children;
  expect(packer.name).toBe("Packer");
  await packer.processMessage({ type: "PACK", count: 2 });
  expect(packer).toMatchObject({ status: "completed", result: 2 });
  expect(shop.emittedMessages).toEqual([{ type: "TAKE", order: 7 }, { type: "SHIPPED" }]);
});

test("failures can be expected", async () => {
  const shop = new ShopWorker();
  await shop.processMessage({ type: "BREAK" });
  expect(shop.status).toBe("failed");
  expect(shop.error).toMatchObject({ code: "E0301", message: expect.stringContaining("broken") });
  expect(shop.error.stack[0]).toContain("shop.js:");
  expect(shop.deadLetters[0].message).toEqual({ type: "BREAK" });
  const tired = new ShopWorker();
  await tired.processMessage({ type: "GIVE_UP" });
  expect(tired.failures[0].error).toMatchObject({ code: "E0305", value: { reason: "tired" } });
});

test("state has maps and dates as they are", async () => {
  const shop = new ShopWorker();
  await shop.processMessage({ type: "KEEP" });
  expect(shop.getState()).toEqual(new Map([["at", new Date(5)]]));
});

test("options are config, key, seed and now", async () => {
  const shop = new ShopWorker({ config: { open: true }, key: "north", seed: 5 });
  await shop.processMessage({ type: "WHO" });
  expect(shop.emittedMessages).toEqual([{ self: { $address: "ShopWorker/north" }, config: { open: true } }]);
  expect(() => new ShopWorker({ kee: 1 } as any)).toThrow("`kee` is no option");
  expect(() => new ShopWorker({ now: "soon" })).toThrow("no time");
});

test("what is no message is refused", () => {
  const shop = new ShopWorker();
  expect(() => shop.processMessage(undefined)).toThrow("cannot be undefined");
  expect(() => shop.processMessage({ a: new Map() })).toThrow("cannot hold a Map (at `a`)");
  expect(() => shop.processMessage({ f: () => 1 })).toThrow("cannot hold a function");
  expect(() => shop.processMessage({ $x: 1 })).toThrow("reserved");
});
