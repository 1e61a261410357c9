//! Tests of the system group: commands, refusals, and what a new start reads back.

use super::*;
use crate::entry::EntryStamp;
use crate::placement::{Move, Place, Reason, Wish};
use crate::store::memory::{FlushMode, MemoryStores};
use crate::store::{GroupId, StoreProvider};
use transport::{ClusterId, Namespace, NodeId, ShardId};

struct Bench {
    stores: MemoryStores,
    system: System,
    index: u64,
}

fn range(oldest: u32, latest: u32) -> Semantics {
    Semantics { oldest, latest }
}

fn member(id: u64) -> Member {
    Member {
        id: NodeId(id),
        name: format!("n{id}"),
        http: String::new(),
        state: MemberState::Active,
        semantics: range(1, 1),
    }
}

impl Bench {
    fn empty() -> Bench {
        let stores = MemoryStores::new(FlushMode::EveryUnits(1));
        let system = System::open(stores.open(GroupId(0)).unwrap()).unwrap();
        Bench {
            stores,
            system,
            index: 0,
        }
    }

    fn new() -> Bench {
        let mut bench = Bench::empty();
        bench.done(SystemCommand::Initialise(Initialise {
            cluster: ClusterId([1; 16]),
            name: "test".into(),
            shard_count: 4,
            members: vec![member(1), member(2), member(3)],
            settings: SystemSettings::default(),
            semantics: 1,
        }));
        bench
    }

    fn apply(&mut self, command: SystemCommand) -> SystemOutcome {
        self.index += 1;
        let entry = SystemEntry {
            stamp: EntryStamp {
                time_ms: 1000 + self.index,
                entropy: [0; 16],
            },
            commands: vec![command],
        };
        assert_eq!(
            SystemEntry::decode(&entry.encode().unwrap()).unwrap(),
            entry
        );
        let outcomes = self.system.apply(&entry).unwrap();
        self.system.store_mut().commit(self.index).unwrap();
        outcomes[0].clone()
    }

    fn done(&mut self, command: SystemCommand) -> u64 {
        match self.apply(command) {
            SystemOutcome::Done { version } => version,
            SystemOutcome::Refused(refusal) => panic!("{refusal:?}"),
        }
    }

    fn refused(&mut self, command: SystemCommand) -> String {
        let before = self.system.state().clone();
        match self.apply(command) {
            SystemOutcome::Refused(refusal) => {
                assert_eq!(self.system.state().version, before.version);
                assert_eq!(self.system.state().shards, before.shards);
                refusal.code
            }
            SystemOutcome::Done { .. } => panic!("it was not refused"),
        }
    }

    /// Opens the store again; the state must be what it was.
    fn reopen(self) -> Bench {
        let (state, hash) = (self.system.state().clone(), self.system.state_hash());
        drop(self.system);
        let system = System::open(self.stores.open(GroupId(0)).unwrap()).unwrap();
        assert_eq!(*system.state(), state);
        assert_eq!(system.state_hash(), hash);
        Bench { system, ..self }
    }
}

#[test]
fn a_cluster_is_made_once_with_all_its_shards() {
    let mut bench = Bench::empty();
    assert_eq!(
        bench.refused(SystemCommand::Join(member(1))),
        "E-cluster-missing"
    );
    let mut bench = Bench::new();
    let state = bench.system.state();
    assert_eq!(state.shards.len(), 4);
    assert!(state.shards.values().all(|shard| shard.replicas.len() == 3));
    let again = SystemCommand::Initialise(Initialise {
        cluster: ClusterId([2; 16]),
        name: "other".into(),
        shard_count: 4,
        members: vec![member(1)],
        settings: SystemSettings::default(),
        semantics: 1,
    });
    assert_eq!(bench.refused(again), "E-cluster-exists");
    bench.reopen();
}

#[test]
fn members_join_drain_and_leave() {
    let mut bench = Bench::new();
    bench.done(SystemCommand::Join(member(4)));
    bench.done(SystemCommand::SetMemberState {
        node: NodeId(4),
        state: MemberState::Draining,
    });
    let mut bench = bench.reopen();
    let draining = bench.system.state().members[&NodeId(4)].state;
    assert_eq!(draining, MemberState::Draining);
    bench.done(SystemCommand::Remove { node: NodeId(4) });
    let in_use = bench.refused(SystemCommand::Remove { node: NodeId(1) });
    assert_eq!(in_use, "E-member-in-use");
    let unknown = bench.refused(SystemCommand::Remove { node: NodeId(9) });
    assert_eq!(unknown, "E-member-unknown");
    bench.reopen();
}

