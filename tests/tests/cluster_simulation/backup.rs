//! Backups that are made while all else goes wrong, and what a cluster comes to that is restored from one. The world
//! steps it; the groups of a node come after it, asked as a door asks them. Guarantees: what was acknowledged before
//! a backup began is in it once, with the message that it sends on; of the rest nothing more than once. Left to
//! others: the checks themselves (`checks`).

use std::collections::BTreeSet;

use cluster_raft::Groups;
use futures::FutureExt;
use tests::random::Random;
use tokio::sync::oneshot;

use crate::checks;
use crate::client::{Add, Client, Verdict};
use crate::machine::Machine;
use crate::trace::{Trace, digest};
use crate::world::World;

/// One backup in about so many milliseconds, while none is made.
const BACKUP_EVERY_MS: usize = 900;
/// Backups of a run that are kept.
const BACKUPS_MAX: usize = 2;

/// One that a node makes.
struct UnderWay {
    before: BTreeSet<u64>,
    file: oneshot::Receiver<Option<Vec<u8>>>,
}

/// One that is whole.
struct Taken {
    file: Vec<u8>,
    /// Ids of the adds that were acknowledged before it began.
    before: BTreeSet<u64>,
}

pub(crate) struct Backups {
    random: Random,
    trace: Trace,
    /// Whether any are made in this run.
    works: bool,
    under_way: Option<UnderWay>,
    taken: Vec<Taken>,
}

impl Backups {
    pub(crate) fn new(mut random: Random, trace: Trace) -> Self {
        Self {
            works: random.below(2) == 0,
            random,
            trace,
            under_way: None,
            taken: Vec::new(),
        }
    }

    pub(crate) fn step(&mut self, machines: &[Machine], clients: &[Client]) {
        if let Some(mut under_way) = self.under_way.take() {
            let file = match under_way.file.try_recv() {
                Err(oneshot::error::TryRecvError::Empty) => {
                    self.under_way = Some(under_way);
                    return;
                }
                Ok(file) => file,
                // The node that made it is gone.
                Err(oneshot::error::TryRecvError::Closed) => None,
            };
            let file_is = file.as_deref().map(digest);
            self.trace.say(format_args!("backup {file_is:?}"));
            let before = under_way.before;
            self.taken.extend(file.map(|file| Taken { file, before }));
            return;
        }
        let is_enough = !self.works || self.taken.len() == BACKUPS_MAX;
        if is_enough || self.random.below(BACKUP_EVERY_MS) > 0 {
            return;
        }
        let at = self.random.below(machines.len());
        let (Some(groups), Some(life)) = (machines[at].groups(), &machines[at].life) else {
            return;
        };
        let (sender, file) = oneshot::channel();
        life.runtime.spawn(async move {
            // The world may have come to its end.
            let _ = sender.send(read(&groups).await);
        });
        let finished = clients.iter().flat_map(|client| &client.finished);
        let known = finished.filter(|add| add.verdict == Verdict::Acknowledged);
        let before = known.map(|add| add.id).collect();
        self.under_way = Some(UnderWay { before, file });
        self.trace.say(format_args!("begin a backup at {at}"));
    }

    /// Restores each, and compares what it comes to. Gives how many there were.
    pub(crate) fn check(&self, adds: &[Add]) -> usize {
        for taken in &self.taken {
            let mut world = World::restored(&taken.file);
            let mut adds = adds.to_vec();
            let later = |add: &&mut Add| !taken.before.contains(&add.id);
            for add in adds.iter_mut().filter(later) {
                if add.verdict == Verdict::Acknowledged {
                    // It may have come before the cut or after it.
                    add.verdict = Verdict::Unknown;
                }
            }
            checks::all_of(&mut world, &adds);
        }
        self.taken.len()
    }
}

/// The whole file; nothing where it does not come to its end, which is part of the trouble.
async fn read(groups: &Groups) -> Option<Vec<u8>> {
    // Boxed: these futures are large, and stand in others.
    let mut backup = groups.begin_backup("simulated").boxed().await.ok()?;
    let mut file = Vec::new();
    while let Some(bytes) = backup.next().boxed().await.ok()? {
        file.extend_from_slice(&bytes);
    }
    Some(file)
}
