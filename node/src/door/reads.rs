//! Reads: any node answers for every instance, from its own replica where it has one. A replica first
//! learns from the leader how far it must be (so that a read never goes back), unless the client is
//! content with `Consistency::Local`. Comes after the query handlers; before `cluster::query`.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use cluster::message::{Body, ProgramId};
use cluster::query::{self, InstanceView, OutputPage};
use cluster::record::{DeadLetter, HistoryRecord, MessageRecord};
use cluster::store::StateRead;
use cluster_raft::remote::CallHandler;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use transport::{Address, MessageId, Namespace, ShardId, codec};

use super::{Door, DoorError, HANDOVER_DEADLINE};

/// Bytes of a question or an answer between nodes: a page with the largest of its rows, or an instance with
/// its state and its program's view of it.
const READ_BYTES_MAX: usize = 4 * cluster::limits::PAGE_BYTES_MAX;
/// How long one node waits for another's answer before it looks for the leader again.
const READ_DEADLINE: std::time::Duration = std::time::Duration::from_millis(1500);

/// How fresh an answer has to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Consistency {
    /// It has everything that was acknowledged before the question.
    #[default]
    Linearisable,
    /// Whatever the replica has.
    Local,
}

/// A question to one shard.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Query {
    /// One instance.
    Instance(Address),
    /// Instances of a namespace or of one name, after one, at most so many.
    Instances {
        /// The namespace.
        namespace: Namespace,
        /// Only this name.
        name: Option<Address>,
        /// Only what follows this one.
        after: Option<Address>,
        /// How many.
        limit: usize,
    },
    /// Steps of an instance's history.
    History {
        /// The instance.
        address: Address,
        /// The first step wanted.
        from: u64,
        /// How many.
        limit: usize,
    },
    /// What an instance put out.
    Output {
        /// The instance.
        address: Address,
        /// The first number wanted.
        from: u64,
        /// How many.
        limit: usize,
    },
    /// An instance of a reactive function with its result.
    Reactive(Address),
    /// What became of a message.
    Message(MessageId),
    /// The messages of a story.
    Story {
        /// Any message of it.
        id: MessageId,
        /// Only those that follow this one.
        after: Option<MessageId>,
    },
    /// Whether a worker serves a bare name; asked of the name's home shard.
    Name(Address),
    /// The bytes of a program.
    Program(ProgramId),
    /// Dead letters.
    DeadLetters {
        /// The first number wanted.
        from: u64,
        /// How many.
        limit: usize,
    },
    /// The last number that the shard put into its channel to another.
    Sent {
        /// The other.
        to: ShardId,
    },
    /// The last number that the shard took from its channel from another.
    Taken {
        /// The other.
        from: ShardId,
    },
}

/// An instance with what its program says of its state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Shown {
    /// The instance.
    pub view: InstanceView,
    /// The values of its open `withState` blocks, outermost first.
    pub state: Vec<Body>,
    /// What a reactive function came to, with its sources.
    pub computed: Option<Body>,
}

/// The answer to a [`Query`] of the same name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Answer {
    /// One instance, where there is one, with what is shown of it.
    Instance(Option<Box<Shown>>),
    /// Instances.
    Instances(Vec<InstanceView>),
    /// Steps with their numbers.
    History(Vec<(u64, HistoryRecord)>),
    /// Output, where there is such an instance.
    Output(Option<OutputPage>),
    /// An instance, where there is one, with the result of its reactive function.
    Reactive(Option<(InstanceView, Body)>),
    /// A message with its kind, where it is known.
    Message(Option<(MessageRecord, String)>),
    /// Messages of a story with their kinds.
    Story(Vec<(MessageRecord, String)>),
    /// The program that serves the name, where one does.
    Name(Option<ProgramId>),
    /// The bytes of a program, where the shard has it.
    Program(Option<Bytes>),
    /// Dead letters with their numbers.
    DeadLetters(Vec<(u64, DeadLetter)>),
    /// A number in a channel; 0 for none.
    Position(u64),
}

