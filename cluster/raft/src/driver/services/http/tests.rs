//! Requests from messages, and messages from responses.

use transport::{HybridTime, MessageId, Stamp};

use super::*;
use crate::http::BAD_REQUEST;

fn stamp() -> Stamp {
    Stamp::root(MessageId([7; 16]), HybridTime::new(1, 0), None)
}

fn asked(json: &str) -> Result<HttpRequest, Fault> {
    let body = Data::from_json(json, &vm::Limits::default()).unwrap();
    request(&stamp(), &body, &DriverLimits::default())
}

fn header<'h>(request: &'h HttpRequest, name: &str) -> Option<&'h str> {
    let mut headers = request.headers.iter();
    headers
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.as_str())
}

fn answered(media_type: &str, body: &[u8]) -> (&'static str, String) {
    let response = HttpResponse {
        status: 200,
        url: "http://a/".to_owned(),
        headers: vec![("content-type".to_owned(), media_type.to_owned())],
        body: Bytes::copy_from_slice(body),
    };
    let (field, value) = body_of(&response);
    (field, value.to_json())
}

#[test]
fn a_request_is_made_of_a_message() {
    let request = asked(r#"{ "type": "any", "url": "http://a/b" }"#).unwrap();
    assert_eq!(
        (request.method.as_str(), request.url.as_str()),
        ("GET", "http://a/b")
    );
    assert!(request.body.is_empty());
    assert_eq!(request.deadline, Duration::from_secs(10));
    assert_eq!(
        header(&request, "idempotency-key"),
        Some("07".repeat(16).as_str())
    );
    let trace = header(&request, "traceparent").unwrap();
    assert!(trace.contains(&"07".repeat(16)), "{trace}");
    assert_eq!(header(&request, "content-type"), None);
}

#[test]
fn what_is_sent_is_a_text_a_value_or_bytes() {
    let with = |fields: &str| {
        asked(&format!(
            r#"{{ "method": "post", "url": "http://a", {fields} }}"#
        ))
    };
    let request = with(r#""body": { "a": [1] }, "timeout": 50, "tag": 1"#).unwrap();
    assert_eq!(
        (&request.body[..], request.method.as_str()),
        (&br#"{"a":[1]}"#[..], "POST")
    );
    assert_eq!(header(&request, "content-type"), Some("application/json"));
    assert_eq!(request.deadline, Duration::from_millis(50));
    let request =
        with(r#""body": "x=1", "headers": { "Content-Type": "text/csv", "n": 1 }"#).unwrap();
    assert_eq!(&request.body[..], b"x=1");
    assert_eq!(
        (header(&request, "content-type"), header(&request, "n")),
        (Some("text/csv"), Some("1"))
    );
    let request = with(r#""base64": "/wA=""#).unwrap();
    assert_eq!(&request.body[..], &[255, 0]);
    let request = with(r#""headers": { "idempotency-key": "own" }"#).unwrap();
    assert_eq!(header(&request, "idempotency-key"), Some("own"));
}

#[test]
fn what_is_no_request_is_refused_by_name() {
    let refused = [
        (r#""text""#, "object"),
        ("{}", "url"),
        (r#"{ "url": 5 }"#, "url"),
        (r#"{ "url": "http://a", "ulr": 1 }"#, "ulr"),
        (r#"{ "url": "http://a", "body": "x" }"#, "method"),
        (
            r#"{ "url": "http://a", "method": "POST", "body": "x", "base64": "" }"#,
            "base64",
        ),
        (
            r#"{ "url": "http://a", "method": "POST", "base64": "%" }"#,
            "base64",
        ),
        (r#"{ "url": "http://a", "timeout": 0 }"#, "timeout"),
        (r#"{ "url": "http://a", "timeout": 1e9 }"#, "timeout"),
        (
            r#"{ "url": "http://a", "headers": { "Host": "b" } }"#,
            "host",
        ),
        (
            r#"{ "url": "http://a", "headers": { "traceparent": "b" } }"#,
            "traceparent",
        ),
        (
            r#"{ "url": "http://a", "headers": { "a": {} } }"#,
            "headers",
        ),
    ];
    for (json, named) in refused {
        let fault = asked(json).unwrap_err();
        assert_eq!(fault.code, BAD_REQUEST, "{json}");
        assert!(fault.message.contains(named), "{json}: {}", fault.message);
    }
}

#[test]
fn a_body_is_a_value_a_text_or_base64() {
    let json = "application/json; charset=utf-8";
    assert_eq!(
        answered(json, br#"{ "$a": 1 }"#),
        ("body", r#"{"$a":1}"#.to_owned())
    );
    assert_eq!(
        answered("application/problem+json", b"[1]"),
        ("body", "[1]".to_owned())
    );
    assert_eq!(answered(json, b"{ no"), ("body", r#""{ no""#.to_owned()));
    assert_eq!(
        answered("text/plain", b"[1]"),
        ("body", r#""[1]""#.to_owned())
    );
    assert_eq!(
        answered("image/png", &[255, 0]),
        ("base64", r#""/wA=""#.to_owned())
    );
}
