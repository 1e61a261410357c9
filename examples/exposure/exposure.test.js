// A desk that waits for the exposure of a customer, and the exposure itself: the test says what the accounts say.

import { Desk, Exposure, Worth } from "./exposure.js";

const WATCH = { type: "WATCH", customer: "ann", limit: 1000 };

describe("the desk", () => {
  test("says when the exposure passes the limit, and when it is below again", async () => {
    const desk = new Desk();
    await desk.processMessage(WATCH);
    await desk.setSource(Exposure("ann"), 1000);
    expect(desk.emittedMessages).toEqual([]);
    await desk.setSource(Exposure("ann"), 1200);
    await desk.setSource(Exposure("ann"), 900);
    expect(desk.emittedMessages).toEqual([{ type: "ABOVE", exposure: 1200 }, { type: "BELOW", exposure: 900 }]);
  });

  test("fails where the exposure cannot be computed", async () => {
    const desk = new Desk();
    await desk.processMessage(WATCH);
    await desk.setSource(Exposure("ann"), new RangeError("too many accounts"));
    expect(desk.failures[0].error).toMatchObject({ code: "E0343", message: expect.stringContaining("too many accounts") });
  });
});

describe("the exposure", () => {
  const euros = balance => ({ balance, currency: "EUR" });

  test("is the sum over all accounts of the customer", async () => {
    const desk = new Desk();
    await desk.processMessage(WATCH);
    await desk.setSource(stateOf("Customer/ann", "accounts"), ["a1", "a2"]);
    await desk.setSource(stateOf("Account/a1", "account"), euros(700));
    expect(desk.emittedMessages).toEqual([]);
    await desk.setSource(stateOf("Account/a2", "account"), euros(400));
    expect(desk.emittedMessages).toEqual([{ type: "ABOVE", exposure: 1100 }]);
  });

  test("asks for the rate of an account in another currency", async () => {
    const desk = new Desk();
    await desk.processMessage(WATCH);
    await desk.setSource(stateOf("Customer/ann", "accounts"), ["a1", "a2"]);
    await desk.setSource(Worth("a2"), 0);
    await desk.setSource(stateOf("Account/a1", "account"), { balance: 600, currency: "USD" });
    expect(desk.sources).toContain('effect("Rates", {"from":"USD","to":"EUR"})');
    await desk.setSource(effect(Rates, { from: "USD", to: "EUR" }), { rate: 2 });
    await desk.setSource(effect(Rates, { from: "USD", to: "EUR" }), { rate: 1 });
    expect(desk.emittedMessages).toEqual([{ type: "ABOVE", exposure: 1200 }, { type: "BELOW", exposure: 600 }]);
  });
});