#[test]
fn moves_change_the_map_when_they_are_done() {
    let mut bench = Bench::new();
    bench.done(SystemCommand::Join(member(4)));
    let shard = ShardId(0);
    bench.done(SystemCommand::ShardCreated { shard });
    let assign = SystemCommand::Assign {
        shard,
        replicas: vec![NodeId(1)],
    };
    assert_eq!(bench.refused(assign), "E-shard-created");
    let add = Move::AddReplica {
        shard,
        node: NodeId(4),
    };
    bench.done(SystemCommand::BeginMove {
        step: add,
        reason: Reason::Uneven,
    });
    let other = Move::TransferLead {
        shard,
        to: NodeId(2),
    };
    let refused = bench.refused(SystemCommand::BeginMove {
        step: other,
        reason: Reason::Uneven,
    });
    assert_eq!(refused, "E-move-under-way");
    let mut bench = bench.reopen();
    let added = SystemCommand::EndMove {
        step: add,
        done: true,
    };
    bench.done(added.clone());
    assert_eq!(bench.system.state().shards[&shard].replicas.len(), 4);
    let first = bench.system.state().shards[&shard].preferred_leader;
    let remove = Move::RemoveReplica { shard, node: first };
    bench.done(SystemCommand::BeginMove {
        step: remove,
        reason: Reason::Uneven,
    });
    // A late repeat of the end of the move before ends nothing.
    assert_eq!(bench.refused(added), "E-move-unknown");
    let under_way = &bench.system.state().shards[&shard];
    assert_eq!(under_way.step, Some(remove));
    assert!(under_way.replicas.contains(&first));
    let removed = SystemCommand::EndMove {
        step: remove,
        done: true,
    };
    bench.done(removed.clone());
    let after = &bench.system.state().shards[&shard];
    assert!(after.replicas.contains(&after.preferred_leader));
    assert!(!after.replicas.contains(&first));
    let twice = bench.refused(removed);
    assert_eq!(twice, "E-move-unknown");
}

#[test]
fn a_move_that_failed_changes_nothing() {
    let mut bench = Bench::new();
    let shard = ShardId(1);
    let before = bench.system.state().shards[&shard].replicas.clone();
    let remove = Move::RemoveReplica {
        shard,
        node: before[0],
    };
    bench.done(SystemCommand::BeginMove {
        step: remove,
        reason: Reason::Uneven,
    });
    bench.done(SystemCommand::EndMove {
        step: remove,
        done: false,
    });
    assert_eq!(bench.system.state().shards[&shard].replicas, before);
    let impossible = Move::AddReplica {
        shard,
        node: before[0],
    };
    let refused = bench.refused(SystemCommand::BeginMove {
        step: impossible,
        reason: Reason::Uneven,
    });
    assert_eq!(refused, "E-move-impossible");
}

#[test]
fn names_are_given_to_programs_that_export_them() {
    let mut bench = Bench::new();
    let source = vm::Source::new("hello.js", "export const Hello = act(() => noop());");
    let compiled = vm::compile(&source, &vm::BuildLimits::default()).unwrap();
    let program = bytes::Bytes::from(compiled.program.encode());
    let id = ProgramId(compiled.program.hash().0);
    let name = |name: &str, id: ProgramId| {
        SystemCommand::ActivateNames(ActivateNames {
            namespace: Namespace::default(),
            names: vec![(name.to_owned(), id)],
            removed: Vec::new(),
        })
    };
    assert_eq!(bench.refused(name("Hello", id)), "E-unknown-program");
    let install = SystemCommand::InstallProgram {
        program: program.clone(),
    };
    bench.done(install.clone());
    bench.done(install);
    assert_eq!(bench.refused(name("Other", id)), "E-unknown-worker");
    let version = bench.done(name("Hello", id));
    let mut bench = bench.reopen();
    let key = (Namespace::default(), "Hello".to_owned());
    assert_eq!(bench.system.state().names[&key].version, version);
    assert_eq!(bench.system.program(id).unwrap(), Some(program));
    bench.done(SystemCommand::ActivateNames(ActivateNames {
        namespace: Namespace::default(),
        names: Vec::new(),
        removed: vec!["Hello".to_owned()],
    }));
    assert!(bench.reopen().system.state().names.is_empty());
}

