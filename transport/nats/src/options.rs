//! How to reach the NATS server, and as whom.
//! Before it: the node's configuration. After it: `NatsBus::connect`.
//! Guarantees: secrets never show in `Debug`; a bad setting is named when it is used.
//! Leaves to others: reading secrets from files (the node).

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{ConnectOptions, ServerAddr};
use transport::BusError;

use crate::limits::{
    CALL_DEADLINE, CLIENT_QUEUE_MESSAGES, CONNECT_DEADLINE, PING_INTERVAL, RECONNECT_DELAY_MAX,
    RECONNECT_DELAY_MIN, SEND_QUEUE_MESSAGES,
};
use crate::reach;
use crate::state::Shared;

/// As whom to connect.
#[derive(Clone, Default)]
pub enum NatsAuth {
    /// As nobody in particular.
    #[default]
    None,
    /// With a token.
    Token(String),
    /// With a user and a password.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// With an NKey: the seed, as it stands in the key's file.
    NKey {
        /// The seed, which begins with `SU`.
        seed: String,
    },
    /// With the text of a credentials file (`.creds`): a JWT and a seed.
    Credentials {
        /// The text of the file.
        text: String,
    },
}

/// Settings of a connection.
#[derive(Debug, Clone)]
pub struct NatsOptions {
    /// One URL or several with commas between: `nats://host:port` or `tls://host:port`.
    pub url: String,
    /// Shown by the server in its list of connections.
    pub client_name: String,
    /// As whom to connect.
    pub auth: NatsAuth,
    /// Refuses to go on without TLS.
    pub tls_required: bool,
    /// Certificates of the authority that signed the server's, in PEM; the system's otherwise.
    pub tls_authority_file: Option<PathBuf>,
    /// Certificate and key of this node, in PEM, where the server asks for them.
    pub tls_client_files: Option<(PathBuf, PathBuf)>,
    /// Longest wait for a publish to be taken, or for a subscription to be ready.
    pub call_deadline: Duration,
}

impl NatsOptions {
    /// A connection to `url` with the defaults.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            client_name: "troupe".to_owned(),
            auth: NatsAuth::None,
            tls_required: false,
            tls_authority_file: None,
            tls_client_files: None,
            call_deadline: CALL_DEADLINE,
        }
    }

    /// The servers that the URL names.
    pub(crate) fn servers(&self) -> Result<Vec<ServerAddr>, BusError> {
        let urls = self.url.split(',').map(str::trim);
        let parse = |url: &str| {
            ServerAddr::from_str(url).map_err(|error| BusError::Refused {
                reason: format!(
                    "{url:?} is no URL of a NATS server ({error}); write nats://HOST:PORT"
                ),
            })
        };
        urls.map(parse).collect()
    }

    /// What the client library is told.
    pub(crate) fn connect_options(&self, shared: &Arc<Shared>) -> Result<ConnectOptions, BusError> {
        let [events, delays, reach] = [(); 3].map(|()| Arc::clone(shared));
        let mut options = self
            .authenticated(ConnectOptions::new())?
            .name(&self.client_name)
            .retry_on_initial_connect()
            .connection_timeout(CONNECT_DEADLINE)
            .ping_interval(PING_INTERVAL)
            .subscription_capacity(CLIENT_QUEUE_MESSAGES)
            .client_capacity(SEND_QUEUE_MESSAGES)
            // `Subject` and `Pattern` are valid by construction.
            .skip_subject_validation(true)
            .require_tls(self.tls_required)
            .reconnect_to_server_callback(move |servers, _| {
                let reached = reach::wait_until_reached(servers, Arc::clone(&reach));
                // In a task of its own, since the library asks more of a future than the kernel's calls give.
                let reached = tokio::spawn(reached);
                async move {
                    let _ = reached.await;
                    // The library chooses one.
                    None
                }
            })
            .reconnect_delay_callback(move |attempt| delays.reconnect_delay(attempt))
            .event_callback(move |event| {
                events.on_event(&event);
                std::future::ready(())
            });
        if let Some(file) = &self.tls_authority_file {
            options = options.add_root_certificates(file.clone());
        }
        if let Some((certificate, key)) = &self.tls_client_files {
            options = options.add_client_certificate(certificate.clone(), key.clone());
        }
        Ok(options)
    }

    fn authenticated(&self, options: ConnectOptions) -> Result<ConnectOptions, BusError> {
        Ok(match &self.auth {
            NatsAuth::None => options,
            NatsAuth::Token(token) => options.token(token.clone()),
            NatsAuth::Password { user, password } => {
                options.user_and_password(user.clone(), password.clone())
            }
            NatsAuth::NKey { seed } => options.nkey(seed.trim().to_owned()),
            NatsAuth::Credentials { text } => {
                options
                    .credentials(text)
                    .map_err(|error| BusError::Refused {
                        reason: format!("the credentials for the bus are not readable: {error}"),
                    })?
            }
        })
    }
}

/// The wait before an attempt to connect: none before the first, then doubling to the maximum.
pub(crate) fn reconnect_delay(attempt: usize) -> Duration {
    match u32::try_from(attempt.saturating_sub(2)) {
        _ if attempt <= 1 => Duration::ZERO,
        Ok(doublings) if doublings < 16 => {
            (RECONNECT_DELAY_MIN * 2u32.pow(doublings)).min(RECONNECT_DELAY_MAX)
        }
        _ => RECONNECT_DELAY_MAX,
    }
}

impl fmt::Debug for NatsAuth {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::None => "None",
            Self::Token(_) => "Token(…)",
            Self::Password { .. } => "Password(…)",
            Self::NKey { .. } => "NKey(…)",
            Self::Credentials { .. } => "Credentials(…)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_the_maximum_and_stay_there() {
        let delays: Vec<u128> = (0..9)
            .map(|attempt| reconnect_delay(attempt).as_millis())
            .collect();
        assert_eq!(delays, [0, 0, 10, 20, 40, 50, 50, 50, 50]);
        assert_eq!(reconnect_delay(usize::MAX), RECONNECT_DELAY_MAX);
    }

    #[test]
    fn several_urls_are_read_and_a_bad_one_is_named() {
        let several = NatsOptions::new("nats://a:4222, tls://b:4223");
        assert_eq!(several.servers().unwrap().len(), 2);
        let bad = NatsOptions::new("nats://a:4222,nats://:no:port").servers();
        assert!(bad.unwrap_err().to_string().contains("nats://:no:port"));
    }

    #[test]
    fn secrets_are_not_printed() {
        let mut options = NatsOptions::new("nats://a:4222");
        let secrets = [
            NatsAuth::Token("hidden".to_owned()),
            NatsAuth::Password {
                user: "hidden".to_owned(),
                password: "hidden".to_owned(),
            },
            NatsAuth::NKey {
                seed: "hidden".to_owned(),
            },
            NatsAuth::Credentials {
                text: "hidden".to_owned(),
            },
        ];
        for secret in secrets {
            options.auth = secret;
            assert!(!format!("{options:?}").contains("hidden"));
        }
    }

    #[test]
    fn unreadable_credentials_are_refused() {
        let mut options = NatsOptions::new("nats://a:4222");
        options.auth = NatsAuth::Credentials {
            text: "none".to_owned(),
        };
        let refused = options.connect_options(&Arc::default());
        assert_eq!(
            refused.err().map(|error| error.code()),
            Some("E-bus-refused")
        );
    }
}
