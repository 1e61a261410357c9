//! What must hold when everything has come to rest, read from the shards' own history.
//!
//! Before it: a healed, quiet world. After it: a verdict. Guarantees: exactly once (against what
//! the clients were told), order of each pair, conservation, equal replicas.
//! Leaves to others: agreement at each entry, which the world checks as it goes.

use std::collections::BTreeMap;

use cluster::Shard;
use cluster::engine::model::{Do, ModelRun};
use cluster::query::{self, InstanceView};
use cluster::record::{HistoryRecord, TurnInput, TurnOutcome};
use transport::{Address, Namespace};

use crate::client::{BARE, Verdict};
use crate::scripts;
use crate::world::World;

/// One message of a transfer that was applied.
pub(crate) struct Seen {
    at: Address,
    from: Option<Address>,
    step: u64,
    stands: bool,
}

/// Which messages of which transfers were applied where.
type Arrivals = BTreeMap<String, Vec<Seen>>;

pub(crate) fn check(world: &World) {
    let groups = world.groups.iter();
    let shards = groups.filter_map(|group| group.replicas[0].shard.as_ref());
    let shards: Vec<&Shard> = shards.collect();
    assert_eq!(shards.len(), world.groups.len(), "all nodes are up");
    let seen = consistent(world, &shards);
    exactly_once(world, &seen);
    equal_replicas(world);
}

/// What holds of shards of this world that have come to rest, whatever clients were told.
pub(crate) fn consistent(world: &World, shards: &[&Shard]) -> Arrivals {
    let seen = history(shards);
    no_dead_letters(shards);
    sent_once(world, &seen);
    order(&seen);
    conservation(shards);
    functions_are_up_to_date(shards);
    seen
}

/// How often a message was applied.
pub(crate) fn count(seen: &Arrivals, tag: &str) -> usize {
    seen.get(tag).map_or(0, Vec::len)
}

/// Nothing here has a reason to become a dead letter, but what was asked to trap.
fn no_dead_letters(shards: &[&Shard]) {
    for shard in shards {
        for (number, letter) in query::dead_letters(shard.store(), 0, 1000).unwrap() {
            let asked =
                letter.cause.code == "model-trap" || scripts::is_told_to_end(&letter.message.body);
            assert!(asked, "dead letter {number}: {letter:?}");
        }
    }
}

/// The tag of a message: its last key.
fn tag(record: &HistoryRecord, is_script: bool) -> Option<(String, Option<Address>)> {
    let TurnInput::Message { from, body, .. } = &record.input else {
        return None;
    };
    if is_script {
        return Some((scripts::tag(body)?, from.clone()));
    }
    let list = Do::read(body)?;
    let mut keys = list.iter().filter_map(|step| match step {
        Do::Key(key) => Some(key.clone()),
        _ => None,
    });
    Some((keys.next_back()?, from.clone()))
}

fn is_till(view: &InstanceView) -> bool {
    view.worker == scripts::TILL
}

fn history(shards: &[&Shard]) -> Arrivals {
    let mut seen = Arrivals::new();
    for shard in shards {
        let instances =
            query::instances(shard.store(), &Namespace::default(), None, None, 1000).unwrap();
        for view in instances {
            let records = query::history(shard.store(), &view.address, 0, 1000).unwrap();
            for (step, record) in records {
                let Some((tag, from)) = tag(&record, is_till(&view)) else {
                    continue;
                };
                let stands = !matches!(record.outcome, TurnOutcome::Trapped(_));
                let at = view.address.clone();
                seen.entry(tag).or_default().push(Seen {
                    at,
                    from,
                    step,
                    stands,
                });
            }
        }
    }
    seen
}

/// What clients were told of their transfers is so.
fn exactly_once(world: &World, seen: &Arrivals) {
    for client in &world.clients {
        for (transfer, verdict) in &client.finished {
            let (tag, taken) = (&transfer.tag, count(seen, &transfer.tag));
            match verdict {
                Verdict::Done => assert_eq!(taken, 1, "{tag} was acknowledged"),
                Verdict::Refused => assert_eq!(taken, 0, "{tag} was refused"),
                Verdict::Unknown => assert!(taken <= 1, "{tag} happened {taken} times"),
            }
        }
    }
}

