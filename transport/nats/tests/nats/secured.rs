//! TLS, client certificates and NKeys against a real server: what is right connects, what is wrong
//! is refused and says so.

use std::path::PathBuf;

use crate::support::{ask, refusal};
use tempfile::TempDir;
use tests::services::NatsServer;
use tests::wait::PATIENCE;
use transport::BusError;
use transport_nats::{NatsAuth, NatsBus, NatsOptions};

/// A server with a configuration of its own, and the folder that holds its files.
fn server(folder: &TempDir, config: &str) -> Option<NatsServer> {
    let path = folder.path().join("server.conf");
    std::fs::write(&path, config).unwrap();
    NatsServer::start_with(&["--config", path.to_str().unwrap()])
}

/// Writes a certificate for loopback, signed by itself, and its key.
fn certificate(folder: &TempDir, name: &str) -> (PathBuf, PathBuf) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (certificate, key) = (
        folder.path().join(format!("{name}.pem")),
        folder.path().join(format!("{name}.key")),
    );
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (certificate, key)
}

async fn connects(options: &NatsOptions) {
    let bus = NatsBus::connect(options).await.unwrap();
    bus.wait_connected(PATIENCE).await.unwrap();
    let asked = ask(&bus, "nobody", PATIENCE).await;
    assert!(
        matches!(asked, Err(BusError::NoResponders { .. })),
        "{asked:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_right_nkey_connects_and_another_does_not() {
    let (key, other) = (nkeys::KeyPair::new_user(), nkeys::KeyPair::new_user());
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "authorization {{ users: [ {{ nkey: {} }} ] }}",
        key.public_key()
    );
    let Some(server) = server(&folder, &config) else {
        return;
    };
    let mut options = NatsOptions::new(server.url());
    // As it stands in a file, with a line's end.
    options.auth = NatsAuth::NKey {
        seed: format!("{}\n", key.seed().unwrap()),
    };
    connects(&options).await;
    options.auth = NatsAuth::NKey {
        seed: other.seed().unwrap(),
    };
    refusal(&options).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_trusts_the_named_authority_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate_file, key_file) = certificate(&folder, "server");
    let config = format!("tls {{ cert_file: {certificate_file:?}, key_file: {key_file:?} }}");
    let Some(server) = server(&folder, &config) else {
        return;
    };
    let mut options = NatsOptions::new(server.url());
    refusal(&options).await;
    options.tls_authority_file = Some(certificate_file);
    options.tls_required = true;
    connects(&options).await;
    options.tls_authority_file = Some(certificate(&folder, "other").0);
    refusal(&options).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_certificate_is_shown_where_the_server_asks() {
    let folder = tempfile::tempdir().unwrap();
    let (server_file, server_key) = certificate(&folder, "server");
    let (client_file, client_key) = certificate(&folder, "client");
    let config = format!(
        "tls {{ cert_file: {server_file:?}, key_file: {server_key:?}, \
         ca_file: {client_file:?}, verify: true }}"
    );
    let Some(server) = server(&folder, &config) else {
        return;
    };
    let mut options = NatsOptions::new(server.url());
    options.tls_authority_file = Some(server_file);
    refusal(&options).await;
    options.tls_client_files = Some((client_file, client_key));
    connects(&options).await;
}
