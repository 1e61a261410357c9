//! The first bytes of a connection: who may speak, and of what.
//! Before it: TCP, and TLS where it is set. After it: frames.
//! Guarantees: only who heard this node's word on the bus knows its token; a connection that says anything
//! else is closed without a word. Leaves to others: deadlines.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::lane::LaneKind;

/// What a node tells the others on the bus, anew in each of its lives.
pub(crate) type Token = [u8; 16];

const MAGIC: &[u8; 7] = b"troupe\0";
const VERSION: u8 = 1;
const WELCOME: u8 = 0x2a;
const BYTES: usize = MAGIC.len() + 1 + 16 + 1;

/// A token that nobody can guess.
pub(crate) fn fresh_token() -> io::Result<Token> {
    let mut token = [0; 16];
    let mut filled = 0;
    while filled < token.len() {
        filled +=
            rustix::rand::getrandom(&mut token[filled..], rustix::rand::GetRandomFlags::empty())?;
    }
    Ok(token)
}

/// Asks to be let in.
pub(crate) async fn greet(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    token: &Token,
    lane: LaneKind,
) -> io::Result<()> {
    let mut greeting = Vec::with_capacity(BYTES);
    greeting.extend_from_slice(MAGIC);
    greeting.push(VERSION);
    greeting.extend_from_slice(token);
    greeting.push(lane as u8);
    stream.write_all(&greeting).await?;
    stream.flush().await?;
    match stream.read_u8().await? {
        WELCOME => Ok(()),
        _ => Err(io::Error::other("the other end is no node of this version")),
    }
}

/// Lets in who knows the token; says which lane is meant.
pub(crate) async fn admit(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    token: &Token,
) -> io::Result<LaneKind> {
    let mut greeting = [0; BYTES];
    stream.read_exact(&mut greeting).await?;
    let (magic, rest) = greeting.split_at(MAGIC.len());
    let told = &rest[1..17];
    // Each byte is looked at, so that the time tells nothing.
    let wrong = told.iter().zip(token).fold(0, |all, (a, b)| all | (a ^ b));
    let lane = LaneKind::of(rest[17]);
    match lane {
        Some(lane) if magic == MAGIC && rest[0] == VERSION && wrong == 0 => {
            stream.write_u8(WELCOME).await?;
            stream.flush().await?;
            Ok(lane)
        }
        _ => Err(io::Error::other(
            "a connection without this node's token: another cluster, or an earlier life of the node",
        )),
    }
}
