//! The hybrid clock only goes forward, and its printed form parses back.

use proptest::prelude::*;

use super::*;

#[test]
fn a_clock_that_stands_still_counts_and_flows_over() {
    let time = HybridTime::new(1_000, 0);
    assert_eq!(time.tick(1_000), HybridTime::new(1_000, 1));
    assert_eq!(time.tick(999), HybridTime::new(1_000, 1));
    assert_eq!(time.tick(1_001), HybridTime::new(1_001, 0));
    assert_eq!(
        HybridTime::new(1_000, u16::MAX).tick(5),
        HybridTime::new(1_001, 0)
    );
}

#[test]
fn what_was_seen_comes_before() {
    let (here, seen) = (HybridTime::new(1_000, 7), HybridTime::new(5_000, 2));
    assert_eq!(here.merge(seen, 1_001), HybridTime::new(5_000, 3));
    assert_eq!(seen.merge(here, 1_001), HybridTime::new(5_000, 3));
    assert_eq!(here.merge(seen, 9_000), HybridTime::new(9_000, 0));
    assert_eq!((seen.ahead_ms(4_000), seen.ahead_ms(6_000)), (1_000, 0));
}

#[test]
fn the_largest_time_prints_and_parses() {
    let most = HybridTime::new(u64::MAX, u16::MAX);
    assert_eq!(most.to_string(), format!("{MILLIS_MAX}.65535"));
    assert_eq!(most.to_string().parse(), Ok(most));
    assert_eq!(most.tick(u64::MAX), most);
    for text in [
        "",
        "1",
        "1.",
        ".1",
        "1.65536",
        "-1.0",
        "+1.0",
        "1.0.0",
        "281474976710656.0",
    ] {
        assert_eq!(text.parse::<HybridTime>(), Err(TimeError), "{text:?}");
    }
}

proptest! {
    #[test]
    fn ticks_and_merges_are_later_than_all_that_was_given(
        here in 0..u64::MAX - 1, seen in 0..u64::MAX - 1, wall in 0..=MILLIS_MAX,
    ) {
        let (here, seen) = (HybridTime::from_packed(here), HybridTime::from_packed(seen));
        prop_assert!(here.tick(wall) > here);
        prop_assert!(here.tick(wall).millis() >= wall);
        let merged = here.merge(seen, wall);
        prop_assert!(merged > here && merged > seen && merged.millis() >= wall);
        prop_assert_eq!(merged.to_string().parse(), Ok(merged));
    }
}
