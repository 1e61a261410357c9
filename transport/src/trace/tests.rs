//! W3C trace context: what is accepted, what is refused, and derived ids.

use proptest::prelude::*;

use super::*;

const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[test]
fn the_example_of_the_standard_parses_and_prints() {
    let context =
        TraceContext::parse(EXAMPLE, Some("congo=t61rcWkgMzE,rojo=00f067aa0ba902b7")).unwrap();
    assert!(context.is_sampled());
    assert_eq!(context.traceparent(), EXAMPLE);
    let state = context.state.unwrap();
    assert_eq!(state.as_str(), "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7");
}

#[test]
fn malformed_parents_are_refused() {
    let zero_trace = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
    let zero_span = "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01";
    assert_eq!(zero_trace.parse::<TraceContext>(), Err(TraceError::Zero));
    assert_eq!(zero_span.parse::<TraceContext>(), Err(TraceError::Zero));
    assert_eq!(
        EXAMPLE.replace("00-4", "ff-4").parse::<TraceContext>(),
        Err(TraceError::Version)
    );
    assert_eq!(
        format!("{EXAMPLE}-00").parse::<TraceContext>(),
        Err(TraceError::Form)
    );
    assert_eq!("".parse::<TraceContext>(), Err(TraceError::Form));
    assert_eq!("00-aa-bb".parse::<TraceContext>(), Err(TraceError::Form));
    let upper = EXAMPLE.to_ascii_uppercase();
    assert!(matches!(
        upper.parse::<TraceContext>(),
        Err(TraceError::Digits(_))
    ));
}

#[test]
fn a_later_version_may_say_more() {
    let later = format!("{}-more-of-it", EXAMPLE.replace("00-4", "01-4"));
    assert_eq!(
        later.parse::<TraceContext>().unwrap().traceparent(),
        EXAMPLE
    );
}

#[test]
fn a_bad_state_is_left_out() {
    for state in [
        "",
        "  ",
        "tab\there",
        "größe",
        &"x".repeat(TRACE_STATE_BYTES_MAX + 1),
    ] {
        assert_eq!(TraceState::new(state), Err(TraceError::State));
        assert_eq!(
            TraceContext::parse(EXAMPLE, Some(state)).unwrap().state,
            None
        );
    }
    let longest = "x".repeat(TRACE_STATE_BYTES_MAX);
    assert!(
        TraceContext::parse(EXAMPLE, Some(&longest))
            .unwrap()
            .state
            .is_some()
    );
}

#[test]
fn ids_come_from_the_message_and_the_hop() {
    let id = MessageId([5; 16]);
    let root = TraceContext::root(id);
    assert_eq!((root.trace_id, root.is_sampled()), (id.0, true));
    assert_eq!(root.child(id, HopKind::Turn), root.child(id, HopKind::Turn));
    let hops = [
        HopKind::Door,
        HopKind::Commit,
        HopKind::Turn,
        HopKind::Send,
        HopKind::Deliver,
        HopKind::Effect,
        HopKind::Timer,
    ];
    let spans: std::collections::BTreeSet<_> = hops.map(|hop| span_id(id, hop)).into();
    assert_eq!(spans.len(), hops.len());
    // Span ids are in stored traces: this value must never change.
    let turn = root.child(id, HopKind::Turn).traceparent();
    assert_eq!(
        turn,
        "00-05050505050505050505050505050505-a637ced305a9856a-01"
    );
    assert_ne!(TraceContext::root(MessageId([0; 16])).trace_id, [0; 16]);
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in "\\PC*") {
        let _ = text.parse::<TraceContext>();
        let _ = TraceState::new(&text);
    }

    #[test]
    fn what_is_printed_parses_back(trace: [u8; 16], span: [u8; 8], flags: u8) {
        prop_assume!(trace != [0; 16] && span != [0; 8]);
        let context = TraceContext { trace_id: trace, span_id: span, flags, state: None };
        prop_assert_eq!(context.traceparent().parse(), Ok(context));
    }
}
