//! Reads of reactive functions: each is a command of the shard of the function's instance, which begins its
//! run where it does not run and keeps it for a while. Comes after the HTTP handler; before `route`.

use cluster::command::{Command, ReadRequest};
use cluster::message::Body;
use cluster::query::InstanceView;
use transport::Address;

use super::calls::Admitted;
use super::{Answer, Consistency, Delivery, Door, DoorError, Query, mismatch};

impl Door {
    /// Has a reactive function computed and kept up to date for a minute; returns once that is committed.
    /// `source` is its instance, `arguments` the array that its key is made of.
    ///
    /// # Errors
    /// `E-unknown-worker`, `E-reactive`, or no leader takes it in time.
    pub async fn read_reactive(
        &self,
        source: &Address,
        arguments: &vm::Data,
        delivery: &Delivery,
    ) -> Result<Admitted, DoorError> {
        self.require_worker(source).await?;
        let door = self.header(delivery.trace.as_ref(), None)?;
        let stamp = door.stamp.clone();
        let command = Command::Read(ReadRequest {
            door,
            source: source.clone(),
            arguments: Body::from_data(arguments.clone()),
        });
        self.admit(source, delivery, stamp, command).await
    }

    /// The instance of a reactive function with its result as people see it: without `value` and `error` as
    /// long as there is none.
    ///
    /// # Errors
    /// No node answers in time, or the state cannot be read.
    pub async fn reactive_result(
        &self,
        source: &Address,
    ) -> Result<Option<(InstanceView, Body)>, DoorError> {
        let shard = self.shard_of(source)?;
        let query = Query::Reactive(source.clone());
        match self.ask(shard, query, Consistency::Linearisable).await? {
            Answer::Reactive(found) => Ok(found),
            _ => Err(mismatch()),
        }
    }
}
