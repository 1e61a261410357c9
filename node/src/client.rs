//! The command line's HTTP client: one call of the public interface each, errors as problem details.
//! Comes after `commands`, before a node's `http`; uses nothing that any other client could not.

use std::io::{BufRead, BufReader, Read};
use std::time::Duration;

use anyhow::{Context, anyhow};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::Problem;
use crate::arguments::ClientArguments;

/// Longer than any wait that a node grants, so that the node's own answer is the one that is seen.
const TIMEOUT: Duration = Duration::from_secs(70);

/// A connection to any node of a cluster.
pub struct Client {
    agent: ureq::Agent,
    url: String,
    namespace: String,
}

/// One event of a live stream.
pub struct Event {
    /// What `Last-Event-ID` would resume after.
    pub id: String,
    /// The event's data.
    pub data: String,
}

impl Client {
    /// A client of the node that the arguments name.
    #[must_use]
    pub fn new(arguments: &ClientArguments) -> Client {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(Duration::from_secs(3)))
            .timeout_recv_response(Some(TIMEOUT))
            .user_agent(concat!("troupe/", env!("CARGO_PKG_VERSION")))
            .build();
        Client {
            agent: config.into(),
            url: arguments.url.trim_end_matches('/').to_owned(),
            namespace: arguments.namespace.clone(),
        }
    }

    /// `GET` below `/v1`.
    ///
    /// # Errors
    /// The node cannot be reached, or it answers with a problem.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let sent = self.agent.get(self.address(path)).call();
        self.read(sent)
    }

    /// `POST` below `/v1` with a JSON body.
    ///
    /// # Errors
    /// As for [`Client::get`].
    pub fn post<B: Serialize, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
        idempotency_key: Option<&str>,
    ) -> anyhow::Result<T> {
        let mut request = self.agent.post(self.address(path));
        if let Some(key) = idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        self.read(request.send_json(body))
    }

    /// `DELETE` below `/v1`.
    ///
    /// # Errors
    /// As for [`Client::get`].
    pub fn delete<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let sent = self.agent.delete(self.address(path)).call();
        self.read(sent)
    }

    /// Follows a live stream (server-sent events) until it ends or `each` says stop.
    ///
    /// # Errors
    /// As for [`Client::get`], or the connection breaks.
    pub fn follow(
        &self,
        path: &str,
        after: Option<&str>,
        mut each: impl FnMut(Event) -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let mut request = self
            .agent
            .get(self.address(path))
            .header("Accept", "text/event-stream");
        if let Some(after) = after {
            request = request.header("Last-Event-ID", after);
        }
        let mut response = request.call().map_err(|error| self.unreachable(&error))?;
        if !response.status().is_success() {
            return Err(problem(&mut response));
        }
        let reader = BufReader::new(response.body_mut().as_reader());
        let (mut id, mut data) = (String::new(), String::new());
        for line in reader.lines() {
            let line = line.context("the stream broke")?;
            if let Some(value) = line.strip_prefix("id:") {
                value.trim().clone_into(&mut id);
            } else if let Some(value) = line.strip_prefix("data:") {
                data.push_str(value.trim_start());
            } else if line.is_empty() && !data.is_empty() {
                let event = Event {
                    id: id.clone(),
                    data: std::mem::take(&mut data),
                };
                if !each(event)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// `POST` below `/v1`, answered with bytes that are read as they come.
    ///
    /// # Errors
    /// As for [`Client::get`].
    pub fn download(&self, path: &str) -> anyhow::Result<impl Read + use<>> {
        let sent = self.agent.post(self.address(path)).send_empty();
        let mut response = sent.map_err(|error| self.unreachable(&error))?;
        if !response.status().is_success() {
            return Err(problem(&mut response));
        }
        Ok(response.into_body().into_reader())
    }

    fn address(&self, path: &str) -> String {
        if self.namespace == "default" || path.starts_with("/cluster") {
            format!("{}/v1{path}", self.url)
        } else {
            format!("{}/v1/ns/{}{path}", self.url, self.namespace)
        }
    }

    fn read<T: DeserializeOwned>(
        &self,
        sent: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> anyhow::Result<T> {
        let mut response = sent.map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() {
            let body = response
                .body_mut()
                .with_config()
                .limit(64 << 20)
                .read_json();
            return body.context("the node's answer is not what this version expects");
        }
        Err(problem(&mut response))
    }

    fn unreachable(&self, error: &ureq::Error) -> anyhow::Error {
        anyhow!(
            "no answer from {}: {error}\nhint: is a node running there? `troupe dev` starts one; \
             --url or TROUPE_URL names another",
            self.url
        )
    }
}

fn problem(response: &mut ureq::http::Response<ureq::Body>) -> anyhow::Error {
    let status = response.status();
    match response.body_mut().read_json::<Problem>() {
        Ok(problem) => anyhow::Error::new(problem),
        Err(_) => anyhow!("the node answered {status}"),
    }
}

/// A path segment with everything percent-encoded that is not unreserved (RFC 3986, section 2.3).
#[must_use]
pub fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Splits `NAME/KEY`; a key may contain further slashes.
#[must_use]
pub fn instance(text: &str) -> (&str, Option<&str>) {
    match text.split_once('/') {
        Some((name, key)) => (name, Some(key)),
        None => (text, None),
    }
}

/// The path of an instance; `NAME` alone is `NAME/default`.
#[must_use]
pub fn instance_path(text: &str) -> String {
    let (name, key) = instance(text);
    format!(
        "/workers/{}/instances/{}",
        segment(name),
        segment(key.unwrap_or("default"))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_percent_encoded() {
        assert_eq!(segment("user 1/ä"), "user%201%2F%C3%A4");
        assert_eq!(
            instance_path("Counter"),
            "/workers/Counter/instances/default"
        );
        assert_eq!(
            instance_path("Counter/a/b"),
            "/workers/Counter/instances/a%2Fb"
        );
    }
}
