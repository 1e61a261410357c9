//! Waits for what is on its way: a client that was told of an instance when its message was committed at the
//! home of a name may ask for it before the message arrives where the instance lives. Comes after a read or a
//! request that found no instance; before trying once more. Guarantees: what the home had sent on before the
//! question has arrived, or the time is over. Leaves to others: that it arrives (channels).

use std::time::Duration;

use cluster::codes;
use tokio::time::Instant;
use transport::{Address, ShardId};

use super::route::Pause;
use super::{Answer, Consistency, Door, DoorError, Query, Shown, mismatch};

/// How long an arrival is waited for: longer than a parcel takes while nobody is lost.
const ARRIVAL_MAX: Duration = Duration::from_secs(3);

impl Door {
    /// An instance with what is shown of it, also where the message that makes it is on its way.
    ///
    /// # Errors
    /// A shard cannot be read.
    pub async fn instance(
        &self,
        address: &Address,
        consistency: Consistency,
    ) -> Result<Option<Box<Shown>>, DoorError> {
        let found = self.known_instance(address, consistency).await?;
        let wait = found.is_none() && consistency == Consistency::Linearisable;
        if wait && self.await_arrivals(address).await? {
            return self.known_instance(address, consistency).await;
        }
        Ok(found)
    }

    async fn known_instance(
        &self,
        address: &Address,
        consistency: Consistency,
    ) -> Result<Option<Box<Shown>>, DoorError> {
        let shard = self.shard_of(address)?;
        let query = Query::Instance(address.clone());
        match self.ask(shard, query, consistency).await? {
            Answer::Instance(found) => Ok(found),
            _ => Err(mismatch()),
        }
    }

    /// Whether a request that was answered so is worth another try now.
    pub(super) async fn arrived_since<T>(
        &self,
        answer: &Result<T, DoorError>,
        to: &Address,
    ) -> bool {
        let unknown = matches!(answer, Err(DoorError::Refused(refusal)) if refusal.code == codes::UNKNOWN_INSTANCE);
        unknown && matches!(self.await_arrivals(to).await, Ok(true))
    }

    /// Waits until everything that the home of the name had sent to the shard of the instance has arrived
    /// there. False where nothing was on its way or the time is over.
    pub(crate) async fn await_arrivals(&self, address: &Address) -> Result<bool, DoorError> {
        let (home, shard) = (
            self.shard_of(&address.without_key())?,
            self.shard_of(address)?,
        );
        if home == shard {
            return Ok(false);
        }
        let deadline = Instant::now() + ARRIVAL_MAX;
        let sent = self.position(home, Query::Sent { to: shard }).await?;
        let mut pause = Pause::default();
        while self.position(shard, Query::Taken { from: home }).await? < sent {
            if !pause.rest_before(deadline).await {
                return Ok(false);
            }
        }
        Ok(sent > 0)
    }

    async fn position(&self, shard: ShardId, query: Query) -> Result<u64, DoorError> {
        match self.ask(shard, query, Consistency::Linearisable).await? {
            Answer::Position(position) => Ok(position),
            _ => Err(mismatch()),
        }
    }
}
