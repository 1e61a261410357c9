//! `Http`: `{ method?, url, headers?, body? | base64?, timeout?, tag? }` becomes a request, and its
//! response `{ type: "response", status, url, headers, body | base64, tag? }`. The shard's queue comes
//! before it, the client after it. Guarantees: the message's id goes along as `Idempotency-Key` and its
//! trace as `traceparent`, the same at every try. Left to others: hosts, redirects, bytes (the client).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use cluster::action::ServiceCall;
use transport::{HopKind, Stamp};
use vm::Data;

use super::request::Fields;
use super::{Fault, Performed};
use crate::driver::DriverParts;
use crate::http::{HttpError, HttpRequest, HttpResponse};
use crate::limits::DriverLimits;

const FIELDS: [&str; 6] = ["method", "url", "headers", "body", "base64", "timeout"];

/// Headers that belong to the connection or to the trace.
const OWN_HEADERS: [&str; 10] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Makes the request of a message.
pub(super) async fn perform(
    parts: &DriverParts,
    call: &ServiceCall,
    body: &Data,
) -> Result<Performed, Fault> {
    let request = request(&call.stamp, body, &parts.limits)?;
    let response = parts.http.send(request).await;
    response
        .map(|response| Performed::Said(said(&response)))
        .map_err(|error| fault(&error))
}

fn fault(error: &HttpError) -> Fault {
    Fault {
        code: error.code(),
        message: error.to_string(),
        passing: error.is_passing(),
    }
}

/// The request that a message asks for.
fn request(stamp: &Stamp, body: &Data, limits: &DriverLimits) -> Result<HttpRequest, Fault> {
    let fields = Fields::read("Http", body, &FIELDS)?;
    let method = fields.text("method")?.unwrap_or_else(|| "GET".to_owned());
    let method = method.to_ascii_uppercase();
    let mut headers = fields.headers()?;
    let named =
        |headers: &[(String, String)], name: &str| headers.iter().any(|(known, _)| known == name);
    if let Some((name, _)) = headers
        .iter()
        .find(|(name, _)| OWN_HEADERS.contains(&name.as_str()))
    {
        return Err(Fault::request(format!(
            "the header `{name}` is set by Http itself; leave it out"
        )));
    }
    let (payload, media_type) = payload(&fields)?;
    if !payload.is_empty() && matches!(method.as_str(), "GET" | "HEAD") {
        return Err(Fault::request(format!(
            "a {method} request has no body; give a `method` such as \"POST\""
        )));
    }
    if let Some(media_type) = media_type.filter(|_| !named(&headers, "content-type")) {
        headers.push(("content-type".to_owned(), media_type.to_owned()));
    }
    if !named(&headers, "idempotency-key") {
        headers.push(("idempotency-key".to_owned(), stamp.id.to_string()));
    }
    // What the server does hangs below the span of this call.
    let trace = stamp.trace.child(stamp.id, HopKind::Effect);
    headers.push(("traceparent".to_owned(), trace.traceparent()));
    if let Some(state) = &trace.state {
        headers.push(("tracestate".to_owned(), state.as_str().to_owned()));
    }
    Ok(HttpRequest {
        method,
        url: fields.required("url")?,
        headers,
        body: payload,
        deadline: deadline(&fields, limits)?,
        response_bytes_max: limits.http_response_bytes,
        redirects_max: limits.http_redirects_max,
    })
}

/// The bytes to send, and what they are where the message does not say.
fn payload(fields: &Fields<'_>) -> Result<(Bytes, Option<&'static str>), Fault> {
    match (fields.get("body"), fields.text("base64")?) {
        (Some(_), Some(_)) => Err(Fault::request("a request has `body` or `base64`, not both")),
        (None, None) => Ok((Bytes::new(), None)),
        (None, Some(text)) => match BASE64.decode(text) {
            Ok(bytes) => Ok((Bytes::from(bytes), Some("application/octet-stream"))),
            Err(error) => Err(Fault::request(format!("`base64` is none: {error}"))),
        },
        (Some(Data::Text(text)), None) => {
            let text = text.to_string_lossy();
            Ok((Bytes::from(text), Some("text/plain; charset=utf-8")))
        }
        (Some(value), None) => Ok((Bytes::from(value.to_json()), Some("application/json"))),
    }
}

fn deadline(fields: &Fields<'_>, limits: &DriverLimits) -> Result<Duration, Fault> {
    let max = limits.http_deadline_ms_max;
    match fields.number("timeout")? {
        None => Ok(Duration::from_millis(limits.http_deadline_ms)),
        Some(ms) if ms >= 1.0 && ms <= max as f64 => Ok(Duration::from_millis(ms as u64)),
        Some(_) => Err(fields.not(
            "timeout",
            &format!("a number of milliseconds from 1 to {max}"),
        )),
    }
}

/// What the sender is told.
fn said(response: &HttpResponse) -> Vec<(&'static str, Data)> {
    let headers = response.headers.iter();
    let headers = headers.map(|(name, value)| (name.as_str().into(), Data::text(value.as_str())));
    let headers = Data::object(headers.collect()).unwrap_or_default();
    vec![
        ("type", Data::text("response")),
        ("status", Data::Number(f64::from(response.status))),
        ("url", Data::text(response.url.as_str())),
        ("headers", headers),
        body_of(response),
    ]
}

/// JSON as its value, text as text, anything else in base64.
fn body_of(response: &HttpResponse) -> (&'static str, Data) {
    let Ok(text) = std::str::from_utf8(&response.body) else {
        return ("base64", Data::text(BASE64.encode(&response.body)));
    };
    let mut types = response
        .headers
        .iter()
        .filter(|(name, _)| name == "content-type");
    let media_type = types.next().map_or("", |(_, value)| value.as_str());
    let media_type = media_type.split(';').next().unwrap_or("").trim();
    let is_json = media_type == "application/json" || media_type.ends_with("+json");
    let limits = vm::Limits::default();
    let parsed = is_json.then(|| vm::data::parse_json(text, &limits, false).ok());
    ("body", parsed.flatten().unwrap_or_else(|| Data::text(text)))
}

#[cfg(test)]
mod tests;
