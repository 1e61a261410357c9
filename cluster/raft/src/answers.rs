//! Answers what other nodes ask this one. `remote` comes before it; the local proposers, the
//! keeper of the identity and the node's own handler after it. Guarantees: every request gets an
//! answer; a proposal is taken only where this node leads. Left to others: trying elsewhere.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cluster::{SystemCommand, SystemOutcome};
use futures::future::{BoxFuture, FutureExt};
use transport::ClusterId;

use crate::backup::Holds;
use crate::bootstrap::Keeper;
use crate::payloads;
use crate::proposer::ProposeError;
use crate::remote::{CallHandler, Request, Requests, Response};
use crate::router::Router;
use crate::types::NodeInfo;

/// What answers.
pub(crate) struct Answers {
    pub(crate) router: Arc<Router>,
    pub(crate) keeper: Arc<Keeper>,
    pub(crate) handler: Arc<OnceLock<Arc<dyn CallHandler>>>,
    pub(crate) holds: Arc<Holds>,
    pub(crate) info: NodeInfo,
}

impl Requests for Answers {
    fn answer(self: Arc<Self>, request: Request) -> BoxFuture<'static, Response> {
        async move { self.respond(request).await.unwrap_or_else(Response::Failed) }.boxed()
    }
}

impl Answers {
    async fn respond(&self, request: Request) -> Result<Response, ProposeError> {
        match request {
            Request::Propose { shard, commands } => {
                let outcomes = self.router.propose(shard, commands).await?;
                Ok(Response::Outcomes(outcomes))
            }
            Request::ProposeSystem(commands) => {
                let outcomes = self.router.propose_system(commands).await?;
                Ok(Response::SystemOutcomes(outcomes))
            }
            Request::ReadIndex(shard) => {
                let units = self.router.read_index(shard).await?;
                Ok(Response::ReadIndex(units))
            }
            Request::Join { member, cluster } => self.join(member, cluster).await,
            Request::Who => Ok(Response::Here(self.info.clone())),
            Request::Promise(proposal) => Ok(self.keeper.promise(&proposal)),
            Request::Call(call) => match self.handler.get() {
                Some(handler) => Ok(Response::Answer(handler.answer(call).await)),
                None => Err(ProposeError::Unavailable {
                    reason: "the node is starting".to_owned(),
                }),
            },
            Request::Hold(request) => {
                let held = self.holds.answer(request).await;
                held.map(Response::Held)
                    .map_err(|error| ProposeError::Unavailable {
                        reason: error.to_string(),
                    })
            }
            request @ (Request::HasPayload(_)
            | Request::PutPayload { .. }
            | Request::GetPayload(_)) => {
                payloads::answer(&self.router.network.payloads, request).await
            }
            Request::Piece(_) | Request::Rest { .. } => Err(ProposeError::Unavailable {
                reason: "a piece stands where a whole request has to".to_owned(),
            }),
        }
    }

    async fn join(
        &self,
        member: cluster::system::Member,
        cluster: ClusterId,
    ) -> Result<Response, ProposeError> {
        match self.keeper.cluster() {
            Some(own) if own != cluster => return Ok(Response::Member(own)),
            Some(_) => {}
            None => {
                return Err(ProposeError::Unavailable {
                    reason: "the node has no cluster yet".to_owned(),
                });
            }
        }
        let node = member.id;
        let deadline = Duration::from_millis(self.router.limits.request_ms);
        let outcomes = self
            .router
            .submit_system(vec![SystemCommand::Join(member)], deadline)
            .await?;
        match outcomes.first() {
            Some(SystemOutcome::Done { .. }) => {
                tracing::info!(%node, "a node joined");
                Ok(Response::Joined)
            }
            Some(SystemOutcome::Refused(refusal)) => Err(ProposeError::Unavailable {
                reason: format!("{}: {}", refusal.code, refusal.message),
            }),
            None => Err(ProposeError::Unknown {
                reason: "no outcome".to_owned(),
            }),
        }
    }
}
