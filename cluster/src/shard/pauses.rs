//! Instances that were told to hold still: they keep their mailbox and take nothing.
//!
//! Before it: `Pause`. After it: the turns that waited.
//! Guarantees: while it holds still an instance takes no turn; its timers stay due and its replies are kept;
//! when it goes on they come first, in order, and then its mailbox. It ends by a kill as ever.
//! Leaves to others: what waits (`mailbox`, `answers`, `ends`).

use transport::Address;

use super::{Shard, ShardError};
use crate::record::InstanceStatus;

impl Shard {
    /// Whether an instance is that of a reactive function.
    pub(crate) fn computes(&mut self, address: &Address) -> Result<bool, ShardError> {
        let Some((place, instance)) = self.take(address)? else {
            return Ok(false);
        };
        let computes = self.is_reactive(&instance);
        self.hot.put(place, instance, false);
        computes
    }

    /// Lets an instance hold still, or go on. Nothing changes where it does so already.
    pub(crate) fn pause(&mut self, address: &Address, paused: bool) -> Result<(), ShardError> {
        let Some((place, mut instance)) = self.take(address)? else {
            return Ok(());
        };
        let running = instance.record.status == InstanceStatus::Running;
        if !running || instance.record.is_paused == paused {
            self.hot.put(place, instance, false);
            return Ok(());
        }
        instance.record.is_paused = paused;
        // Silence that was asked for is none.
        instance.record.heard_ms = self.now_ms;
        match paused {
            true => {
                self.hot.put(place, instance, true);
                Ok(())
            }
            false => self.go_on(place, instance),
        }
    }
}
