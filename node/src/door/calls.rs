//! What can be asked of the door that changes something: send, start, kill. Each becomes one command of
//! one shard. Comes after the HTTP handlers and the bus; before `route`.

use bytes::Bytes;
use cluster::codes;
use cluster::command::{
    Command, DeadLetterRequest, Idempotency, KillRequest, PauseRequest, SendRequest, StartRequest,
};
use cluster::message::Body;
use cluster::outcome::{Outcome, Receipt};
use cluster_raft::driver::waiters::Topic;
use transport::{Address, Attribute, HopKind, MessageId, ShardId, Span, Stamp, TraceContext};

use super::{Door, DoorError, Listener, unix_nanos};

/// When a request is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wait {
    /// It is committed.
    #[default]
    Commit,
    /// Its turn is done.
    Turn,
    /// Its run has ended.
    Outcome,
}

/// What every call brings with it.
#[derive(Clone, Debug, Default)]
pub struct Delivery {
    /// The client's trace.
    pub trace: Option<TraceContext>,
    /// The client's idempotency key.
    pub idempotency_key: Option<String>,
    /// When to answer.
    pub wait: Wait,
}

/// A message.
#[derive(Clone, Debug)]
pub struct SendCall {
    /// An instance or a bare name.
    pub to: Address,
    /// What is said.
    pub body: vm::Data,
    /// Whether a worker heard it on the bus: then nobody is told where it cannot be taken, and it is kept.
    pub heard: bool,
    /// How.
    pub delivery: Delivery,
}

/// A run to be started.
#[derive(Clone, Debug)]
pub struct StartCall {
    /// An instance, or a bare name for a fresh key.
    pub to: Address,
    /// Its configuration.
    pub config: Option<vm::Data>,
    /// Its first message.
    pub message: Option<vm::Data>,
    /// How.
    pub delivery: Delivery,
}

/// An instance to be ended.
#[derive(Clone, Debug)]
pub struct KillCall {
    /// Whom.
    pub target: Address,
    /// How.
    pub delivery: Delivery,
}

/// A request that is on a quorum's disks.
#[derive(Debug)]
pub struct Admitted {
    /// Whom it was for: an instance or a bare name.
    pub to: Address,
    /// Its stamp.
    pub stamp: Stamp,
    /// What the shard said.
    pub receipt: Receipt,
    /// The message that a run was started with.
    pub first: Option<MessageId>,
    /// Hears the shard from before the request, where more than the commit is waited for.
    pub listener: Option<Listener>,
}

impl Admitted {
    /// Whether an earlier request with the client's idempotency key was accepted instead. What the door itself
    /// had to hand over twice is no repeat.
    #[must_use]
    pub fn is_repeat(&self) -> bool {
        self.receipt.message != self.stamp.id
    }
}

impl Door {
    /// Sends a message; returns once it is committed.
    ///
    /// # Errors
    /// The shard refuses it, or no leader takes it in time.
    pub async fn send(&self, call: &SendCall) -> Result<Admitted, DoorError> {
        self.require_receiver(&call.to).await?;
        let sent = self.send_once(call).await;
        if self.arrived_since(&sent, &call.to).await {
            return self.send_once(call).await;
        }
        sent
    }

    /// A value as it is logged. What the shard would refuse is refused here, before anything is logged.
    fn body(&self, value: vm::Data) -> Result<Body, DoorError> {
        let body = Body::from_data(value);
        let of_shards = usize::try_from(self.limits().message_bytes).unwrap_or(usize::MAX);
        let max = of_shards.min(self.message_bytes_max);
        match body.bytes().len() <= max {
            true => Ok(body),
            false => Err(DoorError::TooLarge { max }),
        }
    }

    async fn send_once(&self, call: &SendCall) -> Result<Admitted, DoorError> {
        let body = self.body(call.body.clone())?;
        let key = idempotency(&call.delivery, b"send", &call.to, &[body.bytes()]);
        let door = self.header(call.delivery.trace.as_ref(), key)?;
        let stamp = door.stamp.clone();
        let request = SendRequest {
            door,
            to: call.to.clone(),
            from: None,
            body,
        };
        let command = match call.heard {
            true => Command::Hear(request),
            false => Command::Send(request),
        };
        self.admit(&call.to, &call.delivery, stamp, command).await
    }

    /// Starts a run; returns once that is committed.
    ///
    /// # Errors
    /// As for [`Door::send`]; `E-running` while that key runs.
    pub async fn start(&self, call: &StartCall) -> Result<Admitted, DoorError> {
        let program = self.require_worker(&call.to).await?;
        let first = call.message.as_ref();
        let to = self.start_target(&call.to, program, first).await?;
        let config = call.config.clone().map(|config| self.body(config));
        let message = call.message.clone().map(|message| self.body(message));
        let (config, message) = (config.transpose()?, message.transpose()?);
        let part = |body: &Option<Body>| {
            body.as_ref()
                .map_or(Bytes::new(), |body| body.bytes().clone())
        };
        let parts = [part(&config), part(&message)];
        let key = idempotency(&call.delivery, b"start", &to, &[&parts[0], &parts[1]]);
        let door = self.header(call.delivery.trace.as_ref(), key)?;
        let stamp = door.stamp.clone();
        let has_message = message.is_some();
        let command = Command::Start(StartRequest {
            door,
            to: to.clone(),
            config,
            message,
        });
        let admitted = self.admit(&to, &call.delivery, stamp, command).await?;
        let first = has_message.then(|| MessageId::first_of(admitted.receipt.message));
        Ok(Admitted { first, ..admitted })
    }