#[test]
fn bytes_that_are_no_program_are_refused() {
    let mut bench = Bench::new();
    let install = SystemCommand::InstallProgram {
        program: bytes::Bytes::from_static(b"nonsense"),
    };
    assert_eq!(bench.refused(install), "E-bad-program");
}

#[test]
fn settings_are_checked() {
    let mut bench = Bench::new();
    let settings = |replicas: u32| {
        SystemCommand::Configure(SystemSettings {
            replicas,
            ..SystemSettings::default()
        })
    };
    assert_eq!(bench.refused(settings(0)), "E-setting");
    bench.done(settings(5));
    assert_eq!(bench.reopen().system.state().settings.replicas, 5);
}

#[test]
fn places_are_taken_whole_or_not_and_end_with_their_node() {
    let mut bench = Bench::new();
    bench.done(SystemCommand::Join(member(4)));
    let shard = ShardId(2);
    let place = |leader: u64, replicas: &[u64]| Place {
        leader: Some(NodeId(leader)),
        replicas: replicas.iter().map(|node| NodeId(*node)).collect(),
        wish: Wish::Rebalance,
    };
    let mut refused = |place: Place| {
        let fine = (
            ShardId(1),
            Some(Place {
                leader: None,
                ..place.clone()
            }),
        );
        bench.refused(SystemCommand::Place(vec![fine, (shard, Some(place))]))
    };
    assert_eq!(refused(place(4, &[])), "E-move-impossible");
    assert_eq!(refused(place(9, &[1, 9])), "E-member-unknown");
    assert!(bench.system.state().shards[&ShardId(1)].place.is_none());
    let with_fourth = place(4, &[1, 2, 4]);
    bench.done(SystemCommand::Place(vec![(
        shard,
        Some(with_fourth.clone()),
    )]));
    let mut bench = bench.reopen();
    assert_eq!(bench.system.state().shards[&shard].place, Some(with_fourth));
    bench.done(SystemCommand::Remove { node: NodeId(4) });
    assert_eq!(bench.system.state().shards[&shard].place, None);
    bench.reopen();
}

#[test]
fn a_lead_that_was_asked_for_ends_with_the_replica() {
    let mut bench = Bench::new();
    let shard = ShardId(0);
    let node = bench.system.state().shards[&shard].replicas[1];
    let place = Place {
        leader: Some(node),
        replicas: Vec::new(),
        wish: Wish::Transfer,
    };
    bench.done(SystemCommand::Place(vec![(shard, Some(place))]));
    let step = Move::RemoveReplica { shard, node };
    let reason = Reason::Leaves;
    bench.done(SystemCommand::BeginMove { step, reason });
    assert_eq!(bench.system.state().shards[&shard].reason, Some(reason));
    bench.done(SystemCommand::EndMove { step, done: true });
    let after = &bench.system.state().shards[&shard];
    assert_eq!((after.reason, after.place.clone()), (None, None));
}

#[test]
fn what_scripts_mean_changes_once_all_members_support_it() {
    let mut bench = Bench::new();
    let raise = |to| SystemCommand::RaiseSemantics { to };
    let refused = |outcome: SystemOutcome| match outcome {
        SystemOutcome::Refused(refusal) => (refusal.code, refusal.message),
        done => panic!("{done:?}"),
    };
    let upgraded = |id: u64| {
        let mut member = member(id);
        member.semantics = range(1, 2);
        SystemCommand::Join(member)
    };
    bench.done(upgraded(1));
    bench.done(upgraded(2));
    let (code, message) = refused(bench.apply(raise(2)));
    assert_eq!(code, "E-semantics");
    assert!(
        message.contains("n3 runs 1") && !message.contains("n1"),
        "{message}"
    );
    bench.done(upgraded(3));
    bench.done(raise(2));
    bench.done(raise(2));
    assert_eq!(bench.system.state().semantics, 2);
    assert_eq!(refused(bench.apply(raise(1))).0, "E-semantics");
    let (code, message) = refused(bench.apply(SystemCommand::Join(member(4))));
    assert_eq!(code, "E-semantics");
    assert!(message.contains("n4"), "{message}");
    bench.done(upgraded(4));
}
