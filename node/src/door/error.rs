//! Why the door turned a request away. Comes after everything that can refuse; before the HTTP problem
//! or the bus answer that says so. Guarantees a stable code and a status for each.

use cluster::codes;
use cluster::outcome::Refusal;
use transport::AddressError;

use crate::api::Problem;

/// Why a request was not carried out, or is not known to have been.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// A name, key or namespace that cannot be one.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The body is not JSON, or none that can be a message.
    #[error("{0}")]
    BadBody(String),
    /// The request itself is not what this call takes.
    #[error("{0}")]
    BadRequest(String),
    /// Too many bytes.
    #[error("the body has more than {max} bytes")]
    TooLarge {
        /// What is allowed.
        max: usize,
    },
    /// The disk of the shard's leader is full: nothing was applied.
    #[error("{reason}")]
    DiskFull {
        /// What is free and what is needed.
        reason: String,
    },
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// No worker serves the name.
    #[error("no worker `{name}` is deployed")]
    UnknownWorker {
        /// The name.
        name: String,
        /// The name that was probably meant.
        guess: Option<String>,
    },
    /// There is no such instance.
    #[error("there is no instance {address}")]
    UnknownInstance {
        /// Its address.
        address: String,
        /// Where to look.
        hint: String,
    },
    /// A reactive function waits for its first sources.
    #[error("{0}")]
    NoValue(String),
    /// Asked for what is no longer kept.
    #[error("the first that is still kept is {first}")]
    Gone {
        /// The id of the first that is.
        first: String,
    },
    /// The scripts do not compile.
    #[error("the script does not compile; nothing was deployed")]
    Script(Vec<String>),
    /// The shard refused: nothing was applied.
    #[error("{}", .0.message)]
    Refused(Refusal),
    /// The node has not joined a cluster that serves yet.
    #[error(
        "this node does not serve yet: the cluster has not begun, or the node has not joined it"
    )]
    NotReady,
    /// The node starts, and waits for something.
    #[error("this node does not serve yet: {0}")]
    Starting(String),
    /// No leader took the request in time. It was not applied, or it is not known whether it was.
    #[error("{detail}")]
    Unavailable {
        /// What was tried.
        detail: String,
        /// Whether it may have been applied all the same.
        unknown: bool,
    },
}

