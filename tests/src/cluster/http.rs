//! A small HTTP client of tests: blocking, one node, JSON in and out, every status an answer. What an answer
//! should be is the test's own. Errors are those of the connection only.

use std::io::{BufRead, BufReader};
use std::time::Duration;

use serde_json::Value;

/// How long a call may take where the test says nothing else: longer than a node's own deadlines.
pub const CALL_DEADLINE: Duration = Duration::from_secs(70);

/// A client of one node.
#[derive(Clone, Debug)]
pub struct HttpClient {
    agent: ureq::Agent,
    url: String,
}

/// What a node answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The media type, without parameters.
    pub media_type: String,
    /// All headers, in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as it came.
    pub text: String,
    /// The body as JSON; null where it is none.
    pub body: Value,
}

/// One event of a live stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What `Last-Event-ID` would resume after.
    pub id: String,
    /// Its data as JSON.
    pub data: Value,
}

impl HttpClient {
    /// A client of the node at `url`.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self::with_deadline(url, CALL_DEADLINE)
    }

    /// A client whose calls take no longer than `deadline`.
    #[must_use]
    pub fn with_deadline(url: &str, deadline: Duration) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(Duration::from_secs(2).min(deadline)))
            .timeout_global(Some(deadline))
            .build();
        Self {
            agent: config.into(),
            url: url.to_owned(),
        }
    }

    /// `GET`. Panics where no answer comes.
    pub fn get(&self, path: &str) -> Answer {
        self.try_get(path)
            .unwrap_or_else(|error| panic!("GET {}{path}: {error}", self.url))
    }

    /// `GET`.
    ///
    /// # Errors
    /// No answer comes.
    pub fn try_get(&self, path: &str) -> Result<Answer, ureq::Error> {
        read(self.agent.get(format!("{}{path}", self.url)).call()?)
    }

    /// `POST` with a JSON body. Panics where no answer comes.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_with(path, &[], &body.to_string())
    }

    /// `POST` with headers and any body. Panics where no answer comes.
    pub fn post_with(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.try_post(path, headers, body)
            .unwrap_or_else(|error| panic!("POST {}{path}: {error}", self.url))
    }

    /// `POST` with headers and any body.
    ///
    /// # Errors
    /// No answer comes.
    pub fn try_post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Answer, ureq::Error> {
        let mut request = self.agent.post(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        read(request.content_type("application/json").send(body)?)
    }

    /// `DELETE`. Panics where no answer comes.
    pub fn delete(&self, path: &str) -> Answer {
        let sent = self.agent.delete(format!("{}{path}", self.url)).call();
        sent.and_then(read)
            .unwrap_or_else(|error| panic!("DELETE {}{path}: {error}", self.url))
    }

    /// Follows a live stream until it has `count` events, from the one after `last_event_id`. Panics where
    /// they do not come within the client's deadline.
    pub fn follow(&self, path: &str, last_event_id: Option<&str>, count: usize) -> Vec<Event> {
        let mut request = self.agent.get(format!("{}{path}", self.url));
        request = request.header("Accept", "text/event-stream");
        if let Some(id) = last_event_id {
            request = request.header("Last-Event-ID", id);
        }
        let mut response = request.call().unwrap();
        assert_eq!(response.status(), 200, "{path} as a stream");
        let lines = BufReader::new(response.body_mut().as_reader()).lines();
        let (mut events, mut id, mut data) = (Vec::new(), String::new(), String::new());
        for line in lines {
            let line = line.unwrap_or_else(|error| panic!("{path}: {error}, after {events:?}"));
            if let Some(value) = line.strip_prefix("id:") {
                value.trim().clone_into(&mut id);
            } else if let Some(value) = line.strip_prefix("data:") {
                data.push_str(value.trim());
            } else if line.is_empty() && !data.is_empty() {
                events.push(Event {
                    id: id.clone(),
                    data: serde_json::from_str(&data).unwrap(),
                });
                data.clear();
            }
            if events.len() == count {
                break;
            }
        }
        assert_eq!(events.len(), count, "{path} ended early: {events:?}");
        events
    }
}

impl Answer {
    /// Itself where the status is the expected one; panics with the body where not.
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "the status; body: {}", self.text);
        self
    }

    /// Checks that it is a problem (RFC 9457) of this status and code, with a title and a detail.
    pub fn expect_problem(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(
            answer.media_type, "application/problem+json",
            "{}",
            answer.text
        );
        assert_eq!(answer.body["code"], code, "{}", answer.text);
        assert_eq!(answer.body["status"], status, "{}", answer.text);
        for field in ["type", "title", "detail"] {
            assert!(
                answer.body[field]
                    .as_str()
                    .is_some_and(|text| !text.is_empty()),
                "{}",
                answer.text
            );
        }
        answer
    }

    /// A field of the body as text. Panics where it is none.
    pub fn text_of(&self, field: &str) -> String {
        let text = self.body[field].as_str();
        text.unwrap_or_else(|| panic!("no text `{field}` in {}", self.text))
            .to_owned()
    }
}

fn read(mut response: ureq::http::Response<ureq::Body>) -> Result<Answer, ureq::Error> {
    let headers: Vec<(String, String)> = response
        .headers()
        .iter()
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                value.to_str().unwrap_or("").to_owned(),
            )
        })
        .collect();
    let media_type = headers.iter().find(|(name, _)| name == "content-type");
    let media_type = media_type
        .and_then(|(_, value)| value.split(';').next())
        .unwrap_or("");
    let media_type = media_type.trim().to_owned();
    let text = response
        .body_mut()
        .with_config()
        .limit(64 << 20)
        .read_to_string()?;
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Ok(Answer {
        status: response.status().as_u16(),
        media_type,
        headers,
        text,
        body,
    })
}
