//! An HTTP server of a test, in threads of the test's own process: answers as the test says, and keeps what it
//! was asked. One request a connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One request, as it came.
#[derive(Clone, Debug)]
pub struct HttpAsked {
    /// Its method.
    pub method: String,
    /// Its path with its query.
    pub path: String,
    /// Names in small letters, and values.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
}

impl HttpAsked {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// A server that runs until its process ends.
#[derive(Debug)]
pub struct HttpServer {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<HttpAsked>>>,
}

impl HttpServer {
    /// A server whose answers `answer` makes: a whole response, head and body; nothing to close the connection
    /// without one.
    pub fn start(answer: impl Fn(&HttpAsked) -> Option<String> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<HttpAsked>>> = Arc::default();
        let (kept, answer) = (Arc::clone(&asked), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                std::thread::spawn(move || serve(&stream, &kept, &*answer));
            }
        });
        Self { address, asked }
    }

    /// Its host and port.
    #[must_use]
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// What it was asked so far.
    #[must_use]
    pub fn asked(&self) -> Vec<HttpAsked> {
        lock(&self.asked).clone()
    }
}

fn lock(asked: &Mutex<Vec<HttpAsked>>) -> MutexGuard<'_, Vec<HttpAsked>> {
    asked.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(
    stream: &TcpStream,
    kept: &Mutex<Vec<HttpAsked>>,
    answer: &(impl Fn(&HttpAsked) -> Option<String> + ?Sized),
) {
    // A client that goes away is no matter of the server's.
    let Ok(asked) = read(stream) else { return };
    lock(kept).push(asked.clone());
    if let Some(response) = answer(&asked) {
        let mut stream = stream;
        let _ = stream.write_all(response.as_bytes());
    }
}

fn read(stream: &TcpStream) -> std::io::Result<HttpAsked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.and_then(|(_, value)| value.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    Ok(HttpAsked {
        method,
        path,
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}
