//! The built-in services, performed by the leader of the sender's shard. `effects` comes before it, the
//! network or this node's log after it, and `EffectDone` brings the answer into the log. Guarantees: a
//! request that cannot be carried out is answered with an error that has a code; an answer fits a
//! message. Left to others: queues and backoff (the shard's state), the client's own rules (`http`).

mod bus;
mod http;
mod log;
mod request;

use cluster::action::ServiceCall;
use cluster::command::EffectResult;
use cluster::limits::BODY_BYTES_MAX;
use cluster::{Body, BuiltIn};
use vm::Data;

use super::DriverParts;
use crate::http::BAD_REQUEST;

/// Why a request was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fault {
    code: &'static str,
    message: String,
    /// Whether the same request may succeed later.
    passing: bool,
}

impl Fault {
    fn request(message: impl Into<String>) -> Self {
        Self {
            code: BAD_REQUEST,
            message: message.into(),
            passing: false,
        }
    }
}

/// What a service did.
enum Performed {
    /// It is done, and there is nothing to say.
    Done,
    /// This goes back.
    Said(Vec<(&'static str, Data)>),
    /// Not now: it is tried again later.
    Later(String),
}

/// Whether the messages to a service are performed one after the other, as they were sent.
pub(super) const fn is_ordered(service: BuiltIn) -> bool {
    match service {
        BuiltIn::Bus | BuiltIn::Log => true,
        // A slow server must not hold up the requests to others.
        BuiltIn::Http => false,
    }
}

/// Performs one message. The text says why it was not done, for its span.
pub(super) async fn perform(
    parts: &DriverParts,
    service: BuiltIn,
    call: &ServiceCall,
) -> (EffectResult, Option<String>) {
    let body = match call.body.data() {
        Ok(body) => body,
        Err(error) => return failed(service, None, &Fault::request(error.to_string())),
    };
    let performed = match service {
        BuiltIn::Http => http::perform(parts, call, &body).await,
        BuiltIn::Bus => bus::perform(parts, call, &body).await,
        BuiltIn::Log => {
            log::perform(parts, call, &body);
            Ok(Performed::Done)
        }
    };
    let tag = body.property("tag");
    match performed {
        Ok(Performed::Done) => (EffectResult::Acknowledged, None),
        Ok(Performed::Later(reason)) => {
            let why = Some(reason.clone());
            (EffectResult::Unanswered { reason }, why)
        }
        Ok(Performed::Said(fields)) => match answer(fields, tag) {
            Some(answer) => (answer, None),
            None => failed(service, tag, &too_large()),
        },
        Err(fault) => failed(service, tag, &fault),
    }
}

fn too_large() -> Fault {
    Fault {
        code: "E-http-too-large",
        message: format!(
            "the response does not fit a message: as a value it has more than {BODY_BYTES_MAX} bytes, or nests too deeply"
        ),
        passing: false,
    }
}

/// The error as a message to the sender, and as text.
fn failed(service: BuiltIn, tag: Option<&Data>, fault: &Fault) -> (EffectResult, Option<String>) {
    let fields = vec![
        ("type", Data::text("error")),
        ("service", Data::text(service.name())),
        ("code", Data::text(fault.code)),
        ("message", Data::text(fault.message.as_str())),
        ("passing", Data::Boolean(fault.passing)),
    ];
    // Without the tag where that is what does not fit.
    let said = answer(fields.clone(), tag).or_else(|| answer(fields, None));
    let why = format!("{}: {}", fault.code, fault.message);
    (said.unwrap_or(EffectResult::Acknowledged), Some(why))
}

/// A message of these fields and the tag of the request; none where it is too large.
fn answer(mut fields: Vec<(&'static str, Data)>, tag: Option<&Data>) -> Option<EffectResult> {
    if let Some(tag) = tag {
        fields.push(("tag", tag.clone()));
    }
    let named = fields.into_iter().map(|(key, value)| (key.into(), value));
    let body = Body::from_data(Data::object(named.collect()).ok()?);
    (body.bytes().len() <= BODY_BYTES_MAX).then_some(EffectResult::Answer(body))
}
