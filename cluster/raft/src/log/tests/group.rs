//! The adapter of a group and its encoding: what is stored comes back, reads are bounded, and a
//! log on real files survives being closed and opened.

use std::collections::BTreeSet;

use futures::{FutureExt, StreamExt};
use openraft::TokioRuntime;
use openraft::storage::{IOFlushed, RaftLogReader, RaftLogStorage};
use openraft::type_config::TypeConfigExt;

use super::*;
use crate::disk::FileDisk;
use crate::log::{
    GroupLog, decode_entry, decode_log_id, decode_membership, decode_vote, encode_entry,
    encode_log_id, encode_membership, encode_vote,
};
use crate::types::{
    Entry, EntryData, LeaderId, LogId, Membership, NodeInfo, Payload, TypeConfig, Vote,
};

fn log_id(term: u64, node_id: u64, index: u64) -> LogId {
    LogId {
        leader_id: LeaderId { term, node_id },
        index,
    }
}

fn entry(index: u64, payload: Payload) -> Entry {
    Entry {
        log_id: log_id(3, 9, index),
        payload,
    }
}

fn data(bytes: usize) -> Payload {
    Payload::Normal(EntryData(Bytes::from(vec![0x5a; bytes])))
}

fn members() -> Membership {
    let info = |id: u64| NodeInfo {
        name: format!("node-{id}"),
        http: format!("127.0.0.1:{id}"),
    };
    let nodes = (1..=4).map(|id| (id, info(id)));
    let configs = vec![BTreeSet::from([1, 2, 3]), BTreeSet::from([2, 3, 4])];
    Membership::new(configs, nodes.collect::<std::collections::BTreeMap<_, _>>()).unwrap()
}

#[test]
fn what_is_encoded_decodes() {
    for payload in [
        Payload::Blank,
        data(0),
        data(5000),
        Payload::Membership(members()),
    ] {
        let entry = entry(77, payload);
        assert_eq!(decode_entry(77, &encode_entry(&entry)).unwrap(), entry);
    }
    for committed in [false, true] {
        let leader_id = LeaderId {
            term: u64::MAX,
            node_id: 4,
        };
        let vote = Vote {
            leader_id,
            committed,
        };
        assert_eq!(decode_vote(&encode_vote(&vote)).unwrap(), vote);
    }
    let id = log_id(1, 2, u64::MAX);
    assert_eq!(decode_log_id(&encode_log_id(&id)).unwrap(), id);
    for members in [members(), Membership::default()] {
        assert_eq!(
            decode_membership(&encode_membership(&members)).unwrap(),
            members
        );
    }
}

#[test]
fn what_is_not_an_encoding_is_refused() {
    let whole = encode_entry(&entry(1, Payload::Membership(members())));
    for length in 0..whole.len() {
        assert!(decode_entry(1, &whole.slice(..length)).is_err(), "{length}");
    }
    let mut newer = whole.to_vec();
    newer[0] = 9;
    let error = decode_entry(1, &Bytes::from(newer)).unwrap_err();
    assert!(error.to_string().starts_with("E-log-encoding"), "{error}");
    assert!(decode_vote(&[]).is_err());
}

fn store(rig: &Rig) -> GroupLog<TokioRuntime> {
    GroupLog::new(rig.log.clone(), GroupId(1))
}

fn append(store: &mut GroupLog<TokioRuntime>, entries: Vec<Entry>) {
    block_on(store.append(entries, IOFlushed::noop())).unwrap();
}

#[test]
fn a_read_for_replication_is_bounded_but_never_empty() {
    let mut rig = Rig::new(tiny());
    let mut store = store(&rig);
    let sizes = [1500, 100, 100, 1500, 100];
    let entries = (1..)
        .zip(sizes)
        .map(|(index, bytes)| entry(index, data(bytes)));
    append(&mut store, entries.collect());
    rig.flush();
    let mut read = |from| {
        let entries = block_on(store.limited_get_log_entries(from, 6)).unwrap();
        entries
            .iter()
            .map(|entry| entry.log_id.index)
            .collect::<Vec<_>>()
    };
    assert_eq!(read(1), [1]);
    assert_eq!(read(2), [2, 3]);
    assert_eq!(read(4), [4]);
    assert_eq!(read(5), [5]);
    assert!(read(6).is_empty());
    let all = block_on(store.try_get_log_entries(..)).unwrap();
    assert_eq!(all.len(), 5);
    let streamed: Vec<Entry> = block_on(async {
        let stream = store.entries_stream(2..=4).await;
        stream.map(Result::unwrap).collect().await
    });
    assert_eq!(streamed, all[1..4]);
}