#[derive(Serialize, Deserialize)]
struct Question {
    shard: ShardId,
    query: Query,
    consistency: Consistency,
}

/// What a node says to another's question.
#[derive(Serialize, Deserialize)]
enum Reply {
    Answer(Box<Answer>),
    Failed(String),
}

impl Door {
    /// Asks a shard: here where a replica is here, else the node that leads it.
    ///
    /// # Errors
    /// No node answers in time, or the state cannot be read.
    pub async fn ask(
        &self,
        shard: ShardId,
        query: Query,
        consistency: Consistency,
    ) -> Result<Answer, DoorError> {
        let deadline = tokio::time::Instant::now() + HANDOVER_DEADLINE;
        let mut pause = super::route::Pause::default();
        loop {
            let tried = if self.groups.holds(shard) {
                self.ask_here(shard, &query, consistency).await?
            } else {
                self.ask_leader(shard, &query, consistency).await?
            };
            let why = match tried {
                Ok(answer) => return Ok(answer),
                Err(why) => why,
            };
            if !pause.rest_before(deadline).await {
                let detail = format!("shard {shard} could not be read: {why}");
                return Err(DoorError::Unavailable {
                    detail,
                    unknown: false,
                });
            }
        }
    }

    /// One attempt on this node; the inner error is worth another.
    async fn ask_here(
        &self,
        shard: ShardId,
        query: &Query,
        consistency: Consistency,
    ) -> Result<Result<Answer, String>, DoorError> {
        let linearisable = consistency == Consistency::Linearisable;
        match self.groups.read(shard, linearisable).await {
            Ok(reader) => self
                .answer(&*reader, query)
                .map(Ok)
                .map_err(|error| unreadable(shard, &error)),
            Err(error) => Ok(Err(error.to_string())),
        }
    }

    /// One attempt on the node that leads the shard; the inner error is worth another.
    async fn ask_leader(
        &self,
        shard: ShardId,
        query: &Query,
        consistency: Consistency,
    ) -> Result<Result<Answer, String>, DoorError> {
        let Some(leader) = self.groups.leader_of(shard) else {
            return Ok(Err("it has no leader".to_owned()));
        };
        let question = Question {
            shard,
            query: query.clone(),
            consistency,
        };
        let question = codec::encode(&question, READ_BYTES_MAX)
            .map_err(|error| DoorError::BadRequest(error.to_string()))?;
        let called = self.groups.call(leader, question, READ_DEADLINE).await;
        let reply = match called {
            Ok(reply) => codec::decode::<Reply>(&reply, READ_BYTES_MAX),
            Err(error) => return Ok(Err(error.to_string())),
        };
        Ok(match reply {
            Ok(Reply::Answer(answer)) => Ok(*answer),
            Ok(Reply::Failed(why)) => Err(why),
            Err(error) => Err(error.to_string()),
        })
    }
}

/// Answers the questions of other nodes from now on.
pub fn answer_queries(door: &Arc<Door>) {
    // Weak: the groups keep the handler, and the door keeps the groups.
    door.groups
        .set_handler(Arc::new(Handler(Arc::downgrade(door))));
}

struct Handler(Weak<Door>);

impl CallHandler for Handler {
    fn answer(&self, call: Bytes) -> BoxFuture<'static, Bytes> {
        let door = self.0.upgrade();
        Box::pin(async move {
            let reply = match door {
                Some(door) => reply_to(&door, &call).await,
                None => Reply::Failed("the node is stopping".to_owned()),
            };
            codec::encode(&reply, READ_BYTES_MAX).unwrap_or_else(|error| {
                codec::encode(&Reply::Failed(error.to_string()), READ_BYTES_MAX)
                    .expect("a short reason fits an answer")
            })
        })
    }
}

