//! `troupe start`: starts a run by hand, with a key, a config and a first message where wanted.

use crate::api::{Accepted, StartRequest};
use crate::arguments::StartArguments;
use crate::client::{Client, segment};

/// Starts the run.
///
/// # Errors
/// An argument is not JSON, the key is running already, or the cluster refuses.
pub(super) fn run(arguments: &StartArguments) -> anyhow::Result<()> {
    let config = arguments.config.as_deref();
    let message = arguments.message.as_deref();
    let request = StartRequest {
        key: arguments.key.clone(),
        config: config
            .map(|text| super::json::argument("--config", text))
            .transpose()?,
        message: message
            .map(|text| super::json::argument("--message", text))
            .transpose()?,
    };
    let wait = arguments.delivery.wait.as_str();
    let path = format!(
        "/workers/{}/instances?wait={wait}",
        segment(&arguments.name)
    );
    let key = arguments.delivery.idempotency_key.as_deref();
    let accepted: Accepted = Client::new(&arguments.client).post(&path, &request, key)?;
    super::send::print(&accepted, arguments.client.output)
}
