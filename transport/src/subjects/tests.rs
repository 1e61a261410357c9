//! Subjects are built as documented and parse back to what they were built from.

use proptest::prelude::*;

use super::*;

fn subjects() -> Subjects {
    Subjects::new(&ClusterName::new("prod.eu").unwrap())
}

fn parse(subject: &Subject) -> Route {
    subjects().parse(subject.as_str()).unwrap()
}

#[test]
fn subjects_are_as_documented() {
    let (subjects, node) = (subjects(), NodeId(0x2a));
    let shop = Namespace::new("shop").unwrap();
    let cart = Address::instance(shop.clone(), "Cart", "user 7").unwrap();
    let bare = cart.without_key();
    let built = [
        (subjects.hello(), "troupe.prod=2Eeu.hello"),
        (
            subjects.node(node, "door"),
            "troupe.prod=2Eeu.node.000000000000002a.door",
        ),
        (
            subjects.raft(node, RaftChannel::Vote),
            "troupe.prod=2Eeu.node.000000000000002a.raft.vote",
        ),
        (subjects.shard(ShardId(15)), "troupe.prod=2Eeu.shard.15"),
        (
            subjects.service(&cart),
            "troupe.prod=2Eeu.shop.service.Cart",
        ),
        (
            subjects.worker(&cart),
            "troupe.prod=2Eeu.shop.worker.Cart.user=207",
        ),
        (subjects.worker(&bare), "troupe.prod=2Eeu.shop.worker.Cart"),
        (
            subjects.outbox(&cart),
            "troupe.prod=2Eeu.shop.outbox.Cart.user=207",
        ),
    ];
    for (subject, expected) in built {
        assert_eq!(subject.as_str(), expected);
    }
    assert!(subjects.all_workers().matches(&subjects.worker(&cart)));
    assert!(!subjects.all_workers().matches(&subjects.service(&cart)));
    assert!(
        subjects
            .all_outboxes(&shop)
            .matches(&subjects.outbox(&bare))
    );
    assert!(
        subjects
            .node_all(node)
            .matches(&subjects.raft(node, RaftChannel::Append))
    );
    assert!(
        !subjects
            .node_all(NodeId(1))
            .matches(&subjects.node(node, "door"))
    );
}

#[test]
fn private_subjects_parse_back() {
    let (subjects, node) = (subjects(), NodeId(u64::MAX));
    assert_eq!(parse(&subjects.hello()), Route::Hello);
    assert_eq!(parse(&subjects.shard(ShardId(0))), Route::Shard(ShardId(0)));
    let kind = "door".to_owned();
    assert_eq!(
        parse(&subjects.node(node, "door")),
        Route::Node { node, kind }
    );
    for channel in RaftChannel::ALL {
        assert_eq!(
            parse(&subjects.raft(node, channel)),
            Route::Raft { node, channel }
        );
    }
}

#[test]
fn what_is_none_of_ours_is_refused() {
    let subjects = subjects();
    for foreign in [
        "",
        "troupe",
        "troupe.prod=2Eeu",
        "troupe.other.hello",
        "x.prod=2Eeu.hello",
    ] {
        assert!(
            matches!(subjects.parse(foreign), Err(RouteError::Foreign { .. })),
            "{foreign}"
        );
    }
    for unknown in [
        "",
        "x",
        "hello.x",
        "node.000000000000002a.raft.x",
        "a.b.c",
        "shop.worker.a.b.c",
    ] {
        let parsed = subjects.parse(&format!("troupe.prod=2Eeu.{unknown}"));
        assert!(
            matches!(parsed, Err(RouteError::Unknown { .. })),
            "{unknown}: {parsed:?}"
        );
    }
    for wrong in [
        "shard.-1",
        "shard.01",
        "node.2a.door",
        "node.000000000000002A.raft.vote",
    ] {
        let parsed = subjects.parse(&format!("troupe.prod=2Eeu.{wrong}"));
        assert!(
            matches!(parsed, Err(RouteError::Id(_))),
            "{wrong}: {parsed:?}"
        );
    }
    // A service has no key, and a namespace is never one of the reserved words.
    assert!(subjects.parse("troupe.prod=2Eeu.shop.service.a.b").is_err());
    assert!(subjects.parse("troupe.prod=2Eeu.shard.worker.a").is_err());
    assert!(subjects.parse("troupe.prod=2Eeu.shop.worker.=41").is_err());
    assert!(ClusterName::new("").is_err() && ClusterName::new("a/b").is_err());
}

proptest! {
    #[test]
    fn addresses_parse_back(
        namespace in "[^/\\p{Cc}]{1,12}", name in "[^/\\p{Cc}]{1,20}",
        key in proptest::option::of("\\PC{1,20}"),
    ) {
        let namespace = Namespace::new(&namespace).unwrap();
        let address = Address::new(namespace, name, key).unwrap();
        let subjects = subjects();
        prop_assert_eq!(parse(&subjects.worker(&address)), Route::Worker(address.clone()));
        prop_assert_eq!(parse(&subjects.outbox(&address)), Route::Outbox(address.clone()));
        prop_assert_eq!(parse(&subjects.service(&address)), Route::Service(address.without_key()));
    }

    #[test]
    fn any_text_is_parsed_or_refused(text in "(troupe\\.prod=2Eeu\\.)?\\PC*") {
        let _ = subjects().parse(&text);
    }
}

#[test]
fn the_longest_address_still_fits() {
    use crate::limits::{KEY_BYTES_MAX, NAME_BYTES_MAX, NAMESPACE_BYTES_MAX, SUBJECT_BYTES_MAX};
    let namespace = Namespace::new(&".".repeat(NAMESPACE_BYTES_MAX)).unwrap();
    let address = Address::instance(
        namespace,
        ".".repeat(NAME_BYTES_MAX),
        ".".repeat(KEY_BYTES_MAX),
    )
    .unwrap();
    let cluster = ClusterName::new(&".".repeat(CLUSTER_NAME_BYTES_MAX)).unwrap();
    let subject = Subjects::new(&cluster).worker(&address);
    assert!(subject.as_str().len() <= SUBJECT_BYTES_MAX);
    assert!(Subject::new(subject.as_str()).is_ok());
}
