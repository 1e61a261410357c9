//! Envelopes come back equal, and no bytes make decoding fail other than by an error.

use proptest::prelude::*;

use super::*;
use crate::address::Namespace;
use crate::clock::HybridTime;
use crate::ids::MessageId;
use crate::trace::{TraceContext, TraceState};

fn addresses() -> impl Strategy<Value = Address> {
    let key = proptest::option::of("\\PC{1,40}");
    ("[a-z]{1,10}", "[^/\\p{Cc}]{1,20}", key).prop_map(|(namespace, name, key)| {
        // A prefix keeps the reserved names out.
        let namespace = Namespace::new(&format!("n{namespace}")).unwrap();
        Address::new(namespace, name, key).unwrap()
    })
}

fn stamps() -> impl Strategy<Value = Stamp> {
    let state = proptest::option::of("[!-~]{1,60}");
    let trace = (any::<[u8; 16]>(), any::<[u8; 8]>(), any::<u8>(), state);
    let trace = trace.prop_map(|(trace_id, span_id, flags, state)| TraceContext {
        trace_id,
        span_id,
        flags,
        state: state.map(|state| TraceState::new(&state).unwrap()),
    });
    (
        any::<[u8; 16]>(),
        any::<Option<[u8; 16]>>(),
        any::<[u8; 16]>(),
        any::<u64>(),
        trace,
    )
        .prop_map(|(id, cause, root, time, trace)| Stamp {
            id: MessageId(id),
            cause: cause.map(MessageId),
            root: MessageId(root),
            time: HybridTime::from_packed(time),
            trace,
        })
}

fn envelopes() -> impl Strategy<Value = Envelope> {
    let from = proptest::option::of(addresses());
    let body = proptest::collection::vec(any::<u8>(), 0..300);
    (stamps(), from, addresses(), any::<Option<[u8; 32]>>(), body).prop_map(
        |(stamp, from, to, program, body)| Envelope {
            stamp,
            from,
            to,
            program,
            body: Bytes::from(body),
        },
    )
}

proptest! {
    #[test]
    fn an_envelope_is_read_back_equal(envelope in envelopes()) {
        let bytes = envelope.encode().unwrap();
        prop_assert_eq!(Envelope::decode(&bytes), Ok(envelope));
    }

    #[test]
    fn damage_is_an_error_or_another_envelope(
        envelope in envelopes(), at: prop::sample::Index, bit in 0u8..8, cut: prop::sample::Index,
    ) {
        let mut bytes = envelope.encode().unwrap().to_vec();
        let cut = cut.index(bytes.len());
        prop_assert!(Envelope::decode(&bytes[..cut]).is_err());
        let at = at.index(bytes.len());
        bytes[at] ^= 1u8 << bit;
        if let Ok(other) = Envelope::decode(&bytes) {
            let bytes = other.encode().unwrap();
            prop_assert_eq!(Envelope::decode(&bytes), Ok(other));
        }
        bytes[at] ^= 1u8 << bit;
        bytes.push(0);
        prop_assert_eq!(Envelope::decode(&bytes), Err(DecodeError::Trailing { bytes: 1 }));
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Envelope::decode(&bytes);
        let mut versioned = vec![codec::VERSION];
        versioned.extend(bytes);
        let _ = Envelope::decode(&versioned);
    }
}

#[test]
fn too_large_a_body_is_refused_on_both_sides() {
    let stamp = Stamp::root(MessageId([1; 16]), HybridTime::new(1, 0), None);
    let to = Address::bare(Namespace::default(), "A").unwrap();
    let body = Bytes::from(vec![0; ENVELOPE_BYTES_MAX]);
    let envelope = Envelope {
        stamp,
        from: None,
        to,
        program: None,
        body,
    };
    assert!(matches!(
        envelope.encode(),
        Err(EncodeError::TooLarge { .. })
    ));
    let bytes = vec![codec::VERSION; ENVELOPE_BYTES_MAX + 1];
    assert!(matches!(
        Envelope::decode(&bytes),
        Err(DecodeError::TooLarge { .. })
    ));
}