async fn reply_to(door: &Door, call: &[u8]) -> Reply {
    let question = match codec::decode::<Question>(call, READ_BYTES_MAX) {
        Ok(question) => question,
        Err(error) => return Reply::Failed(error.to_string()),
    };
    match door
        .ask_here(question.shard, &question.query, question.consistency)
        .await
    {
        Ok(Ok(answer)) => Reply::Answer(Box::new(answer)),
        Ok(Err(why)) => Reply::Failed(why),
        Err(error) => Reply::Failed(error.to_string()),
    }
}

fn with_kind(
    reader: &dyn StateRead,
    message: MessageRecord,
) -> Result<(MessageRecord, String), query::QueryError> {
    let kind = query::kind(reader, &message)?;
    Ok((message, kind))
}

fn unreadable(shard: ShardId, error: &query::QueryError) -> DoorError {
    let detail = format!("the state of shard {shard} cannot be read: {error}");
    DoorError::Unavailable {
        detail,
        unknown: false,
    }
}

impl Door {
    fn answer(&self, reader: &dyn StateRead, query: &Query) -> Result<Answer, query::QueryError> {
        Ok(match query {
            Query::Instance(address) => Answer::Instance(self.shown(reader, address)?),
            Query::Reactive(address) => Answer::Reactive(self.computed(reader, address)?),
            Query::Name(name) => Answer::Name(query::active_program(
                reader,
                name.namespace(),
                name.name(),
            )?),
            Query::Program(program) => Answer::Program(query::installed_program(reader, *program)?),
            Query::Instances {
                namespace,
                name,
                after,
                limit,
            } => Answer::Instances(query::instances(
                reader,
                namespace,
                name.as_ref(),
                after.as_ref(),
                *limit,
            )?),
            Query::History {
                address,
                from,
                limit,
            } => Answer::History(query::history(reader, address, *from, *limit)?),
            Query::Output {
                address,
                from,
                limit,
            } => Answer::Output(query::output(reader, address, *from, *limit)?),
            Query::Message(id) => {
                let found = query::message(reader, *id)?;
                Answer::Message(found.map(|one| with_kind(reader, one)).transpose()?)
            }
            Query::Story { id, after } => {
                let page = query::story(reader, *id, *after, cluster::limits::PAGE_ROWS_MAX)?;
                let kinds = page.into_iter().map(|one| with_kind(reader, one));
                Answer::Story(kinds.collect::<Result<_, _>>()?)
            }
            Query::DeadLetters { from, limit } => {
                Answer::DeadLetters(query::dead_letters(reader, *from, *limit)?)
            }
            Query::Sent { to } => Answer::Position(query::sent(reader, *to)?),
            Query::Taken { from } => Answer::Position(query::taken(reader, *from)?),
        })
    }

    /// An instance with the result of its reactive function.
    fn computed(
        &self,
        reader: &dyn StateRead,
        address: &Address,
    ) -> Result<Option<(InstanceView, Body)>, query::QueryError> {
        let shown = self.shown(reader, address)?;
        Ok(shown.and_then(|shown| Some((shown.view, shown.computed?))))
    }

    /// An instance with what its program says of its state.
    fn shown(
        &self,
        reader: &dyn StateRead,
        address: &Address,
    ) -> Result<Option<Box<Shown>>, query::QueryError> {
        let Some(view) = query::instance(reader, address)? else {
            return Ok(None);
        };
        let decode = || query::decoded_program(reader, view.program);
        let (mut state, mut computed) = (Vec::new(), None);
        if let Some(program) = self.programs.get(view.program, decode)? {
            state = query::open_states(&program, &view)?;
            computed = query::shown_result(&program, &view)?;
        }
        Ok(Some(Box::new(Shown {
            view,
            state: state.into_iter().map(Body::from_data).collect(),
            computed: computed.map(Body::from_data),
        })))
    }
}
