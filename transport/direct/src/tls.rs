//! TLS between nodes: both ends show a certificate of one authority.
//! Before it: TCP. After it: the greeting.
//! Guarantees: with files, nothing is said to anyone without such a certificate; the one that was connected to
//! is checked against the host of its address too. Leaves to others: deadlines.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::connection::Halves;
use crate::handshake::{self, Token};
use crate::lane::LaneKind;
use crate::socket;

/// Files in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// This node's certificate, with those between it and the authority. It has to name the host that other
    /// nodes connect to.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The certificates of the authority that signed those of all nodes.
    pub authority: PathBuf,
}

/// How connections are made safe.
#[derive(Clone, Default)]
pub(crate) enum Tls {
    /// Not at all.
    #[default]
    None,
    /// By certificates.
    Mutual {
        acceptor: TlsAcceptor,
        connector: TlsConnector,
    },
}

impl Tls {
    /// Reads the files.
    pub(crate) fn read(files: &TlsFiles) -> Result<Tls, String> {
        let certificates = |path: &PathBuf| -> Result<Vec<CertificateDer<'static>>, String> {
            let found = CertificateDer::pem_file_iter(path)
                .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                .map_err(|error| format!("{}: {error}", path.display()))?;
            match found.is_empty() {
                true => Err(format!("{} has no certificate", path.display())),
                false => Ok(found),
            }
        };
        let chain = certificates(&files.certificate)?;
        let key = PrivateKeyDer::from_pem_file(&files.key)
            .map_err(|error| format!("{}: {error}", files.key.display()))?;
        let mut roots = RootCertStore::empty();
        for root in certificates(&files.authority)? {
            roots.add(root).map_err(|error| error.to_string())?;
        }
        let roots = Arc::new(roots);
        let provider = Arc::new(ring::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider))
                .build()
                .map_err(|error| error.to_string())?;
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain.clone(), key.clone_key())
            .map_err(|error| error.to_string())?;
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .map_err(|error| error.to_string())?;
        Ok(Tls::Mutual {
            acceptor: TlsAcceptor::from(Arc::new(server)),
            connector: TlsConnector::from(Arc::new(client)),
        })
    }

    /// Connects to a node and asks to be let in.
    pub(crate) async fn connect(
        &self,
        address: &str,
        token: &Token,
        lane: LaneKind,
    ) -> io::Result<Halves> {
        let mut stream = socket::reach(address).await?;
        match self {
            Tls::None => {
                handshake::greet(&mut stream, token, lane).await?;
                Ok(plain(stream))
            }
            Tls::Mutual { connector, .. } => {
                let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
                let host = host.trim_start_matches('[').trim_end_matches(']');
                let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
                let mut stream = connector.connect(name, stream).await?;
                handshake::greet(&mut stream, token, lane).await?;
                let (reader, writer) = tokio::io::split(stream);
                Ok(halves(reader, writer))
            }
        }
    }

    /// Takes a connection in, where it knows the token.
    pub(crate) async fn accept(
        &self,
        mut stream: TcpStream,
        token: &Token,
    ) -> io::Result<(LaneKind, Halves)> {
        socket::prepare(&stream)?;
        match self {
            Tls::None => {
                let lane = handshake::admit(&mut stream, token).await?;
                Ok((lane, plain(stream)))
            }
            Tls::Mutual { acceptor, .. } => {
                let mut stream = acceptor.accept(stream).await?;
                let lane = handshake::admit(&mut stream, token).await?;
                let (reader, writer) = tokio::io::split(stream);
                Ok((lane, halves(reader, writer)))
            }
        }
    }
}

fn plain(stream: TcpStream) -> Halves {
    let (reader, writer) = stream.into_split();
    halves(reader, writer)
}

fn halves(
    reader: impl tokio::io::AsyncRead + Send + Unpin + 'static,
    writer: impl tokio::io::AsyncWrite + Send + Unpin + 'static,
) -> Halves {
    Halves {
        reader: Box::new(reader),
        writer: Box::new(writer),
    }
}
