//! What passes a connection: a length, then a kind, a number, a subject, headers and the payload.
//! Before it: `connection`, which writes and reads. After it: TCP.
//! Guarantees: reading is total and bounded; what was written is what is read.
//! Leaves to others: who may send what.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use transport::{Headers, Subject};

use crate::limits::{FRAME_OVERHEAD_BYTES, PAYLOAD_BYTES};

/// One frame.
#[derive(Clone, Debug)]
pub(crate) enum Frame {
    /// A message that wants an answer under this number.
    Request(u64, Content),
    /// The answer.
    Answer(u64, Content),
    /// Nobody listens to the subject of that request.
    Nobody(u64),
    /// A message that wants none.
    Word(Content),
}

/// What a frame carries.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    pub(crate) subject: Subject,
    pub(crate) headers: Headers,
    pub(crate) payload: Bytes,
}

const REQUEST: u8 = 1;
const ANSWER: u8 = 2;
const NOBODY: u8 = 3;
const WORD: u8 = 4;

/// Why bytes are no frame. The connection is closed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    /// Too long.
    #[error("a frame of {0} bytes")]
    TooLong(usize),
    /// Not one of ours.
    #[error("a frame that cannot be read")]
    Malformed,
}

/// The length of the frame whose first four bytes these are, without them.
pub(crate) fn length(bytes: [u8; 4]) -> Result<usize, FrameError> {
    let length = u32::from_be_bytes(bytes) as usize;
    if length > PAYLOAD_BYTES + FRAME_OVERHEAD_BYTES {
        return Err(FrameError::TooLong(length));
    }
    Ok(length)
}

impl Frame {
    /// Appends the frame.
    pub(crate) fn write(&self, buffer: &mut BytesMut) {
        let start = buffer.len();
        buffer.put_u32(0);
        match self {
            Frame::Request(number, content) => write_content(buffer, REQUEST, *number, content),
            Frame::Answer(number, content) => write_content(buffer, ANSWER, *number, content),
            Frame::Word(content) => write_content(buffer, WORD, 0, content),
            Frame::Nobody(number) => {
                buffer.put_u8(NOBODY);
                buffer.put_u64(*number);
            }
        }
        let length = (buffer.len() - start - 4) as u32;
        buffer[start..start + 4].copy_from_slice(&length.to_be_bytes());
    }

    /// Reads a frame, without its length.
    pub(crate) fn read(mut bytes: Bytes) -> Result<Frame, FrameError> {
        let kind = bytes.try_get_u8().map_err(|_| FrameError::Malformed)?;
        let number = bytes.try_get_u64().map_err(|_| FrameError::Malformed)?;
        match kind {
            REQUEST => Ok(Frame::Request(number, read_content(bytes)?)),
            ANSWER => Ok(Frame::Answer(number, read_content(bytes)?)),
            WORD => Ok(Frame::Word(read_content(bytes)?)),
            NOBODY if bytes.is_empty() => Ok(Frame::Nobody(number)),
            _ => Err(FrameError::Malformed),
        }
    }
}

fn write_content(buffer: &mut BytesMut, kind: u8, number: u64, content: &Content) {
    buffer.put_u8(kind);
    buffer.put_u64(number);
    write_text(buffer, content.subject.as_str());
    buffer.put_u16(content.headers.len() as u16);
    for (name, value) in content.headers.iter() {
        write_text(buffer, name);
        write_text(buffer, value);
    }
    buffer.put_slice(&content.payload);
}

/// Subjects and headers are bounded far below what two bytes can say.
fn write_text(buffer: &mut BytesMut, text: &str) {
    buffer.put_u16(text.len() as u16);
    buffer.put_slice(text.as_bytes());
}

fn read_content(mut bytes: Bytes) -> Result<Content, FrameError> {
    let subject = read_text(&mut bytes)?;
    let subject = Subject::new(&subject).map_err(|_| FrameError::Malformed)?;
    let count = bytes.try_get_u16().map_err(|_| FrameError::Malformed)?;
    let mut headers = Headers::new();
    for _ in 0..count {
        let (name, value) = (read_text(&mut bytes)?, read_text(&mut bytes)?);
        let set = headers.set(name, value);
        set.map_err(|_| FrameError::Malformed)?;
    }
    Ok(Content {
        subject,
        headers,
        payload: bytes,
    })
}

fn read_text(bytes: &mut Bytes) -> Result<String, FrameError> {
    let length = usize::from(bytes.try_get_u16().map_err(|_| FrameError::Malformed)?);
    if bytes.len() < length {
        return Err(FrameError::Malformed);
    }
    String::from_utf8(bytes.split_to(length).to_vec()).map_err(|_| FrameError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content() -> Content {
        let mut headers = Headers::new();
        headers.set("Troupe-Message-Id", "abc").unwrap();
        Content {
            subject: Subject::new("troupe.c.node.1.shard").unwrap(),
            headers,
            payload: Bytes::from_static(b"what is said"),
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let frames = [
            Frame::Request(7, content()),
            Frame::Answer(u64::MAX, content()),
            Frame::Word(content()),
            Frame::Nobody(3),
        ];
        for frame in frames {
            let mut buffer = BytesMut::new();
            frame.write(&mut buffer);
            let mut bytes = buffer.freeze();
            let first: [u8; 4] = bytes.split_to(4).as_ref().try_into().unwrap();
            assert_eq!(length(first).unwrap(), bytes.len());
            let read = Frame::read(bytes).unwrap();
            assert_eq!(format!("{read:?}"), format!("{frame:?}"));
        }
    }

    #[test]
    fn what_is_cut_or_strange_is_refused() {
        let mut buffer = BytesMut::new();
        Frame::Request(7, content()).write(&mut buffer);
        let whole = buffer.freeze().slice(4..);
        // A payload may be shorter; everything before it may not.
        for end in 0..whole.len() - content().payload.len() {
            assert!(Frame::read(whole.slice(..end)).is_err(), "{end}");
        }
        assert!(Frame::read(Bytes::from_static(&[9; 40])).is_err());
        assert_eq!(
            length([0xff; 4]),
            Err(FrameError::TooLong(u32::MAX as usize))
        );
    }
}