/// A transfer happened once or not at all, and what it sent arrived as often as it was sent.
fn sent_once(world: &World, seen: &Arrivals) {
    let transfers = world.clients.iter().flat_map(|client| &client.finished);
    for tag in transfers.map(|(transfer, _)| &transfer.tag) {
        let (taken, given) = (count(seen, tag), count(seen, &format!("{tag}>")));
        let stands = seen
            .get(tag)
            .is_some_and(|seen| seen.iter().all(|seen| seen.stands));
        assert!(taken <= 1, "{tag} happened {taken} times");
        let expected = usize::from(taken == 1 && stands);
        assert_eq!(
            given, expected,
            "what {tag} sent arrived as often as it was sent"
        );
    }
}

/// What one account sent to another was taken in the order in which it was sent.
fn order(seen: &Arrivals) {
    let mut pairs: BTreeMap<(Address, Address, bool), Vec<(u64, u64)>> = BTreeMap::new();
    for (tag, arrivals) in seen {
        let Some(sender) = tag.strip_suffix('>') else {
            continue;
        };
        // What goes by the bare name goes by the name's home, and may pass what goes straight.
        for arrival in arrivals {
            let Some(from) = &arrival.from else { continue };
            let sent = seen.get(sender).and_then(|seen| seen.first());
            let Some(sent) = sent.filter(|sent| sent.at == *from) else {
                continue;
            };
            pairs
                .entry((from.clone(), arrival.at.clone(), sender.ends_with(BARE)))
                .or_default()
                .push((sent.step, arrival.step));
        }
    }
    for ((from, to, _), mut steps) in pairs {
        steps.sort_unstable();
        let arrived: Vec<u64> = steps.iter().map(|(_, arrived)| *arrived).collect();
        assert!(arrived.is_sorted(), "{from} → {to}: {steps:?}");
    }
}

fn conservation(shards: &[&Shard]) {
    let mut sum = 0;
    for shard in shards {
        let instances =
            query::instances(shard.store(), &Namespace::default(), None, None, 1000).unwrap();
        for view in instances {
            if scripts::is_reader(&view) {
                continue;
            }
            if is_till(&view) {
                sum += scripts::count(shard.store(), &view);
                continue;
            }
            let run = view.snapshot.as_deref().and_then(ModelRun::read);
            sum += run.map_or(0, |run| run.count);
        }
    }
    assert_eq!(sum, 0, "what one account gave another has");
}

/// The function of each till says what the till holds, and the function of all of them their sum.
fn functions_are_up_to_date(shards: &[&Shard]) {
    let mut tills: BTreeMap<String, i64> = BTreeMap::new();
    let mut mirrors: BTreeMap<String, i64> = BTreeMap::new();
    let mut totals = Vec::new();
    for shard in shards {
        let instances =
            query::instances(shard.store(), &Namespace::default(), None, None, 1000).unwrap();
        for view in instances {
            let key = view.address.key().unwrap_or_default().to_owned();
            let number = || {
                let result = scripts::result(shard.store(), &view);
                result.and_then(|value| value.as_i64())
            };
            match view.worker.as_str() {
                scripts::TILL => {
                    tills.insert(key, scripts::count(shard.store(), &view));
                }
                "Mirror" => {
                    let of = key.trim_matches(['[', ']', '"']).to_owned();
                    mirrors.insert(of, number().expect("a state is known"));
                }
                "Total" => totals.push(number().expect("all states are known")),
                _ => {}
            }
        }
    }
    assert_eq!(
        totals,
        [tills.values().sum::<i64>()],
        "the sum of all tills"
    );
    for (key, mirrored) in mirrors {
        let held = tills.get(&key).copied().unwrap_or_default();
        assert_eq!(mirrored, held, "the function of Till/{key}");
    }
}

fn equal_replicas(world: &World) {
    for group in &world.groups {
        let content = |at: usize| {
            let shard = group.replicas[at].shard.as_ref().unwrap();
            shard.store().scan(&[], None, usize::MAX).unwrap()
        };
        let first = content(0);
        for at in 1..group.replicas.len() {
            assert!(first == content(at), "replica {at} of {:?}", group.identity);
        }
    }
}
