// Orders in TypeScript, in several files: this one is deployed, and what it imports comes along.
//
//   troupe dev examples/orders/orders.ts
//   troupe send Order '{ "type": "PLACE", "order": "o-1", "item": "apples", "count": 3, "cents": 250 }'

import type { Answer, Place } from "./messages.ts";
import { inEuros } from "./money.ts";
import { Stock } from "./stock.ts";

export { Stock };

export const Order = act<Place>((self, { outbox, complete, fail }) =>
  waitFor((m: Place) => m.type === "PLACE", place =>
    call(Stock,
      readState(place, p => ({ type: "RESERVE", order: p.order, item: p.item, count: p.count })),
      answer => whenState(
        readState(answer, (a: Answer) => a.type === "RESERVED"),
        sequence(() => [
          send(outbox, readState(place, p => ({ order: p.order, text: `${p.count} ${p.item} for ${inEuros(p.count * p.cents)}` }))),
          complete(computeState([place, answer], (p, a: Answer) => ({ order: p.order, left: a.left }))),
        ]),
        fail(readState(place, p => `there are not ${p.count} ${p.item} left`)),
      ),
      { timeout: 5000, otherwise: fail("the stock did not answer") },
    ),
  ),
);
