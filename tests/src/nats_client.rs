//! A NATS client of a few lines, in the server's text protocol, as a stranger to the project would write one:
//! tests use it to be an external service or a program that sends to workers. It waits with deadlines; it does
//! not connect again.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// A message that came.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its subject.
    pub subject: String,
    /// Where an answer goes.
    pub reply: Option<String>,
    /// Its headers, names as they were sent.
    pub headers: Vec<(String, String)>,
    /// Its payload as text.
    pub payload: String,
}

/// A connection with its subscriptions.
#[derive(Debug)]
pub struct NatsClient {
    stream: TcpStream,
    messages: Receiver<Message>,
    subscriptions: usize,
}

impl Message {
    /// The header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

impl NatsClient {
    /// Connects to a server on loopback. Panics when it cannot.
    #[must_use]
    pub fn connect(port: u16) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (sender, messages) = channel();
        let reading = stream.try_clone().unwrap();
        std::thread::spawn(move || read_all(reading, &sender));
        let options = r#"{"verbose":false,"pedantic":false,"headers":true,"no_responders":true}"#;
        stream
            .write_all(format!("CONNECT {options}\r\n").as_bytes())
            .unwrap();
        Self {
            stream,
            messages,
            subscriptions: 0,
        }
    }

    /// Subscribes to a subject, as a member of a queue group where one is given.
    pub fn subscribe(&mut self, subject: &str, queue_group: Option<&str>) {
        self.subscriptions += 1;
        let group = queue_group
            .map(|group| format!(" {group}"))
            .unwrap_or_default();
        self.write(&format!("SUB {subject}{group} {}\r\n", self.subscriptions));
    }

    /// Publishes to a subject.
    pub fn publish(&mut self, subject: &str, reply: Option<&str>, payload: &str) {
        let reply = reply.map(|reply| format!(" {reply}")).unwrap_or_default();
        self.write(&format!(
            "PUB {subject}{reply} {}\r\n{payload}\r\n",
            payload.len()
        ));
    }

    /// The next message of any subscription; none when `patience` has passed.
    pub fn next(&mut self, patience: Duration) -> Option<Message> {
        self.messages.recv_timeout(patience).ok()
    }

    /// Asks and waits for the answer; none when `patience` has passed.
    pub fn request(&mut self, subject: &str, payload: &str, patience: Duration) -> Option<Message> {
        let inbox = format!("_INBOX.test.{}", self.subscriptions);
        self.subscribe(&inbox, None);
        self.publish(subject, Some(&inbox), payload);
        self.next(patience)
    }

    fn write(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }
}

impl Drop for NatsClient {
    fn drop(&mut self) {
        // Ends the thread that reads. The server may have gone already.
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }
}

/// Reads until the connection ends.
fn read_all(stream: TcpStream, messages: &Sender<Message>) {
    let Ok(mut writing) = stream.try_clone() else {
        return;
    };
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|length| length > 0) {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("PING") if writing.write_all(b"PONG\r\n").is_err() => return,
            Some("-ERR") => panic!("nats-server: {line}"),
            Some(kind @ ("MSG" | "HMSG")) => {
                let words: Vec<&str> = words.collect();
                let Some(message) = read_message(&mut reader, &words, kind == "HMSG") else {
                    return;
                };
                if messages.send(message).is_err() {
                    return;
                }
            }
            _ => {}
        }
        line.clear();
    }
}

/// `MSG subject sid [reply] bytes` and `HMSG subject sid [reply] header-bytes bytes`.
fn read_message(reader: &mut impl Read, words: &[&str], has_headers: bool) -> Option<Message> {
    let sizes = if has_headers { 2 } else { 1 };
    let number = |back: usize| {
        words
            .get(words.len().checked_sub(back)?)?
            .parse::<usize>()
            .ok()
    };
    let total = number(1)?;
    let head = if has_headers { number(2)? } else { 0 };
    let mut bytes = vec![0; total + 2];
    reader.read_exact(&mut bytes).ok()?;
    let text = |part: &[u8]| String::from_utf8_lossy(part).into_owned();
    let headers = text(&bytes[..head])
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let reply = (words.len() == 3 + sizes).then(|| words[2].to_owned());
    Some(Message {
        subject: (*words.first()?).to_owned(),
        reply,
        headers,
        payload: text(&bytes[head..total]),
    })
}

#[cfg(test)]
mod tests {
    use super::NatsClient;
    use crate::services::NatsServer;
    use crate::wait::PATIENCE;

    #[test]
    fn a_request_is_answered() {
        let Some(server) = NatsServer::start() else {
            return;
        };
        let (mut asking, mut serving) = (
            NatsClient::connect(server.port()),
            NatsClient::connect(server.port()),
        );
        serving.subscribe("prices", Some("workers"));
        serving.subscribe("ready", None);
        // The server handles what one connection sends in order: after this the subscriptions are there.
        serving.publish("ready", None, "");
        assert_eq!(serving.next(PATIENCE).unwrap().subject, "ready");
        let answering = std::thread::spawn(move || {
            let message = serving.next(PATIENCE).unwrap();
            serving.publish(
                &message.reply.unwrap(),
                None,
                &format!("{}!", message.payload),
            );
            serving
        });
        assert_eq!(
            asking
                .request("prices", "apples", PATIENCE)
                .unwrap()
                .payload,
            "apples!"
        );
        answering.join().unwrap();
    }
}
