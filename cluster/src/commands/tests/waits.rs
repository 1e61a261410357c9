//! Scripts that wait in a shard: for a time, in several branches, and across a failure.

use super::scripts::{bench, say};
use super::*;

const ORDER: &str = "
export const Order = act((self, { outbox, fail }) => whileLoop(() => sequence([
  waitFor(m => m.type === 'paid', m => whenState(readState(m, m => m.bad), fail('bad'), send(outbox, 'thanks')), {
    timeout: 1000,
    otherwise: send(outbox, 'late'),
  }),
])), { daemon: true });
";

pub(super) fn output(bench: &Bench, of: &str) -> Vec<String> {
    let page = query::output(bench.shard.store(), &address(of), 0, 100).unwrap();
    let values = page.unwrap().items.into_iter();
    values
        .map(|item| item.record.body.data().unwrap().to_json())
        .collect()
}

#[test]
fn a_wait_gives_up_after_its_time() {
    let mut bench = bench(&[("order.js", ORDER)]);
    assert_eq!(bench.timer(), Some(2000));
    bench.pass(1000);
    assert_eq!(output(&bench, "Order/default"), [r#""late""#]);
    bench.now_ms += 900;
    say(&mut bench, "Order", r#"{ "type": "paid" }"#);
    bench.pass(200);
    assert_eq!(
        output(&bench, "Order/default"),
        [r#""late""#, r#""thanks""#]
    );
}

#[test]
fn a_worker_that_fails_is_back_at_a_wait_whose_time_goes_on() {
    let mut bench = bench(&[("order.js", ORDER)]);
    bench.now_ms += 950;
    say(&mut bench, "Order", r#"{ "type": "paid", "bad": true }"#);
    // The time is over during the rest, and counts after it.
    bench.pass(60);
    assert_eq!(output(&bench, "Order/default"), [] as [&str; 0]);
    bench.pass(50);
    assert_eq!(output(&bench, "Order/default"), [r#""late""#]);
}
