// Workers for the tests of `troupe test`: a child, calls, delays, states with names, failures.

export const prices = { apple: 3, pear: 4 };

const Packer = act((self, { config, outbox, complete }) =>
  withState(() => ({ packed: 0 }), box =>
    waitFor(m => m.type === "PACK", pack =>
      sequence(() => [
        modifyState(box, computeState([pack], m => b => ({ packed: b.packed + m.count }))),
        send(Warehouse, readState(config, c => ({ type: "TAKE", order: c.order }))),
        send(outbox, { type: "PACKED" }),
        complete(readState(box, b => b.packed)),
      ]),
    ),
  ),
);

export const ShopWorker = act((self, { fail, outbox, config }) =>
  withState(() => ({ log: [] }), orders =>
    whileLoop(() =>
      waitFor(m => true, order =>
        sequence(() => [
          whenState(readState(order, o => o.type === "PRICE"),
            call(Prices, readState(order, o => ({ fruit: o.fruit })), answer =>
              sequence(() => [
                reply(order, readState(answer, a => a.price)),
                modifyState(orders, computeState([answer], a => s => ({ log: [...s.log, a.price] }))),
              ]),
              { timeout: 1000, otherwise: send(outbox, { type: "NO_PRICE" }) }),
          ),
          whenState(readState(order, o => o.type === "SHIP"),
            spawn(Packer, { order: 7 }, packer => waitFor(m => m.type === "PACKED", () => send(outbox, { type: "SHIPPED" }))),
          ),
          whenState(readState(order, o => o.type === "REMIND"),
            sequence(() => [delay(60_000), send(outbox, { type: "REMINDER", at: readState(order, () => Date.now()) })]),
          ),
          whenState(readState(order, o => o.type === "BREAK"), modifyState(orders, () => undefined.broken)),
          whenState(readState(order, o => o.type === "KEEP"), modifyState(orders, () => new Map([["at", new Date(5)]]))),
          whenState(readState(order, o => o.type === "GIVE_UP"), fail({ reason: "tired" })),
          whenState(readState(order, o => o.type === "WHO"), send(outbox, readState(config, c => ({ self, config: c })))),
        ]),
      ),
    ),
    { as: "orders" },
  ),
);
