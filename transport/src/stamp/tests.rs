//! Stamps of a story: one root, one trace, causes in a chain.

use super::*;

fn id(byte: u8) -> MessageId {
    MessageId([byte; 16])
}

#[test]
fn a_story_keeps_its_root_and_its_trace() {
    let first = Stamp::root(id(1), HybridTime::new(1, 0), None);
    assert_eq!((first.cause, first.root), (None, id(1)));
    assert_eq!(first.trace.trace_id, id(1).0);
    let second = first.caused(id(2), HybridTime::new(2, 0));
    let third = second.caused(id(3), HybridTime::new(3, 0));
    assert_eq!(
        (third.id, third.cause, third.root),
        (id(3), Some(id(2)), id(1))
    );
    assert_eq!(third.trace.trace_id, id(1).0);
    assert_ne!(third.trace.span_id, second.trace.span_id);
}

#[test]
fn the_trace_of_the_caller_is_continued() {
    let caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    let caller = TraceContext::parse(caller, Some("vendor=1")).unwrap();
    let stamp = Stamp::root(id(1), HybridTime::new(1, 0), Some(&caller));
    assert_eq!(stamp.trace.trace_id, caller.trace_id);
    assert_eq!(stamp.trace.state, caller.state);
    assert!(!stamp.trace.is_sampled());
    assert_ne!(stamp.trace.span_id, caller.span_id);
}