    /// Ends an instance; returns once that is committed.
    ///
    /// # Errors
    /// As for [`Door::send`]; `E-unknown-instance` where there is none.
    pub async fn kill(&self, call: &KillCall) -> Result<Admitted, DoorError> {
        let killed = self.kill_once(call).await;
        if self.arrived_since(&killed, &call.target).await {
            return self.kill_once(call).await;
        }
        match killed {
            Err(DoorError::Refused(refusal)) if refusal.code == codes::UNKNOWN_INSTANCE => {
                Err(self.unknown_instance(&call.target).await)
            }
            other => other,
        }
    }

    async fn kill_once(&self, call: &KillCall) -> Result<Admitted, DoorError> {
        let key = idempotency(&call.delivery, b"kill", &call.target, &[]);
        let door = self.header(call.delivery.trace.as_ref(), key)?;
        let stamp = door.stamp.clone();
        let command = Command::Kill(KillRequest {
            door,
            target: call.target.clone(),
        });
        self.admit(&call.target, &call.delivery, stamp, command)
            .await
    }

    /// Lets an instance hold still, or go on; returns once that is committed.
    ///
    /// # Errors
    /// As for [`Door::kill`].
    pub async fn pause(
        &self,
        target: &Address,
        paused: bool,
        delivery: &Delivery,
    ) -> Result<(), DoorError> {
        let door = self.header(delivery.trace.as_ref(), None)?;
        let stamp = door.stamp.clone();
        let command = Command::Pause(PauseRequest {
            door,
            target: target.clone(),
            paused,
        });
        match self.admit(target, delivery, stamp, command).await {
            Err(DoorError::Refused(refusal)) if refusal.code == codes::UNKNOWN_INSTANCE => {
                Err(self.unknown_instance(target).await)
            }
            other => other.map(drop),
        }
    }

    /// Sends a dead letter again; it is gone from the list then.
    ///
    /// # Errors
    /// As for [`Door::send`]; `E-unknown-dead-letter` where there is none of that number.
    pub async fn retry_dead_letter(
        &self,
        shard: ShardId,
        number: u64,
        delivery: &Delivery,
    ) -> Result<(), DoorError> {
        let door = self.header(delivery.trace.as_ref(), None)?;
        self.settle(
            shard,
            Command::RetryDeadLetter(DeadLetterRequest { door, number }),
        )
        .await
    }

    /// Forgets a dead letter.
    ///
    /// # Errors
    /// As for [`Door::retry_dead_letter`].
    pub async fn discard_dead_letter(
        &self,
        shard: ShardId,
        number: u64,
        delivery: &Delivery,
    ) -> Result<(), DoorError> {
        let door = self.header(delivery.trace.as_ref(), None)?;
        self.settle(
            shard,
            Command::DiscardDeadLetter(DeadLetterRequest { door, number }),
        )
        .await
    }

    async fn settle(&self, shard: ShardId, command: Command) -> Result<(), DoorError> {
        match self.propose(shard, command).await? {
            Outcome::Refused(refusal) => Err(DoorError::Refused(refusal)),
            _ => Ok(()),
        }
    }

    pub(super) async fn admit(
        &self,
        to: &Address,
        delivery: &Delivery,
        stamp: Stamp,
        command: Command,
    ) -> Result<Admitted, DoorError> {
        let start_unix_nanos = unix_nanos();
        let shard = self.shard_of(to)?;
        let place = self.places.take().await?;
        let listener =
            (delivery.wait != Wait::Commit).then(|| self.listen(shard, Topic::Turn(stamp.id)));
        let outcome = self.propose(shard, command).await;
        drop(place);
        let caller = delivery.trace.as_ref().map(|trace| trace.span_id);
        self.record_span(
            to,
            &stamp,
            (caller, start_unix_nanos),
            outcome.as_ref().err(),
        );
        match outcome? {
            Outcome::Accepted(receipt) => Ok(Admitted {
                to: to.clone(),
                stamp,
                receipt,
                first: None,
                listener,
            }),
            Outcome::Refused(refusal) => Err(DoorError::Refused(refusal)),
            Outcome::ChannelExpects(_)
            | Outcome::Done
            | Outcome::Checkpoint(_)
            | Outcome::Pruned(_)
            | Outcome::Met(_)
            | Outcome::Cut(_)
            | Outcome::ChannelExpectsInCut { .. } => {
                panic!("a door request is accepted or refused, nothing else")
            }
        }
    }

    fn record_span(
        &self,
        to: &Address,
        stamp: &Stamp,
        (caller, start_unix_nanos): (Option<[u8; 8]>, u64),
        error: Option<&DoorError>,
    ) {
        if !self.spans.is_enabled() || !stamp.trace.is_sampled() {
            return;
        }
        let context = stamp.trace.child(stamp.id, HopKind::Door);
        self.spans.record(Span {
            hop: HopKind::Door,
            context,
            parent: caller,
            start_unix_nanos,
            end_unix_nanos: unix_nanos(),
            attributes: vec![
                (
                    "messaging.destination.name",
                    Attribute::Text(to.to_string()),
                ),
                ("troupe.message.id", Attribute::Text(stamp.id.to_string())),
            ],
            links: Vec::new(),
            error: error.map(ToString::to_string),
        });
    }
}

/// The key with a digest of what it is used for; each part stands behind its length.
fn idempotency(
    delivery: &Delivery,
    kind: &[u8],
    to: &Address,
    parts: &[&[u8]],
) -> Option<Idempotency> {
    let key = delivery.idempotency_key.clone()?;
    let mut hasher = blake3::Hasher::new();
    let to = to.to_string();
    for part in [kind, to.as_bytes()]
        .into_iter()
        .chain(parts.iter().copied())
    {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    Some(Idempotency {
        key,
        digest: *hasher.finalize().as_bytes(),
    })
}
