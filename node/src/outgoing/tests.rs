//! Requests to real servers on this machine.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{AppendHeaders, IntoResponse, Redirect};
use axum::routing::{any, get};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::*;

/// Says what it was asked.
async fn echo(method: Method, uri: Uri, headers: HeaderMap, body: String) -> impl IntoResponse {
    let of = |name: &str| {
        headers
            .get(name)
            .map_or("-", |value| value.to_str().unwrap())
    };
    let (agent, secret) = (of("user-agent"), of("authorization"));
    let text = format!("{method} {uri} {agent} {secret} [{body}]");
    let cookies = [("set-cookie", "a=1"), ("set-cookie", "b=2")];
    (AppendHeaders(cookies), text)
}

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn server() -> SocketAddr {
    let far = |status: StatusCode, to: &'static str| {
        any(move || async move { (status, [("location", to)]) })
    };
    let router = Router::new()
        .route("/echo", any(echo))
        .route("/see-other", far(StatusCode::SEE_OTHER, "echo?seen"))
        .route("/temporary", far(StatusCode::TEMPORARY_REDIRECT, "/echo"))
        .route(
            "/elsewhere",
            far(StatusCode::FOUND, "http://elsewhere.example/"),
        )
        .route("/file", far(StatusCode::FOUND, "file:///etc/passwd"))
        .route("/round", get(|| async { Redirect::temporary("/round") }))
        .route("/large", get(|| async { "x".repeat(2000) }))
        .route("/never", get(std::future::pending::<()>));
    serve(router).await
}

fn request(url: String) -> HttpRequest {
    HttpRequest {
        method: "GET".to_owned(),
        url,
        headers: Vec::new(),
        body: Bytes::new(),
        deadline: Duration::from_secs(20),
        response_bytes_max: 1000,
        redirects_max: 3,
    }
}

fn client(patterns: &[&str]) -> OutgoingClient {
    OutgoingClient::new(AllowList::new(patterns).unwrap())
}

fn text(response: &HttpResponse) -> &str {
    std::str::from_utf8(&response.body).unwrap()
}

#[tokio::test]
async fn a_request_goes_out_and_its_response_comes_back() {
    let server = server().await;
    let client = client(&[&server.to_string()]);
    let response = client
        .send(HttpRequest {
            method: "POST".to_owned(),
            headers: vec![("authorization".to_owned(), "me".to_owned())],
            body: Bytes::from_static(b"hello"),
            ..request(format!("http://{server}/echo?a=%20b#part"))
        })
        .await
        .unwrap();
    assert_eq!(response.status, 200);
    let agent = USER_AGENT;
    assert_eq!(
        text(&response),
        format!("POST /echo?a=%20b {agent} me [hello]")
    );
    let cookies = ("set-cookie".to_owned(), "a=1, b=2".to_owned());
    assert!(
        response.headers.contains(&cookies),
        "{:?}",
        response.headers
    );
    let missing = client.send(request(format!("http://{server}/none"))).await;
    assert_eq!(missing.unwrap().status, 404);
}

#[tokio::test]
async fn redirects_are_followed_as_the_standard_says() {
    let server = server().await;
    let client = client(&["*"]);
    let post = |path: &str| HttpRequest {
        method: "POST".to_owned(),
        headers: vec![("authorization".to_owned(), "me".to_owned())],
        body: Bytes::from_static(b"hello"),
        ..request(format!("http://{server}/{path}"))
    };
    let seen = client.send(post("see-other")).await.unwrap();
    assert_eq!(text(&seen), format!("GET /echo?seen {USER_AGENT} me []"));
    assert_eq!(seen.url, format!("http://{server}/echo?seen"));
    let again = client.send(post("temporary")).await.unwrap();
    assert_eq!(text(&again), format!("POST /echo {USER_AGENT} me [hello]"));
    let round = client.send(request(format!("http://{server}/round"))).await;
    assert_eq!(round.unwrap_err().code(), "E-http-redirect");
    let file = client.send(request(format!("http://{server}/file"))).await;
    assert_eq!(file.unwrap_err().code(), "E-http-redirect");
}

