//! The beginning of the body of a server error, for the log alone.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Buf;
use http::header::{self, HeaderMap};
use http_body::Body;

use crate::panic;

/// How much of a body goes to the log, in bytes.
const KEPT: usize = 2048;

/// How many frames are asked for: a body of empty ones must end too.
const FRAMES: usize = 64;

/// What was there of a body, and how it ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Beginning {
    /// The text; empty where there is none for people.
    pub(super) text: String,
    /// What is to be known about it.
    pub(super) note: Note,
}

/// How the text that was read relates to the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Note {
    /// All of it.
    Whole,
    /// Its first bytes.
    Cut,
    /// What was there already; nobody waits for the rest.
    Unfinished,
    /// The body failed after that.
    Failed,
    /// It is no text, or compressed.
    Binary,
}

impl Note {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Cut => "cut",
            Self::Unfinished => "unfinished",
            Self::Failed => "failed",
            Self::Binary => "binary",
        }
    }
}

/// Reads what of the body is there without waiting, and drops it.
pub(super) fn beginning<B: Body>(headers: &HeaderMap, body: B) -> Beginning {
    let mut bytes = Vec::new();
    // A body is the app's code, also while it is dropped.
    let read = panic::catch(|| read(body, &mut bytes)).unwrap_or(Note::Failed);
    if headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Beginning { text: String::new(), note: Note::Binary };
    }
    match text(&bytes, read) {
        Some(text) => Beginning { text, note: read },
        None => Beginning { text: String::new(), note: Note::Binary },
    }
}

fn read<B: Body>(body: B, bytes: &mut Vec<u8>) -> Note {
    let mut body = pin!(body);
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..FRAMES {
        let frame = match body.as_mut().poll_frame(&mut cx) {
            Poll::Ready(Some(Ok(frame))) => frame,
            Poll::Ready(Some(Err(_))) => return Note::Failed,
            Poll::Ready(None) => return Note::Whole,
            Poll::Pending => return Note::Unfinished,
        };
        let Ok(mut data) = frame.into_data() else { continue };
        while data.has_remaining() {
            if bytes.len() == KEPT {
                return Note::Cut;
            }
            let chunk = data.chunk();
            let taken = chunk.len().min(KEPT - bytes.len());
            bytes.extend_from_slice(chunk.get(..taken).unwrap_or_default());
            data.advance(taken);
        }
    }
    Note::Cut
}

/// The bytes as text; `None` when they are none.
fn text(bytes: &[u8], note: Note) -> Option<String> {
    let mut text = String::from_utf8_lossy(bytes).into_owned();
    if note == Note::Cut {
        // The cut may have gone through a character.
        text.truncate(text.trim_end_matches('\u{fffd}').len());
    }
    let strange = |c: &char| *c == '\u{fffd}' || c.is_control() && !c.is_ascii_whitespace();
    let binary = text.contains('\0') || text.chars().filter(strange).count() > text.len() / 8;
    (!binary).then_some(text)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::Full;

    use super::*;

    fn of(bytes: &[u8]) -> (String, &'static str) {
        let found = beginning(&HeaderMap::new(), Full::new(Bytes::copy_from_slice(bytes)));
        (found.text, found.note.as_str())
    }

    #[test]
    fn the_first_two_kibibytes_and_no_half_character() {
        assert_eq!(of(b"at db.rs:12"), ("at db.rs:12".into(), "whole"));
        assert_eq!(of(b""), (String::new(), "whole"));
        assert_eq!(of(&[b'a'; KEPT]), ("a".repeat(KEPT), "whole"));
        assert_eq!(of(&[b'a'; KEPT + 1]), ("a".repeat(KEPT), "cut"));
        let odd = format!("{}ü and more", "a".repeat(KEPT - 1));
        assert_eq!(of(odd.as_bytes()), ("a".repeat(KEPT - 1), "cut"));
    }

    #[test]
    fn what_is_no_text_is_not_told() {
        assert_eq!(of(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), (String::new(), "binary"));
        assert_eq!(of(&[0xff; 40]), (String::new(), "binary"));
        assert_eq!(of(b"one bad \xff byte in a text"), ("one bad \u{fffd} byte in a text".into(), "whole"));
        let headers = HeaderMap::from_iter([(header::CONTENT_ENCODING, "br".parse().unwrap())]);
        assert_eq!(beginning(&headers, Full::new(Bytes::from_static(b"looks like text"))).note, Note::Binary);
    }
}
