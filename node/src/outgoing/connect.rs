//! Connections to servers: TCP, with TLS for `https`. Comes after the host was found to be allowed; before
//! HTTP. Guarantees: a certificate is checked against the host's name and the roots that this machine trusts
//! (`SSL_CERT_FILE` names others). Leaves to others: deadlines.

use std::sync::{Arc, OnceLock};

use cluster_raft::http::HttpError;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use url::Url;

/// A connection that is open.
pub(super) enum Connection {
    /// Without TLS.
    Plain(TokioIo<TcpStream>),
    /// With TLS.
    Secure(TokioIo<Box<TlsStream<TcpStream>>>),
}

/// How servers prove who they are. The roots are read when they are first needed.
pub(super) struct Tls(OnceLock<Result<TlsConnector, String>>);

impl Tls {
    /// Trusts what this machine trusts.
    pub(super) fn of_machine() -> Tls {
        Tls(OnceLock::new())
    }

    /// Trusts these roots alone.
    #[cfg(test)]
    pub(super) fn of_roots(roots: RootCertStore) -> Tls {
        Tls(OnceLock::from(connector(roots)))
    }

    fn connector(&self) -> Result<&TlsConnector, HttpError> {
        let made = self.0.get_or_init(|| {
            let found = rustls_native_certs::load_native_certs();
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(found.certs);
            if roots.is_empty() {
                return Err("this machine has no certificates to check https with; install ca-certificates or set SSL_CERT_FILE".to_owned());
            }
            connector(roots)
        });
        made.as_ref()
            .map_err(|reason| HttpError::Connection(reason.clone()))
    }
}

fn connector(roots: RootCertStore) -> Result<TlsConnector, String> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let config = builder.with_root_certificates(roots).with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Connects to the host of a URL.
pub(super) async fn open(url: &Url, tls: &Tls) -> Result<Connection, HttpError> {
    let host = url.host_str().unwrap_or("");
    let port = url.port_or_known_default().unwrap_or(80);
    let failed = |error: &dyn std::fmt::Display| {
        HttpError::Connection(format!("cannot connect to {host}:{port}: {error}"))
    };
    // An IPv6 address stands in brackets in a URL, and without them elsewhere.
    let name = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let stream = TcpStream::connect((name.as_str(), port))
        .await
        .map_err(|error| failed(&error))?;
    stream.set_nodelay(true).map_err(|error| failed(&error))?;
    if url.scheme() == "http" {
        return Ok(Connection::Plain(TokioIo::new(stream)));
    }
    let name = ServerName::try_from(name).map_err(|error| failed(&error))?;
    let secured = tls.connector()?.connect(name, stream).await;
    let secured = secured.map_err(|error| failed(&error))?;
    Ok(Connection::Secure(TokioIo::new(Box::new(secured))))
}