impl DoorError {
    /// Of a text that is no value, or too large a one.
    #[must_use]
    pub(crate) fn of_json(error: &vm::data::JsonError, limits: &vm::Limits) -> DoorError {
        match error.too_large {
            true => DoorError::TooLarge {
                max: usize::try_from(limits.message_bytes).unwrap_or(usize::MAX),
            },
            false => DoorError::BadBody(error.to_string()),
        }
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            DoorError::Address(_) => "E-bad-address",
            DoorError::BadBody(_) => "E-bad-body",
            DoorError::BadRequest(_) => "E-bad-request",
            DoorError::TooLarge { .. } => "E-too-large",
            DoorError::DiskFull { .. } => "E-disk-full",
            DoorError::NotFound(_) => "E-not-found",
            DoorError::UnknownWorker { .. } => codes::UNKNOWN_WORKER,
            DoorError::UnknownInstance { .. } => codes::UNKNOWN_INSTANCE,
            DoorError::Gone { .. } => "E-gone",
            DoorError::NoValue(_) => "E-no-value",
            DoorError::Script(_) => "E-script",
            DoorError::Refused(refusal) => &refusal.code,
            DoorError::NotReady | DoorError::Starting(_) => "E-not-ready",
            DoorError::Unavailable { unknown: false, .. } => "E-unavailable",
            DoorError::Unavailable { unknown: true, .. } => "E-outcome-unknown",
        }
    }

    /// As HTTP says it.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let (status, title) = self.status();
        let mut problem = Problem::new(status, self.code(), title, self.to_string());
        if let DoorError::Script(diagnostics) = self {
            problem.diagnostics.clone_from(diagnostics);
        }
        if let Some(hint) = self.hint() {
            problem = problem.with_hint(hint);
        }
        problem
    }

    /// Milliseconds after which it is worth trying again, where it is.
    #[must_use]
    pub fn retry_after_ms(&self) -> Option<u64> {
        match self {
            DoorError::Refused(refusal) => refusal.retry_after_ms,
            DoorError::NotReady
            | DoorError::Starting(_)
            | DoorError::DiskFull { .. }
            | DoorError::Unavailable { .. } => Some(1000),
            _ => None,
        }
    }

    fn status(&self) -> (u16, &'static str) {
        match self {
            DoorError::Address(_) => (400, "the address cannot be one"),
            DoorError::BadBody(_) => (400, "the body is no message"),
            DoorError::BadRequest(_) => (400, "the request cannot be read"),
            DoorError::TooLarge { .. } => (413, "the message is too large"),
            DoorError::DiskFull { .. } => (507, "the disk is full"),
            DoorError::NotFound(_) => (404, "there is no such thing"),
            DoorError::UnknownWorker { .. } => (404, "no worker of that name is deployed"),
            DoorError::UnknownInstance { .. } => (404, "there is no such instance"),
            DoorError::Gone { .. } => (410, "it is no longer kept"),
            DoorError::NoValue(_) => (504, "there is no value yet"),
            DoorError::Script(_) => (422, "the script does not compile"),
            DoorError::NotReady | DoorError::Starting(_) => (503, "this node does not serve yet"),
            DoorError::Unavailable { .. } => (503, "no leader answered in time"),
            DoorError::Refused(refusal) => match refusal.code.as_str() {
                codes::UNKNOWN_WORKER => (404, "no worker of that name is deployed"),
                codes::DISAGREEMENT => (503, "the replicas of the shard disagree"),
                codes::UNKNOWN_INSTANCE => (404, "there is no such instance"),
                codes::UNKNOWN_DEAD_LETTER => (404, "there is no such dead letter"),
                codes::MEMBER_UNKNOWN => (404, "there is no such member"),
                codes::SEMANTICS => (409, "not every node supports it"),
                codes::MEMBER_IN_USE => (409, "the member is in use"),
                codes::BACKUP_FAILED => (503, "no backup could be made"),
                codes::BACKUP_GONE => (410, "the backup cannot be gone on with"),
                codes::HAS_QUORUM => (409, "it has a quorum"),
                codes::RECOVER_SOURCE => (409, "nothing can go on from that node"),
                codes::MOVE_IMPOSSIBLE => (409, "the shard map does not allow it"),
                codes::SHARD_UNKNOWN => (404, "there is no such shard"),
                codes::RUNNING => (409, "the instance runs already"),
                codes::ENDED => (409, "the instance has ended"),
                codes::KEY_FAILED => (422, "the worker's `key` has no key for the message"),
                codes::KEY_REUSED => (422, "the idempotency key was used for another request"),
                codes::OUTCOME_UNKNOWN => (409, "the request is too old to be judged"),
                codes::TOO_LARGE => (413, "the message is too large"),
                codes::BUSY | codes::DISK_BEHIND | codes::MAILBOX_FULL | codes::SERVICE_FULL => {
                    (429, "too much is waiting")
                }
                _ => (400, "the shard refused the request"),
            },
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            DoorError::UnknownWorker {
                guess: Some(guess), ..
            } => return Some(format!("did you mean `{guess}`?")),
            DoorError::UnknownInstance { hint, .. } => return Some(hint.clone()),
            DoorError::Refused(refusal) => return refused_hint(&refusal.code).map(str::to_owned),
            DoorError::UnknownWorker { guess: None, .. } => UNKNOWN_WORKER_HINT,
            DoorError::NotReady | DoorError::Starting(_) => {
                "wait for /readyz to answer 200; `troupe cluster status` shows what this node knows"
            }
            DoorError::Unavailable { unknown: true, .. } => {
                "send it again with the same Idempotency-Key: it is applied once"
            }
            DoorError::Unavailable { unknown: false, .. } => {
                "try again; `troupe cluster status` shows which shards have a leader"
            }
            DoorError::BadBody(_) => "a message is one JSON value",
            DoorError::TooLarge { .. } => "keep what is large elsewhere, and send where it is",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// What to do where no worker has such a name.
const UNKNOWN_WORKER_HINT: &str =
    "`troupe deploy FILE` installs workers; `troupe list --deployed` shows which there are";

/// What to do about the refusal of a shard.
fn refused_hint(code: &str) -> Option<&'static str> {
    Some(match code {
        codes::UNKNOWN_WORKER => UNKNOWN_WORKER_HINT,
        codes::BACKUP_FAILED => "try again; `troupe cluster status` shows what has no leader",
        codes::BACKUP_GONE => "make a new one: without `cut` and `from`",
        codes::RUNNING => "`troupe send` gives it a message, `troupe kill` ends it",
        codes::KEY_FAILED => {
            "send what `key` reads, or name the instance: NAME/KEY; nothing was applied"
        }
        _ => return None,
    })
}
