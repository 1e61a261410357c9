// The names of tests, tested by themselves: what each matcher takes, and what it says where it fails.

const said = (fails, ...parts) => {
  let message = "nothing was thrown";
  try {
    fails();
  } catch (error) {
    message = error.message;
  }
  for (const part of parts) expect(message).toContain(part);
};

describe("equality", () => {
  test("toBe is identity", () => {
    expect(NaN).toBe(NaN);
    expect(0).not.toBe(-0);
    said(() => expect({}).toBe({}), "use `toEqual`");
    said(() => expect(1).toBe(2), "expected: 2", "received: 1");
    said(() => expect(1).not.toBe(1), "expect(received).not.toBe(expected)");
  });

  test("toEqual compares structure", () => {
    expect({ a: 1, b: undefined }).toEqual({ a: 1 });
    expect({ a: 1, b: undefined }).not.toStrictEqual({ a: 1 });
    expect([new Date(5), /a/g, new Map([["k", { v: 1 }]]), new Set([{ x: 1 }])])
      .toEqual([new Date(5), /a/g, new Map([["k", { v: 1 }]]), new Set([{ x: 1 }])]);
    expect(new Map([["k", 1]])).not.toEqual(new Map([["k", 2]]));
    expect(new Set([1, 2])).not.toEqual(new Set([1, 3]));
    expect([1, [2]]).not.toEqual([1, [3]]);
    expect([1]).not.toEqual({ 0: 1, length: 1 });
    expect(new TypeError("x")).not.toEqual(new Error("x"));
    const ring = { a: 1 };
    ring.ring = ring;
    const other = { a: 1 };
    other.ring = other;
    expect(ring).toEqual(other);
    said(() => expect(ring).toEqual({ a: 2 }), "[circular]", "- ", "+ ");
  });

  test("a diff shows what differs, line by line", () => {
    said(
      () => expect([{ type: "a", n: 1 }, { type: "b" }]).toEqual([{ type: "a", n: 2 }, { type: "b" }]),
      "- expected\n+ received\n\n  [\n    {\n      type: \"a\",\n-     n: 2,\n+     n: 1,\n    },\n    {\n      type: \"b\",\n    },\n  ]",
    );
  });

  test("a long diff leaves out equal lines", () => {
    const list = Array.from({ length: 100 }, (_, at) => at);
    said(() => expect([...list, 1]).toEqual([...list, 2]), "… 98 equal lines …", "-   2,", "+   1,");
  });

  test("toMatchObject and asymmetric values hold parts", () => {
    expect({ a: { b: 1, c: 2 }, d: [1, { e: 2, f: 3 }] }).toMatchObject({ a: { b: 1 }, d: [1, { e: 2 }] });
    expect({ d: [1, 2] }).not.toMatchObject({ d: [1] });
    expect({ n: 5, s: "hello", l: [1, 2], f: 0.1 + 0.2 }).toEqual({
      n: expect.any(Number), s: expect.stringMatching(/^h/), l: expect.arrayContaining([2]), f: expect.closeTo(0.3),
    });
    expect([null]).not.toEqual([expect.anything()]);
    said(() => expect({ a: 1, b: 2 }).toMatchObject({ a: 3 }), "-   a: 3", "+   a: 1");
  });
});

describe("the others", () => {
  test("lists", () => {
    expect([1, 2]).toContain(2);
    expect("hello").toContain("ell");
    expect([{ a: 1 }]).toContainEqual({ a: 1 });
    expect([{ type: "a", n: 1 }]).toContainMessage({ type: "a" });
    expect(new Set([1])).toContain(1);
    expect([1, 2]).toHaveLength(2);
    said(() => expect([{ a: 1 }]).toContain({ a: 1 }), "use `toContainEqual`");
    said(() => expect([{ type: "a", n: 1 }, { type: "b", n: 2 }]).toContainMessage({ type: "b", n: 3 }),
      "the closest of 2 messages differs", "-   n: 3", "+   n: 2");
    said(() => expect([]).toContainMessage({}), "received: no message");
    said(() => expect(5).toContain(5), "needs a list");
  });

  test("numbers", () => {
    expect(2).toBeGreaterThan(1);
    expect(2).toBeGreaterThanOrEqual(2);
    expect(1).toBeLessThan(2);
    expect(2).toBeLessThanOrEqual(2);
    expect(0.1 + 0.2).toBeCloseTo(0.3);
    said(() => expect(1).toBeGreaterThan(1), "expected: > 1", "received: 1");
    said(() => expect(undefined).toBeGreaterThan(1), "received: undefined");
  });

  test("kinds", () => {
    expect(undefined).toBeUndefined();
    expect(null).toBeNull();
    expect(0).toBeDefined();
    expect(1).toBeTruthy();
    expect("").toBeFalsy();
    expect(NaN).toBeNaN();
    expect([]).toBeInstanceOf(Array);
    expect({ a: { b: [1] } }).toHaveProperty("a.b", [1]);
    expect({}).not.toHaveProperty("a");
    expect("abc").toMatch(/b/);
  });

  test("errors", async () => {
    const fails = () => {
      throw new TypeError("no such thing");
    };
    expect(fails).toThrow();
    expect(fails).toThrow("such");
    expect(fails).toThrow(/^no/);
    expect(fails).toThrow(TypeError);
    expect(() => {}).not.toThrow();
    said(() => expect(fails).toThrow("other"), "an error whose message has \"other\"", "[TypeError: no such thing]");
    said(() => expect(() => {}).toThrow(), "nothing was thrown");
    said(() => expect(5).toThrow(), "needs a function");
    await expect(Promise.resolve(5)).resolves.toBe(5);
    await expect(Promise.reject(new Error("late"))).rejects.toThrow("late");
    await expect(Promise.reject({ code: 5 })).rejects.toEqual({ code: 5 });
    await expect((async () => said(() => {}))()).resolves.toBeUndefined().catch(() => {});
  });
});

describe("hooks", () => {
  const order = [];
  beforeAll(() => { order.push("all"); });
  beforeEach(async () => { order.push("each"); });
  afterEach(() => { order.push("after"); });

  describe("inside", () => {
    beforeEach(() => { order.push("inner"); });
    test("run from the outside in", () => {
      expect(order).toEqual(["all", "each", "inner"]);
    });
  });

  test("and again for each test", () => {
    expect(order).toEqual(["all", "each", "inner", "after", "each"]);
  });

  test.each([
    { a: 1, b: 2, sum: 3 },
    { a: 2, b: 2, sum: 4 },
  ])("$a + $b is $sum", ({ a, b, sum }) => {
    expect(a + b).toBe(sum);
  });
});

test("there are no timers, and it is said", () => {
  expect(() => setTimeout(() => {}, 5)).toThrow("worker.advance(ms)");
  expect(() => test("inner", () => {})).toThrow("inside another test");
});
