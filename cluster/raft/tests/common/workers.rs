//! Model workers for the tests of groups: deployed, addressed and sent to as a door would.

use cluster::command::{Activate, DoorHeader, DoorSequence, Install, SendRequest};
use cluster::engine::model::{ModelProgram, ModelRun, ModelWorker};
use cluster::store::StateRead;
use cluster::{Body, Command, Outcome, ProgramId, query};
use cluster_raft::Groups;
use transport::{Address, DoorOrigin, HybridTime, MessageId, Namespace, NodeId, ShardId, Stamp};

use super::PATIENCE;

pub fn address(name: &str, key: u64) -> Address {
    Address::instance(Namespace::default(), name, key.to_string()).unwrap()
}

fn worker(name: &str) -> ModelWorker {
    ModelWorker {
        name: name.to_owned(),
        daemon: true,
        keyed: true,
        restarts: 0,
        ..ModelWorker::default()
    }
}

/// Gives the names to the program in every shard.
pub async fn deploy(node: &Groups, shards: u32) {
    let program = ModelProgram {
        workers: vec![worker("Counter"), worker("Sink")],
    };
    let bytes = program.encode();
    let id = ProgramId(*blake3::hash(&bytes).as_bytes());
    for shard in 0..shards {
        let install = Command::Install(Install {
            program: bytes.clone(),
        });
        let activate = Command::Activate(Activate {
            namespace: Namespace::default(),
            version: 1,
            names: vec![("Counter".to_owned(), id), ("Sink".to_owned(), id)],
            removed: Vec::new(),
        });
        let done = node
            .submit(ShardId(shard), vec![install, activate], PATIENCE)
            .await
            .unwrap();
        assert!(
            done.iter().all(|one| !matches!(one, Outcome::Refused(_))),
            "{done:?}"
        );
    }
}

/// The id of the message that the door of `node` gives that sequence.
pub fn message_id(node: &Groups, sequence: u64) -> MessageId {
    MessageId::root(&DoorOrigin {
        cluster: node.cluster().unwrap(),
        node: NodeId(node.local()),
        node_incarnation: node.incarnation(),
        sequence,
    })
}

/// A message through the door of `node`.
pub fn send(node: &Groups, sequence: u64, to: Address, body: Body) -> Command {
    let id = message_id(node, sequence);
    Command::Send(SendRequest {
        door: DoorHeader {
            origin: DoorSequence {
                node: NodeId(node.local()),
                incarnation: node.incarnation(),
                sequence,
            },
            stamp: Stamp::root(id, HybridTime::new(1, 0), None),
            idempotency: None,
        },
        to,
        from: None,
        body,
    })
}

/// What a worker's `Add`s have added up to.
pub fn count(reader: &dyn StateRead, of: &Address) -> i64 {
    let view = query::instance(reader, of).unwrap().unwrap();
    ModelRun::read(&view.snapshot.unwrap()).unwrap().count
}
