//! Durable adds to one of many counters: a message over HTTP that is answered once it is on a quorum's disks.

use bytes::Bytes;

use super::tally::Tally;
use super::{Operation, Script, Work};
use crate::bench::servers::Servers;

/// The script of the counters.
pub(in crate::bench) const COUNTER: Script = ("counter.js", include_str!("../workers/counter.js"));

/// Adds to counters of one family.
pub(in crate::bench) struct Adds {
    name: String,
    family: String,
    tally: Tally,
}

impl Adds {
    /// Adds to so many counters, whose keys begin with the family's name.
    pub(in crate::bench) fn new(name: &str, family: &str, counters: u64) -> Adds {
        Adds {
            name: name.to_owned(),
            family: family.to_owned(),
            tally: Tally::new(counters),
        }
    }

    fn path(&self, counter: u64) -> String {
        format!("/v1/workers/Counter/instances/{}{counter}", self.family)
    }

    /// A read of the counter that the add of that number would go to.
    pub(in crate::bench) fn read(&self, number: u64) -> Operation {
        Operation {
            method: hyper::Method::GET,
            path: self.path(self.tally.place(number)),
            body: Bytes::new(),
        }
    }
}

impl Work for Adds {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn scripts(&self) -> Vec<Script> {
        vec![COUNTER]
    }

    fn operation(&self, number: u64) -> Operation {
        let path = self.path(self.tally.place(number)) + "/messages";
        Operation::post(path, Bytes::from_static(br#"{"type":"ADD","amount":1}"#))
    }

    fn done(&self, number: u64, _answer: &Bytes) -> Result<(), String> {
        self.tally.add(self.tally.place(number));
        Ok(())
    }

    fn unknown(&self, number: u64) {
        self.tally.may_add(self.tally.place(number));
    }

    async fn check(&self, servers: &Servers) -> anyhow::Result<String> {
        self.tally
            .check(servers, |counter| self.path(counter))
            .await
    }
}
