//! One connection between two nodes: frames out, frames in, and the requests that wait for an answer.
//! Before it: `bus` and `accept`. After it: TCP.
//! Guarantees: frames go out in the order in which they were given; a request ends with its answer, at its
//! deadline, or when the connection ends. Leaves to others: making it again (`dial`).

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::frame::{self, Content, Frame};
use crate::limits::{BATCH_FRAMES, BUFFER_BYTES, OUTGOING_FRAMES, SILENCE};

/// The two halves of a stream of bytes.
pub(crate) struct Halves {
    pub(crate) reader: Box<dyn AsyncRead + Send + Unpin>,
    pub(crate) writer: Box<dyn AsyncWrite + Send + Unpin>,
}

/// Why a request brought no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AskError {
    /// Nobody listens there.
    Nobody,
    /// Not in time.
    Deadline,
    /// The connection has ended; whether the request was handled is not known.
    Ended,
    /// The connection had ended before; nothing was sent.
    Unsent,
}

type Waiting = oneshot::Sender<Result<Content, AskError>>;

/// An open connection.
pub(crate) struct Connection {
    outgoing: mpsc::Sender<Frame>,
    next: AtomicU64,
    waiting: Mutex<BTreeMap<u64, Waiting>>,
    /// When the last frame came, in milliseconds since `began`.
    heard_ms: AtomicU64,
    began: Instant,
    closed: AtomicBool,
    closing: Notify,
}

/// Takes the request out of those that wait, also where it is given up.
struct Ticket<'a> {
    connection: &'a Connection,
    number: u64,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.connection.waiting().remove(&self.number);
    }
}

impl Connection {
    /// A connection, and what its writer takes.
    pub(crate) fn new() -> (Arc<Connection>, mpsc::Receiver<Frame>) {
        let (outgoing, queue) = mpsc::channel(OUTGOING_FRAMES);
        let connection = Connection {
            outgoing,
            next: AtomicU64::new(1),
            waiting: Mutex::default(),
            heard_ms: AtomicU64::new(0),
            began: Instant::now(),
            closed: AtomicBool::new(false),
            closing: Notify::new(),
        };
        (Arc::new(connection), queue)
    }

    /// Sends and does not wait for an answer.
    pub(crate) async fn send(&self, frame: Frame) -> Result<(), AskError> {
        if self.is_closed() {
            return Err(AskError::Unsent);
        }
        let sent = self.outgoing.send(frame).await;
        sent.map_err(|_| AskError::Unsent)
    }

    /// Sends and waits for the answer.
    pub(crate) async fn ask(
        &self,
        content: Content,
        deadline: Duration,
    ) -> Result<Content, AskError> {
        let until = Instant::now() + deadline;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        self.waiting().insert(number, answer);
        let _ticket = Ticket {
            connection: self,
            number,
        };
        let asked_ms = self.elapsed_ms();
        match timeout_at(until, self.send(Frame::Request(number, content))).await {
            Ok(sent) => sent?,
            Err(_) => return Err(AskError::Deadline),
        }
        match timeout_at(until, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(AskError::Ended),
            Err(_) => {
                self.suspect(asked_ms);
                Err(AskError::Deadline)
            }
        }
    }

    /// An answer did not come. Where nothing else came either, for long, the connection is given up.
    fn suspect(&self, asked_ms: u64) {
        let heard_ms = self.heard_ms.load(Ordering::Relaxed).max(asked_ms);
        if self.elapsed_ms().saturating_sub(heard_ms) >= SILENCE.as_millis() as u64 {
            self.close();
        }
    }

    fn elapsed_ms(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    /// Hands an answer to who waits for it. One that comes late is left out.
    fn answered(&self, number: u64, answer: Result<Content, AskError>) {
        if let Some(waiting) = self.waiting().remove(&number) {
            // Whoever asked may have given up.
            let _ = waiting.send(answer);
        }
    }

    /// Ends it. Whoever waits for an answer is told.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.closing.notify_waiters();
        let waiting = std::mem::take(&mut *self.waiting());
        drop(waiting);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<u64, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries frames both ways until the connection ends, and gives why. What is no answer goes to `take`,
    /// in the order of arrival.
    pub(crate) async fn run(
        &self,
        halves: Halves,
        queue: mpsc::Receiver<Frame>,
        take: impl FnMut(Frame) + Send,
    ) -> io::Result<()> {
        let closing = self.closing.notified();
        let ended = tokio::select! {
            ended = self.read(halves.reader, take) => ended,
            ended = write(halves.writer, queue) => ended,
            () = closing => Ok(()),
        };
        self.close();
        ended
    }

    async fn read(
        &self,
        reader: Box<dyn AsyncRead + Send + Unpin>,
        mut take: impl FnMut(Frame) + Send,
    ) -> io::Result<()> {
        let mut reader = BufReader::with_capacity(BUFFER_BYTES, reader);
        loop {
            let mut length = [0; 4];
            reader.read_exact(&mut length).await?;
            let length = frame::length(length).map_err(io::Error::other)?;
            let mut bytes = BytesMut::zeroed(length);
            reader.read_exact(&mut bytes).await?;
            self.heard_ms.store(self.elapsed_ms(), Ordering::Relaxed);
            match Frame::read(bytes.freeze()).map_err(io::Error::other)? {
                Frame::Answer(number, content) => self.answered(number, Ok(content)),
                Frame::Nobody(number) => self.answered(number, Err(AskError::Nobody)),
                other => take(other),
            }
        }
    }
}

async fn write(
    mut writer: Box<dyn AsyncWrite + Send + Unpin>,
    mut queue: mpsc::Receiver<Frame>,
) -> io::Result<()> {
    let mut batch = Vec::with_capacity(BATCH_FRAMES);
    let mut buffer = BytesMut::with_capacity(BUFFER_BYTES);
    while queue.recv_many(&mut batch, BATCH_FRAMES).await > 0 {
        for frame in batch.drain(..) {
            frame.write(&mut buffer);
        }
        writer.write_all(&buffer).await?;
        writer.flush().await?;
        buffer.clear();
        if buffer.capacity() > 2 * BUFFER_BYTES {
            buffer = BytesMut::with_capacity(BUFFER_BYTES);
        }
    }
    Ok(())
}