#[test]
fn an_append_is_told_only_after_the_flush() {
    let mut rig = Rig::new(tiny());
    let mut store = store(&rig);
    let (tell, mut told) = TypeConfig::<TokioRuntime>::oneshot();
    let callback = IOFlushed::signal(tell);
    block_on(store.append([entry(0, data(10))], callback)).unwrap();
    assert!((&mut told).now_or_never().is_none());
    rig.flush();
    block_on(told).unwrap().unwrap();
    // A failure reaches it too.
    let (tell, told) = TypeConfig::<TokioRuntime>::oneshot();
    let callback = IOFlushed::signal(tell);
    block_on(store.append([entry(1, data(10))], callback)).unwrap();
    rig.disk.fail_flush_after(0);
    rig.flush();
    let error = block_on(told).unwrap().unwrap_err();
    assert!(error.to_string().contains("E-log-poisoned"), "{error}");
}

#[test]
fn entries_that_were_replaced_give_way_to_what_was_applied() {
    let of = |store: &mut GroupLog<TokioRuntime>| {
        let state = block_on(store.get_log_state()).unwrap();
        (state.last_purged_log_id, state.last_log_id)
    };
    let (first, last) = (log_id(3, 9, 0), log_id(3, 9, 9));
    // What was applied, and where the log begins and ends after that.
    let newer = Some(log_id(4, 8, 6));
    for (applied, wanted) in [
        (log_id(4, 8, 6), (newer, newer)),
        (log_id(3, 9, 6), (Some(first), Some(last))),
        (first, (Some(first), Some(last))),
        (log_id(4, 8, 12), (Some(first), Some(last))),
    ] {
        let mut rig = Rig::new(tiny());
        let mut store = store(&rig);
        let entries = (0..10).map(|index| entry(index, data(10)));
        append(&mut store, entries.collect());
        block_on(store.purge(first)).unwrap();
        block_on(store.give_way(applied)).unwrap();
        assert_eq!(of(&mut store), wanted, "{applied}");
        rig.flush();
        if wanted.0 == newer {
            let next = Entry {
                log_id: log_id(4, 8, 7),
                payload: data(10),
            };
            append(&mut store, vec![next]);
        }
    }
}

#[test]
fn a_log_on_files_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let disk = Arc::new(FileDisk::open(folder.path()).unwrap());
        let (log, threads) = Log::start(disk, config(tiny())).unwrap();
        (GroupLog::<TokioRuntime>::new(log, GroupId(1)), threads)
    };
    let vote = Vote {
        leader_id: LeaderId {
            term: 4,
            node_id: 2,
        },
        committed: true,
    };
    let (mut store, threads) = open();
    append(
        &mut store,
        (0..60).map(|index| entry(index, data(400))).collect(),
    );
    block_on(store.save_vote(&vote)).unwrap();
    block_on(store.purge(log_id(3, 9, 40))).unwrap();
    block_on(store.truncate_after(Some(log_id(3, 9, 50)))).unwrap();
    block_on(store.save_committed(Some(log_id(3, 9, 45)))).unwrap();
    threads.close();
    for _ in 0..2 {
        let (mut store, threads) = open();
        let state = block_on(store.get_log_state()).unwrap();
        assert_eq!(state.last_purged_log_id, Some(log_id(3, 9, 40)));
        assert_eq!(state.last_log_id, Some(log_id(3, 9, 50)));
        assert_eq!(block_on(store.read_vote()).unwrap(), Some(vote));
        assert_eq!(
            block_on(store.read_committed()).unwrap(),
            Some(log_id(3, 9, 45))
        );
        let entries = block_on(store.try_get_log_entries(..)).unwrap();
        assert_eq!(entries.len(), 10);
        assert_eq!(entries[0], entry(41, data(400)));
        threads.close();
    }
}
