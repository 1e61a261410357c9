//! A workflow of five durable steps, each a message to another worker and its answer, until the client has
//! the result. The result has to be the sum of what the steps added. The workers are together with the
//! workflow, as those of one customer would be, or anywhere.

use bytes::Bytes;
use serde_json::json;

use super::tally::Tally;
use super::{Operation, Script, Work};
use crate::api::Accepted;
use crate::bench::servers::Servers;

/// Steps of one workflow.
const STEPS: u64 = 5;

/// Where the workers are that do the steps of a workflow.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::bench) enum Steps {
    /// All are done by one, in the shard of the workflow.
    Together,
    /// Each is done by another, in any shard.
    Apart,
}

/// Workflows whose steps are done by so many workers.
pub(in crate::bench) struct Workflows {
    family: &'static str,
    steps: Steps,
    done: Tally,
}

impl Workflows {
    /// None yet. The keys of those who do steps begin with the family's name.
    pub(in crate::bench) fn new(family: &'static str, steps: Steps, workers: u64) -> Workflows {
        Workflows {
            family,
            steps,
            done: Tally::new(workers),
        }
    }

    /// Who does the steps of a workflow.
    fn places(&self, number: u64) -> impl Iterator<Item = u64> + '_ {
        (0..STEPS).map(move |step| match self.steps {
            Steps::Together => self.done.place(number),
            Steps::Apart => self.done.place(number * STEPS + step),
        })
    }

    /// The key of a workflow that is to be where the worker of that place is.
    fn key(&self, number: u64) -> Option<String> {
        let place = self.done.place(number);
        (self.steps == Steps::Together).then(|| format!("{{{}{place}}}/{number}", self.family))
    }
}

impl Work for Workflows {
    fn name(&self) -> String {
        let across = match self.steps {
            Steps::Together => "",
            Steps::Apart => " across shards",
        };
        format!("workflow of {STEPS} durable steps{across}")
    }

    fn scripts(&self) -> Vec<Script> {
        vec![("workflow.js", include_str!("../workers/workflow.js"))]
    }

    fn operation(&self, number: u64) -> Operation {
        let steps: Vec<_> = self
            .places(number)
            .map(|place| json!({ "$address": format!("WorkflowStep/{}{place}", self.family) }))
            .collect();
        let start = json!({ "key": self.key(number), "message": { "steps": steps } });
        Operation::post(
            "/v1/workers/Workflow/instances?wait=outcome".to_owned(),
            start.to_string(),
        )
    }

    fn done(&self, number: u64, answer: &Bytes) -> Result<(), String> {
        for place in self.places(number) {
            self.done.add(place);
        }
        let result = result(answer);
        let wanted = STEPS * (STEPS + 1) / 2;
        if result == Some(wanted as f64) {
            return Ok(());
        }
        Err(format!(
            "a workflow should result in {wanted}; the answer was {}",
            String::from_utf8_lossy(answer)
        ))
    }

    fn unknown(&self, number: u64) {
        for place in self.places(number) {
            self.done.may_add(place);
        }
    }

    async fn check(&self, servers: &Servers) -> anyhow::Result<String> {
        let path = |place| format!("/v1/workers/WorkflowStep/instances/{}{place}", self.family);
        let found = self.done.check(servers, path).await?;
        Ok(format!("steps: {found}"))
    }
}

/// What the run of an answer resulted in, where that is a number.
pub(super) fn result(answer: &Bytes) -> Option<f64> {
    let accepted: Accepted = serde_json::from_slice(answer).ok()?;
    accepted.outcome?.result?.as_f64()
}
