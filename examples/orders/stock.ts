// The stock: a daemon with one instance for each item.

import type { Answer, ForStock, Reserve } from "./messages.ts";

const FIRST_DELIVERY = 10;

export const Stock = act<ForStock>(() =>
  withState(() => ({ left: FIRST_DELIVERY }), stock =>
    whileLoop(() =>
      when((m: ForStock): m is Reserve => m.type === "RESERVE",
        order => whenState(
          computeState([stock, order], (s, o) => s.left >= o.count),
          sequence(() => [
            modifyState(stock, computeState([order], o => s => ({ left: s.left - o.count }))),
            reply(order, readState(stock, (s): Answer => ({ type: "RESERVED", left: s.left }))),
          ]),
          reply(order, readState(stock, (s): Answer => ({ type: "SOLD_OUT", left: s.left }))),
        ),
        delivery => modifyState(stock, computeState([delivery], d => s => ({ left: s.left + d.count }))),
      ),
    ), { as: "stock" },
  ),
  { daemon: true, key: m => m.item },
);
