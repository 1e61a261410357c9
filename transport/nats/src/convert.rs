//! Messages and headers of ours as those of the client library, and back.
//! Before it: `bus`, with what is to be sent; `subscriber` and `inbox`, with what arrived.
//! After it: the other side.
//! Guarantees: what we send is read back equal; what foreign clients send is bounded.
//! Leaves to others: the meaning of headers (`transport::headers`).

use async_nats::{HeaderMap, HeaderName, HeaderValue, Message};
use transport::{BusMessage, Headers, Subject};

/// The headers to send; none where there are none, which saves the server work.
pub(crate) fn headers_to_send(headers: &Headers) -> Option<HeaderMap> {
    if headers.is_empty() {
        return None;
    }
    let mut map = HeaderMap::new();
    for (name, value) in headers.iter() {
        // `Headers` holds only names and values that are valid here; a name that the library
        // still refuses would be a header that no client can read.
        if let Ok(name) = name.parse::<HeaderName>() {
            map.insert(name, HeaderValue::from(value));
        }
    }
    Some(map)
}

/// A message as it arrived. None where its subject is none of ours: foreign clients may use
/// letters outside ASCII, and nobody here can have meant to subscribe to that.
pub(crate) fn received(message: Message) -> Option<BusMessage> {
    let subject = Subject::new(message.subject.as_str()).ok()?;
    let reply = message
        .reply
        .and_then(|reply| Subject::new(reply.as_str()).ok());
    let headers = message
        .headers
        .map_or_else(Headers::new, |map| received_headers(&map));
    Some(BusMessage {
        subject,
        reply,
        headers,
        payload: message.payload,
    })
}

/// The first value of every header that is within our limits; foreign clients may send others.
fn received_headers(map: &HeaderMap) -> Headers {
    let mut headers = Headers::new();
    for (name, values) in map.iter() {
        if let Some(value) = values.first() {
            let _ = headers.set(name.to_string(), value.as_str());
        }
    }
    headers
}
