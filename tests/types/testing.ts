// Tests of workers: messages and configs are those of the worker under test.

import { Bank } from "./commands.ts";
import { Exposure, Watches } from "./reactive.ts";

describe("the bank", () => {
  test("takes deposits", async () => {
    const bank = new Bank({ config: { limit: 5, items: [] }, key: 1 });
    await bank.processMessage({ type: "DEPOSIT", amount: 1 });
    await bank.processMessages([{ type: "DEPOSIT", amount: 2 }, { type: "WITHDRAW", amount: 1 }]);
    expect(bank.getState("account")).toMatchObject({ balance: 3 });
    expect(bank.emittedMessages).toContainMessage({ type: "ADD" });
    expect(bank.status).toBe("waiting");
    // @ts-expect-error: no message has that type
    await bank.processMessage({ type: "DEPOSITT", amount: 1 });
    // @ts-expect-error: the config is another
    new Bank({ config: { limit: "5", items: [] } });
    // @ts-expect-error: no run has that status
    const ended: boolean = bank.status === "over";
  });
});

declare const Rates: Troupe.Address<{ pair: string }, { rate: number }>;

test("the test says what sources say", async () => {
  const watches = new Watches();
  await watches.setSource(stateOf<number>(worker("Risk", "ann"), "score"), 2);
  await watches.setSource(effect(Rates, { pair: "EURUSD" }), { rate: 3 });
  await watches.setSource(Exposure("ann"), new RangeError("unknown"));
  const read: string[] = watches.sources;
  // @ts-expect-error: the function is one of numbers
  await watches.setSource(Exposure("ann"), "much");
});
