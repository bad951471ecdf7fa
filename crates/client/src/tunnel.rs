//! A tunnel through a proxy (`CONNECT`, RFC 9110 §9.3.6).

use gambeson_core::{TransportError, TransportErrorKind};
use http::HeaderValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::io::ByteStream;

/// The largest head of the proxy's answer, in bytes.
const MAX_HEAD: usize = 8 * 1_024;

/// Asks the proxy at the other end of `stream` for a tunnel to `authority` (host and port).
pub(crate) async fn open(
    stream: &mut dyn ByteStream,
    authority: &str,
    authorization: Option<&HeaderValue>,
) -> Result<(), TransportError> {
    let mut head = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n").into_bytes();
    if let Some(value) = authorization {
        head.extend_from_slice(b"Proxy-Authorization: ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    stream.write_all(&head).await.map_err(failed)?;
    stream.flush().await.map_err(failed)?;
    let answer = read_head(stream).await?;
    match status(&answer) {
        Some(200..=299) => Ok(()),
        Some(other) => Err(refused(format!("the proxy answered CONNECT with {other}"))),
        None => Err(refused("the proxy answered CONNECT with no proper HTTP".to_owned())),
    }
}

/// Reads to the empty line and not one byte further: what follows belongs to the destination.
async fn read_head(stream: &mut dyn ByteStream) -> Result<Vec<u8>, TransportError> {
    let mut head = Vec::with_capacity(256);
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= MAX_HEAD {
            return Err(refused("the proxy's answer to CONNECT is too long".to_owned()));
        }
        head.push(stream.read_u8().await.map_err(failed)?);
    }
    Ok(head)
}

fn status(head: &[u8]) -> Option<u16> {
    let rest = head.strip_prefix(b"HTTP/1.1 ").or_else(|| head.strip_prefix(b"HTTP/1.0 "))?;
    std::str::from_utf8(rest.get(..3)?).ok()?.parse().ok()
}

fn failed(error: std::io::Error) -> TransportError {
    TransportError::new(TransportErrorKind::Connect).with_source(error)
}

fn refused(what: String) -> TransportError {
    TransportError::new(TransportErrorKind::Connect).with_source(what)
}
