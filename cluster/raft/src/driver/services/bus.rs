//! `Bus`: `{ subject, message?, headers?, tag? }` is published. The shard's queue comes before it, whoever
//! subscribes after it. Guarantees: what one worker publishes goes out in the order in which it was sent;
//! while there is no connection it waits; the subjects of the cluster itself are refused. Left to
//! others: delivery, which the bus does not promise.

use bytes::Bytes;
use cluster::action::ServiceCall;
use transport::{BusError, Headers, Subject};
use vm::Data;

use super::request::Fields;
use super::{Fault, Performed};
use crate::driver::DriverParts;

const FIELDS: [&str; 3] = ["subject", "message", "headers"];

/// First tokens of subjects that are not for workers: our own, the server's, and answers to requests.
const PRIVATE: [&str; 2] = ["troupe", "_INBOX"];

/// Publishes.
pub(super) async fn perform(
    parts: &DriverParts,
    call: &ServiceCall,
    body: &Data,
) -> Result<Performed, Fault> {
    let fields = Fields::read("Bus", body, &FIELDS)?;
    let subject = subject(&fields.required("subject")?)?;
    let mut headers = Headers::of_stamp(&call.stamp);
    for (name, value) in fields.headers()? {
        if headers.get(&name).is_some() || name.starts_with("troupe-") || name.starts_with("nats-")
        {
            return Err(Fault::request(format!(
                "the header `{name}` is set by Bus itself; leave it out"
            )));
        }
        let set = headers.set(name, value);
        set.map_err(|error| Fault::request(error.to_string()))?;
    }
    let payload = fields
        .get("message")
        .map_or(Bytes::new(), |message| Bytes::from(message.to_json()));
    let bus = &parts.router.network.buses.traffic;
    match bus.publish(subject, headers, payload).await {
        Ok(()) => Ok(Performed::Done),
        Err(error @ (BusError::TooLarge { .. } | BusError::Refused { .. })) => Err(Fault {
            code: error.code(),
            message: error.to_string(),
            passing: false,
        }),
        Err(error) => Ok(Performed::Later(error.to_string())),
    }
}

fn subject(text: &str) -> Result<Subject, Fault> {
    let first = text.split('.').next().unwrap_or("");
    if PRIVATE.contains(&first) || first.starts_with('$') {
        return Err(Fault::request(format!(
            "`{text}` is no subject for workers: those that begin with `troupe`, `_INBOX` or `$` are not theirs; send to a worker or service by its name instead"
        )));
    }
    Subject::new(text).map_err(|error| Fault::request(format!("`subject`: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_of_the_cluster_and_of_the_server_are_refused() {
        for refused in [
            "troupe.c.node.1.raft.vote",
            "troupe",
            "_INBOX.a",
            "$SYS.x",
            "$JS.API",
            "a b",
            "",
            "a.*",
        ] {
            let error = subject(refused).unwrap_err();
            assert_eq!(error.code, crate::http::BAD_REQUEST, "{refused}");
        }
        assert_eq!(
            subject("prices.apples").unwrap().to_string(),
            "prices.apples"
        );
        assert!(subject("troupes.x").is_ok());
    }
}