#[tokio::test]
async fn secrets_do_not_go_to_another_origin() {
    let second = server().await;
    let to = format!("http://{second}/echo");
    let router = Router::new().route("/", get(move || async move { Redirect::temporary(&to) }));
    let first = serve(router).await;
    let response = client(&["*"])
        .send(HttpRequest {
            headers: vec![("authorization".to_owned(), "me".to_owned())],
            ..request(format!("http://{first}/"))
        })
        .await
        .unwrap();
    assert_eq!(text(&response), format!("GET /echo {USER_AGENT} - []"));
}

#[tokio::test]
async fn no_host_is_reached_that_is_not_allowed() {
    let server = server().await;
    let refused = client(&[])
        .send(request(format!("http://{server}/echo")))
        .await;
    let error = refused.unwrap_err();
    assert_eq!(error.code(), "E-http-not-allowed");
    assert!(error.to_string().contains(&server.to_string()), "{error}");
    let client = client(&[&server.to_string()]);
    let redirected = client
        .send(request(format!("http://{server}/elsewhere")))
        .await;
    let error = redirected.unwrap_err();
    let expected = HttpError::NotAllowed {
        host: "elsewhere.example".to_owned(),
    };
    assert_eq!(error, expected);
}

#[tokio::test]
async fn time_and_size_are_bounded() {
    let server = server().await;
    let client = client(&["*"]);
    let large = client.send(request(format!("http://{server}/large"))).await;
    assert_eq!(large.unwrap_err(), HttpError::TooLarge { max: 1000 });
    let began = Instant::now();
    let late = client
        .send(HttpRequest {
            deadline: Duration::from_millis(50),
            ..request(format!("http://{server}/never"))
        })
        .await;
    assert_eq!(late.unwrap_err().code(), "E-http-deadline");
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn what_cannot_be_asked_is_said() {
    let client = client(&["*"]);
    for url in ["", "/path", "ftp://a/", "http://me:secret@a/", "http://"] {
        let error = client.send(request(url.to_owned())).await.unwrap_err();
        assert_eq!(error.code(), "E-service-request", "{url}");
    }
    let with = |method: &str, header: (&str, &str)| HttpRequest {
        method: method.to_owned(),
        headers: vec![(header.0.to_owned(), header.1.to_owned())],
        ..request("http://127.0.0.1:1/".to_owned())
    };
    for unusable in [
        with("A B", ("a", "b")),
        with("GET", ("a b", "c")),
        with("GET", ("a", "\n")),
    ] {
        let error = client.send(unusable).await.unwrap_err();
        assert_eq!(error.code(), "E-service-request");
    }
    let nobody = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let error = client
        .send(request(format!("http://{nobody}/")))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "E-http-connection");
}

/// A server that speaks TLS and answers one request `secure`.
async fn secure_server(key: &CertifiedKey<rcgen::KeyPair>) -> SocketAddr {
    let private = PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![key.cert.der().clone()], private)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut asked = [0; 1024];
            let _ = stream.read(&mut asked).await;
            let said = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecure";
            let _ = stream.write_all(said.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    address
}

#[tokio::test]
async fn https_is_spoken_with_servers_that_prove_their_name() {
    let key = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let server = secure_server(&key).await;
    let mut roots = RootCertStore::empty();
    roots.add(key.cert.der().clone()).unwrap();
    let trusting = OutgoingClient {
        allowed: AllowList::new(&["*"]).unwrap(),
        tls: Tls::of_roots(roots),
    };
    let port = server.port();
    let response = trusting
        .send(request(format!("https://localhost:{port}/")))
        .await;
    assert_eq!(text(&response.unwrap()), "secure");
    let wrong_name = trusting
        .send(request(format!("https://127.0.0.1:{port}/")))
        .await;
    assert_eq!(wrong_name.unwrap_err().code(), "E-http-connection");
    let other = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(other.cert.der().clone()).unwrap();
    let distrusting = OutgoingClient {
        allowed: AllowList::new(&["*"]).unwrap(),
        tls: Tls::of_roots(roots),
    };
    let unknown = distrusting
        .send(request(format!("https://localhost:{port}/")))
        .await;
    let error = unknown.unwrap_err();
    assert_eq!(error.code(), "E-http-connection");
    assert!(error.to_string().contains("certificate"), "{error}");
}
